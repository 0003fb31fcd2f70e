"""Language identification of one system, and of a second one beside it: everything that is read, and all figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masr.errors import ScoresError, UsageError, near
from masr.io.language_scores import read_language_scores
from masr.io.layout import UTT2LANG, UTT2SPK
from masr.maths.bootstrap import Clusters, clusters
from masr.scoring.lid import figures
from masr.scoring.lid.answers import Answers, judge
from masr.scoring.lid.compare import Comparison, compare
from masr.scoring.lid.confusions import Pair, Relatedness, cosines_of, most_confused, relatedness
from masr.scoring.lid.figures import LidFigures
from masr.scoring.lid.reference import (
    Labels,
    MatchedRows,
    buckets_of,
    groups_of,
    listed,
    match,
    read_labels,
    renamed,
    seen_languages,
    speakers_of,
    table_of,
)


@dataclass(frozen=True)
class Options:
    """What is scored, and how; each is an option of `masr score lid`."""

    ref: Path
    """utt2lang, or the data directory that it is in."""
    scores: Path
    against: Path | None = None
    """A second system's scores."""
    by: Sequence[str] = ()
    durations: Path | None = None
    buckets: str = "3,10,30"
    seen: str | None = None
    """Languages of pre-training."""
    speakers: Path | None = None
    codes: Path | None = None
    top: int = 5
    other: str | None = None
    """The column that stands for every language without its own."""
    normalise: bool = False
    partial: bool = False
    seed: int = 0

    @property
    def folder(self) -> Path:
        """Where the tables of the reference lie."""
        return self.ref if self.ref.is_dir() else self.ref.parent


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it."""

    options: Options
    answers: Answers
    scored: MatchedRows
    clusters: Clusters
    source: str
    """Where speakers were read; empty where they are not known."""
    report: LidFigures
    pairs: Sequence[Pair]
    """Those that are taken for each other most."""
    related: Relatedness | None
    compared: Comparison | None


def compute(options: Options) -> Outcome:
    """Every figure of the scores in a file, with its interval."""
    if options.top < 1:
        raise UsageError(f"--top {options.top} is less than 1")
    answers, scored, drawn, source = _read(options)
    found = _figures(options, answers, scored, drawn)
    compared = _against(options, options.against, answers, scored, drawn) if options.against else None
    cosines = cosines_of(answers.languages, options.codes)
    pairs = most_confused(found.truths, answers.languages, found.confusion, cosines)
    related = None if cosines is None else relatedness(found.truths, answers.languages, found.confusion, cosines)
    return Outcome(options, answers, scored, drawn, source, found, pairs, related, compared)


def _read(options: Options) -> tuple[Answers, MatchedRows, Clusters, str]:
    """The answers to the utterances that can be scored, and what is drawn for the intervals."""
    scores = read_language_scores(options.scores)
    scored = match(options.scores, scores, read_labels(table_of(options.ref, UTT2LANG)), options.partial)
    place = table_of(options.speakers, UTT2SPK) if options.speakers else options.folder / UTT2SPK
    speakers = speakers_of(place, scored.utts) if options.speakers or place.is_file() else None
    labels = _labels(options, scored, scores.languages)
    answers = judge(options.scores, scores, scored.rows, labels, options.normalise)
    if speakers is None:
        return answers, scored, clusters(scored.utts, "utterances", options.seed), ""
    return answers, scored, clusters(speakers, seed=options.seed), str(place)


def _labels(options: Options, scored: MatchedRows, languages: tuple[str, ...]) -> Labels:
    """The true languages; those without a column are `other` where it is given."""
    if options.other is None:
        return scored.labels
    if options.other not in languages:
        raise UsageError(f"{options.scores} has no column {options.other!r}", fix=near(options.other, languages))
    return renamed(scored.labels, [name if name in languages else options.other for name in scored.labels.names])


def _figures(options: Options, answers: Answers, scored: MatchedRows, drawn: Clusters) -> LidFigures:
    labels = _labels(options, scored, answers.languages)
    groups = dict(groups_of(kind, options.folder, scored.utts) for kind in options.by)
    if options.durations:
        groups["duration"] = buckets_of(options.durations, scored.utts, _edges(options.buckets))
    if options.seen:
        seen = seen_languages(options.seen)
        names = ["seen" if name in seen else "unseen" for name in scored.labels.names]
        groups["pretraining"] = renamed(scored.labels, names)
    found = figures.compute(answers, labels, drawn, groups, options.top, options.seed)
    if found is None:
        raise ScoresError(
            f"{options.scores}: has none of the languages of {options.ref}",
            why=f"the reference has {', '.join(labels.names[:5])}",
            fix=near(labels.names[0], answers.languages),
        )
    return found


def _against(options: Options, path: Path, first: Answers, scored: MatchedRows, drawn: Clusters) -> Comparison:
    """The second system's scores have to be there for the same utterances, in any order."""
    scores = read_language_scores(path)
    place = {utt: row for row, utt in enumerate(scores.utts)}
    missing = [utt for utt in scored.utts if utt not in place]
    if missing:
        raise ScoresError(
            f"{path}: has no scores for {len(missing)} utterances of {options.scores}: {listed(missing)}",
            why="a paired test needs both systems' answers to every utterance",
            fix="score both with the same data directory",
        )
    rows = np.fromiter((place[utt] for utt in scored.utts), np.int64, len(scored.utts))
    second = judge(path, scores, rows, _labels(options, scored, scores.languages), options.normalise)
    found = compare(first, second, drawn, options.top, options.seed)
    if found is None:
        raise ScoresError(f"{options.scores} and {path} have no tested language in common")
    return found


def _edges(text: str) -> list[float]:
    try:
        edges = [float(piece) for piece in text.split(",")]
    except ValueError:
        edges = []
    if not edges or not all(a < b for a, b in zip([0.0, *edges], edges)) or edges[-1] == float("inf"):
        raise UsageError(f"--buckets {text!r} is not a list of rising seconds", fix="write it as 3,10,30")
    return edges
