"""Language identification, scored as the evaluations do: accuracy, F1, equal error rate, Cavg, Cllr, calibration.

FILE of --scores is a table (header `utt` and the languages, then a row of natural log-probabilities for each utterance)
or scores.npy with scores.utts and scores.languages beside it. Every figure has a 95 % interval over resampled speakers;
where speakers are not known, over utterances, and the output says so. docs/lid.md defines each figure.

Languages that the system does not have are reported apart, and are no part of any other figure.

example:
  masr score lid --ref data/test --scores exp/lid/test/scores.tsv --json exp/lid/test/lid.json
  masr score lid --ref data/test --scores a.tsv --against b.tsv --by group --by gender --durations data/test
  masr score lid --ref data/test/utt2lang --scores scores.npy --seen data/pretrain --figures exp/lid/test
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.maths.bootstrap import Clusters
    from masr.scoring.lid.answers import Answers
    from masr.scoring.lid.compare import Comparison
    from masr.scoring.lid.figures import LidFigures
    from masr.scoring.lid.reference import Labels, MatchedRows


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score lid`."""
    parser.add_argument(
        "--ref", type=Path, required=True, metavar="TABLE", help="utt2lang, or the data directory it is in"
    )
    parser.add_argument("--scores", type=Path, required=True, metavar="FILE", help="scores.tsv or scores.npy")
    parser.add_argument("--against", type=Path, metavar="FILE", help="a second system's scores, for paired tests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write figures there for masr report to draw")
    parser.add_argument(
        "--by", action="append", default=[], metavar="KIND", help="figures by group: a kind, or a table utt2KIND"
    )
    parser.add_argument("--durations", type=Path, metavar="TABLE", help="figures by length: utt2dur, or its directory")
    parser.add_argument("--buckets", default="3,10,30", metavar="SEC,SEC", help="ends of the lengths (default 3,10,30)")
    parser.add_argument(
        "--seen", metavar="WHICH", help="languages of pre-training: a data directory, a list's file, or a,b,c"
    )
    parser.add_argument(
        "--speakers", type=Path, metavar="TABLE", help="utt2spk, or its directory (default: beside the reference)"
    )
    parser.add_argument("--codes", type=Path, metavar="DIR", help="codes of stage 3 to compare languages by")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="right among the K likeliest (default 5)")
    parser.add_argument("--other", metavar="NAME", help="column that stands for every language without its own")
    parser.add_argument("--normalise", action="store_true", help="make each row probabilities first, by log-softmax")
    parser.add_argument("--partial", action="store_true", help="score what is there though utterances lack scores")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the resampling (default 0)")


def run(args: argparse.Namespace) -> None:
    """Reads, scores, prints, writes."""
    from masr.io.json_file import write_json
    from masr.scoring.lid.confusions import cosines_of, most_confused, relatedness
    from masr.scoring.lid.record import as_json, write_figures
    from masr.scoring.lid.screen import show

    if args.top < 1:
        _refuse(f"--top {args.top} is less than 1")
    answers, scored, clusters, source = _read(args)
    found = _report(args, answers, scored, clusters)
    compared = _against(args, answers, scored, clusters) if args.against else None
    cosines = cosines_of(answers.languages, args.codes)
    pairs = most_confused(found.truths, answers.languages, found.confusion, cosines)
    related = None if cosines is None else relatedness(found.truths, answers.languages, found.confusion, cosines)
    result = as_json(args, answers, found, scored, clusters, source, pairs, related, compared)
    show(result, found, compared)
    if args.json:
        write_json(str(args.json), result, indent=1)
    if args.figures:
        write_figures(args.figures, answers, found)


