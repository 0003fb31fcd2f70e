"""Word error rates of one system, and of a second one beside it: everything that is read, and all figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masr.errors import ScoresError
from masr.io.layout import UTT2SPK
from masr.maths.bootstrap import Clusters, Difference, clusters
from masr.scoring.lid.reference import Labels, encode, groups_of, seen_or_not, speakers_of, table_of
from masr.scoring.wer import rates
from masr.scoring.wer.alignment import COSTS, Rule, align
from masr.scoring.wer.coded import Pairs, characters_of, words_of
from masr.scoring.wer.edits import count_edits
from masr.scoring.wer.matched_pairs import MatchedPairs, difference, matched_pairs
from masr.scoring.wer.rates import ErrorRates
from masr.scoring.wer.texts import Form, Missing, Spelling, Texts, read_texts, same_utterances
from masr.types import IntArray


@dataclass(frozen=True)
class Options:
    """What is scored, and how; each is an option of `masr score wer`."""

    ref: Path
    """text, or the data directory that it is in."""
    hyp: Path
    against: Path | None = None
    """What a second system wrote."""
    cer: bool = False
    no_spaces: bool = False
    spk: Path | None = None
    by: Sequence[str] = ()
    seen: str | None = None
    """Languages of pre-training."""
    lower: bool = False
    normalise: Form = "none"
    missing: Missing = "refuse"
    rule: Rule = "nist"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class System:
    """One hypothesis file, counted."""

    texts: Texts
    pairs: dict[str, Pairs]
    """`words`, and `characters` where they are asked for."""
    counts: dict[str, IntArray]


@dataclass(frozen=True)
class Compared:
    """A second system on the utterances that both have."""

    num_utts: int
    matched: MatchedPairs
    differences: dict[str, Difference]


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that is shown and written."""

    options: Options
    system: System
    clusters: Clusters
    source: str
    """Where speakers were read."""
    speakers: Labels | None
    reports: dict[str, ErrorRates]
    compared: Compared | None


def compute(options: Options) -> Outcome:
    """Every rate of a hypothesis file, with its interval."""
    system = _system(options, options.hyp)
    utts = system.texts.utts
    folder = options.ref if options.ref.is_dir() else options.ref.parent
    place = table_of(options.spk, UTT2SPK) if options.spk else folder / UTT2SPK
    names = speakers_of(place, utts) if options.spk or place.is_file() else None
    drawn = clusters(utts, "utterances", options.seed) if names is None else clusters(names, seed=options.seed)
    speakers = None if names is None else encode(names)
    groups = dict(groups_of(kind, folder, utts) for kind in options.by)
    if options.seen:
        groups["pretraining"] = seen_or_not(options.seen, folder, utts)
    reports = {
        kind: rates.compute(counts, drawn, speakers, groups, options.seed) for kind, counts in system.counts.items()
    }
    compared = _compare(options, options.against, system, names) if options.against else None
    return Outcome(options, system, drawn, str(place) if names is not None else "", speakers, reports, compared)


def _system(options: Options, hyp: Path) -> System:
    texts = read_texts(options.ref, hyp, options.missing, Spelling(options.lower, options.normalise))
    pairs = {"words": words_of(texts.refs, texts.hyps)}
    if options.cer:
        pairs["characters"] = characters_of(texts.refs, texts.hyps, not options.no_spaces)
    return System(texts, pairs, {kind: count_edits(pair, options.rule) for kind, pair in pairs.items()})


def _compare(options: Options, path: Path, first: System, speakers: list[str] | None) -> Compared:
    """Over the utterances that both systems have."""
    second = _system(options, path)
    ours, theirs = (np.array(rows, dtype=np.int64) for rows in same_utterances(first.texts, second.texts))
    if not len(ours):
        raise ScoresError(f"{options.hyp} and {path} have no utterance in common")
    units = first.texts.utts if speakers is None else speakers
    drawn = clusters([units[row] for row in ours.tolist()], seed=options.seed)
    costs = COSTS[options.rule]
    alignments = [align(one.pairs["words"].take(rows), costs) for one, rows in ((first, ours), (second, theirs))]
    return Compared(
        len(ours),
        matched_pairs(*alignments),
        {
            kind: difference(counts[ours], second.counts[kind][theirs], drawn, options.seed)
            for kind, counts in first.counts.items()
        },
    )
