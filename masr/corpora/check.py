"""Stage 0 for a downloaded corpus: is it there, is it all there, before anything long begins."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from masr.corpora.columns import aligned
from masr.corpora.merge import kind_of
from masr.corpora.sidecar import NAME, read_sidecar
from masr.errors import CorpusError
from masr.io.progress import track
from masr.types import Corpus, Problem


def check(corpus: Corpus, source: Path) -> str:
    """A table of what `source` holds; CorpusError where it is not the corpus it should be.

    No audio is read. A corpus with a `survey(source)` of its own makes the table, for one whose utterances lie in
    archives would have to unpack them all to be counted.
    """
    source = Path(source)
    survey = getattr(corpus, "survey", None)
    rows = list(survey(source)) if survey is not None else _counted(corpus, source)
    lines = [aligned(rows)]
    sidecar = read_sidecar(source)
    if sidecar:
        kinds = sorted({kind for labels in sidecar.values() for kind in labels})
        lines.append(f"{NAME}: {len(sidecar)} files; {', '.join(kinds)}")
    return "\n".join(lines)


def _counted(corpus: Corpus, source: Path) -> list[tuple[str, ...]]:
    """Utterances and problems of each split, as the corpus's own files tell."""
    utterances: Counter[str] = Counter()
    problems: dict[str, Counter[str]] = {}
    parts = corpus.parts(source)
    for part in track(parts, "check", unit="part"):
        problems.setdefault(part.split, Counter())
        num_read = 0
        for item in corpus.read(part):
            if isinstance(item, Problem):
                spoilt = num_read if item.spoils_part else 0
                problems[part.split][kind_of(item)] += 1 + spoilt
                num_read -= spoilt
            else:
                num_read += 1
        utterances[part.split] += num_read
    if not utterances.total():
        reasons = Counter[str]()
        for counted in problems.values():
            reasons += counted
        raise CorpusError(
            f"{source} holds no utterance that could be used",
            why="; ".join(f"{count} x {kind}" for kind, count in reasons.most_common(4)),
        )
    num_parts = Counter(part.split for part in parts)
    rows: list[tuple[str, ...]] = [("split", "parts", "utterances", "left out", "because")]
    for split, counted in problems.items():
        reasons_text = ", ".join(f"{count} x {kind}" for kind, count in counted.most_common(4))
        counts = (num_parts[split], utterances[split], counted.total())
        rows.append((split, *map(str, counts), reasons_text))
    return rows