def _read(args: argparse.Namespace) -> tuple[Answers, MatchedRows, Clusters, str]:
    """The answers to the utterances that can be scored, and what is drawn for the intervals."""
    from masr.io.language_scores import read_language_scores
    from masr.io.layout import UTT2LANG, UTT2SPK
    from masr.maths.bootstrap import clusters
    from masr.scoring.lid.answers import judge
    from masr.scoring.lid.reference import match, read_labels, speakers_of, table_of

    scores = read_language_scores(args.scores)
    scored = match(args.scores, scores, read_labels(table_of(args.ref, UTT2LANG)), args.partial)
    place = table_of(args.speakers, UTT2SPK) if args.speakers else _folder(args.ref) / UTT2SPK
    speakers = speakers_of(place, scored.utts) if args.speakers or place.is_file() else None
    answers = judge(args.scores, scores, scored.rows, _labels(args, scored, scores.languages), args.normalise)
    source = str(place) if speakers is not None else ""
    drawn = clusters(scored.utts, "utterances", args.seed) if speakers is None else clusters(speakers, seed=args.seed)
    return answers, scored, drawn, source


def _folder(ref: Path) -> Path:
    return ref if ref.is_dir() else ref.parent


def _labels(args: argparse.Namespace, scored: MatchedRows, languages: tuple[str, ...]) -> Labels:
    """The true languages; those without a column are `--other` where it is given."""
    from masr.scoring.lid.reference import renamed

    if args.other is None:
        return scored.labels
    if args.other not in languages:
        from masr.errors import near

        _refuse(f"{args.scores} has no column {args.other!r}", near(args.other, languages))
    return renamed(scored.labels, [name if name in languages else args.other for name in scored.labels.names])


def _report(args: argparse.Namespace, answers: Answers, scored: MatchedRows, clusters: Clusters) -> LidFigures:
    from masr.errors import ScoresError, near
    from masr.scoring.lid.figures import lid_figures
    from masr.scoring.lid.reference import buckets_of, groups_of, renamed, seen_languages

    labels = _labels(args, scored, answers.languages)
    groups = dict(groups_of(kind, _folder(args.ref), scored.utts) for kind in args.by)
    if args.durations:
        groups["duration"] = buckets_of(args.durations, scored.utts, _edges(args.buckets))
    if args.seen:
        seen = seen_languages(args.seen)
        names = ["seen" if name in seen else "unseen" for name in scored.labels.names]
        groups["pretraining"] = renamed(scored.labels, names)
    found = lid_figures(answers, labels, clusters, groups, args.top, args.seed)
    if found is None:
        raise ScoresError(
            f"{args.scores}: has none of the languages of {args.ref}",
            why=f"the reference has {', '.join(labels.names[:5])}",
            fix=near(labels.names[0], answers.languages),
        )
    return found


def _against(args: argparse.Namespace, first: Answers, scored: MatchedRows, clusters: Clusters) -> Comparison:
    """The second system's scores have to be there for the same utterances, in any order."""
    import numpy as np

    from masr.errors import ScoresError
    from masr.io.language_scores import read_language_scores
    from masr.scoring.lid.answers import judge
    from masr.scoring.lid.compare import compare
    from masr.scoring.lid.reference import listed

    scores = read_language_scores(args.against)
    place = {utt: row for row, utt in enumerate(scores.utts)}
    missing = [utt for utt in scored.utts if utt not in place]
    if missing:
        raise ScoresError(
            f"{args.against}: has no scores for {len(missing)} utterances of {args.scores}: {listed(missing)}",
            why="a paired test needs both systems' answers to every utterance",
            fix="score both with the same data directory",
        )
    rows = np.fromiter((place[utt] for utt in scored.utts), np.int64, len(scored.utts))
    second = judge(args.against, scores, rows, _labels(args, scored, scores.languages), args.normalise)
    found = compare(first, second, clusters, args.top, args.seed)
    if found is None:
        raise ScoresError(f"{args.scores} and {args.against} have no tested language in common")
    return found


def _edges(text: str) -> list[float]:
    try:
        edges = [float(piece) for piece in text.split(",")]
    except ValueError:
        edges = []
    if not edges or not all(a < b for a, b in zip([0.0, *edges], edges)) or edges[-1] == float("inf"):
        _refuse(f"--buckets {text!r} is not a list of rising seconds", "write it as 3,10,30")
    return edges


def _refuse(what: str, fix: str = "") -> None:
    from masr.errors import UsageError

    raise UsageError(what, fix=fix)
