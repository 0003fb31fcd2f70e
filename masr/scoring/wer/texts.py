"""References and hypotheses of the same utterances, with what had to be left out."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.errors import DataError, ScoresError
from masr.io.layout import TEXT
from masr.scoring.lid.reference import listed, read_labels, table_of

Missing = Literal["refuse", "skip", "delete"]
Form = Literal["none", "nfc", "nfkc"]


@dataclass(frozen=True)
class Spelling:
    """Differences of spelling that are undone before words are compared; none by default."""

    lower: bool = False
    form: Form = "none"

    def of(self, text: str) -> str:
        """The text as it is compared."""
        if self.form != "none":
            text = unicodedata.normalize(self.form.upper(), text)  # type: ignore[arg-type]
        return text.lower() if self.lower else text


@dataclass(frozen=True)
class Texts:
    """References and hypotheses that are scored, in the order of the reference."""

    utts: tuple[str, ...]
    refs: tuple[str, ...]
    hyps: tuple[str, ...]
    empty: tuple[str, ...]
    """Utterances whose reference has no word: what was said there is an insertion."""
    missing: tuple[str, ...]
    """Utterances of the reference without a hypothesis."""
    extra: tuple[str, ...]
    """Hypotheses of utterances that the reference does not have."""


def read_texts(ref: Path, hyp: Path, missing: Missing = "refuse", spelling: Spelling | None = None) -> Texts:
    """The texts of both files; a hypothesis that is missing is refused, skipped, or counted as all words deleted."""
    refs, hyps = read_text(ref), read_text(hyp)
    lost = tuple(utt for utt in refs if utt not in hyps)
    extra = tuple(utt for utt in hyps if utt not in refs)
    if not refs:
        raise ScoresError(f"{ref}: has no utterance")
    if len(lost) == len(refs):
        raise ScoresError(
            f"{hyp}: has none of the {len(refs)} utterances of {ref}",
            why=f"it begins with {next(iter(hyps), 'nothing')}, the reference with {next(iter(refs))}",
            fix="give the text of the utterances that were decoded",
        )
    if lost and missing == "refuse":
        raise ScoresError(
            f"{hyp}: lacks {len(lost)} of {len(refs)} utterances of {ref}: {listed(lost)}",
            why="the decoder failed on them, or they were not given to it; without them the figures flatter",
            fix="decode them, or say --missing delete (all their words are deletions) or --missing skip",
        )
    utts = tuple(utt for utt in refs if missing == "delete" or utt in hyps)
    change: Callable[[str], str] = (spelling or Spelling()).of
    chosen = [change(refs[utt]) for utt in utts]
    found = Texts(
        utts,
        tuple(chosen),
        tuple(change(hyps.get(utt, "")) for utt in utts),
        tuple(utt for utt, text in zip(utts, chosen) if not text.encode().split()),
        lost,
        extra,
    )
    if len(found.empty) == len(utts):
        raise ScoresError(f"{ref}: has no word in any of its {len(utts)} utterances: there is no rate of errors")
    return found


def read_text(path: Path) -> dict[str, str]:
    """Utterance -> transcript, of a table or a data directory's text; DataError with the line where it is no table."""
    place = table_of(path, TEXT)
    if not place.is_file():
        raise DataError(f"{place}: no such file")
    return read_labels(place)


def same_utterances(first: Texts, second: Texts) -> tuple[Sequence[int], Sequence[int]]:
    """Places of the utterances that both have, in the order of the first."""
    where = {utt: place for place, utt in enumerate(second.utts)}
    both = [place for place, utt in enumerate(first.utts) if utt in where]
    return both, [where[first.utts[place]] for place in both]
