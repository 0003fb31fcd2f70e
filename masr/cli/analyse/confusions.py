"""How often near languages are taken for each other before and after a change, as metadata beside speech: a picture.

ANSWERS are files of `masr analyse probe --answers`, all of one test; --names says of which system each is, and files of
the same name, as of several seeds, are pooled. The share of a pair of languages is that of the utterances of either
that were answered with the other. Pairs are the nearest by the cosine of their lang2vec codes (--codes, of `masr
units`); below them stands the mean over all other pairs. Intervals are over resampled speakers. Written to --out:
confusions.tsv and confusions.svg.

example:
  masr analyse confusions exp/{speech,masr}/answers.tsv --names speech,masr --before speech --after masr \\
    --codes exp/units --out exp/confusions
  masr analyse confusions exp/{speech,masr}.{0,1,2}.tsv --names speech,speech,speech,masr,masr,masr --before speech \\
    --after masr --codes exp/units --out exp/confusions --most 10
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.report.dumbbells import Dumbbell
    from masr.scoring.lid.confusion_change import Change, Confusions

COLUMNS = ("first", "second", "cosine", "utterances", "before", "after", "change", "low", "high")
TABLE, PICTURE = "confusions.tsv", "confusions.svg"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse confusions`."""
    parser.add_argument("answers", nargs="+", type=Path, metavar="ANSWERS", help="utt speaker label answer, with tabs")
    parser.add_argument(
        "--names", nargs="+", required=True, metavar="NAME", help="of each file's system; commas part them too"
    )
    parser.add_argument("--before", required=True, metavar="NAME", help="the system to compare with")
    parser.add_argument("--after", required=True, metavar="NAME", help="the system that is changed")
    parser.add_argument("--codes", type=Path, required=True, metavar="DIR", help="codes of stage 3 (exp/units)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=f"write {TABLE} and {PICTURE} there")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="pairs that are shown (default 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the resampling (default 0)")


def run(args: argparse.Namespace) -> None:
    """Reads, compares, writes, prints."""
    from masr.io.answers import read_answer_table
    from masr.io.atomic import atomic_write
    from masr.io.provenance import write_provenance
    from masr.scoring.lid.confusion_change import compare_confusions, languages_of
    from masr.scoring.lid.confusions import cosines_of

    if args.most < 1 or args.seed < 0:
        _refuse("--most is at least 1, and --seed is not negative")
    files = {side: _files_of(getattr(args, side), side, args) for side in ("before", "after")}
    tables = {side: [read_answer_table(path) for path in paths] for side, paths in files.items()}
    languages = languages_of([*tables["before"], *tables["after"]])
    cosines = cosines_of(languages, args.codes)
    if cosines is None:
        from masr.errors import ScoresError

        raise ScoresError(
            f"{args.codes} has a code for none of the languages of {args.answers[0]}: {', '.join(languages[:5])}",
            fix="give --codes the folder that masr units made for this corpus",
        )
    found = compare_confusions(tables["before"], tables["after"], languages, cosines, args.most, args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    atomic_write(args.out / TABLE, as_table(found))
    atomic_write(args.out / PICTURE, as_picture(found, args.before, args.after))
    write_provenance(args.out, **{side: ", ".join(map(str, paths)) for side, paths in files.items()})
    print("\n".join(report(found, args.before, args.after)))


def _files_of(name: str, side: str, args: argparse.Namespace) -> list[Path]:
    """The files of a system."""
    from masr.errors import near

    names = [part.strip() for text in args.names for part in text.split(",") if part.strip()]
    if len(names) != len(args.answers):
        _refuse(f"{len(names)} names for {len(args.answers)} files of answers", "give each a name; seeds share one")
    if name not in names:
        _refuse(f"--{side} {name} is none of --names", near(name, names))
    if args.before == args.after:
        _refuse(f"--before and --after are both {name}", "give two systems")
    return [path for path, own in zip(args.answers, names, strict=True) if own == name]


def as_table(found: Confusions) -> str:
    """A line for each pair, then the means over them and over all others."""

    def cells(change: Change) -> list[str]:
        values = (change.before, change.after, change.value, change.low, change.high)
        return ["" if value is None else f"{round(value, 6) + 0.0:.6f}" for value in values]

    rows = [[one.first, one.second, f"{one.cosine:.4f}", str(one.num_utts), *cells(one.change)] for one in found.pairs]
    rows += [[_shown(found), "mean", "", "", *cells(found.related)]]
    if found.others:
        rows += [[_rest(found), "mean", "", "", *cells(found.others)]]
    return "".join("\t".join(row) + "\n" for row in [list(COLUMNS), *rows])


def as_picture(found: Confusions, before: str, after: str) -> str:
    """A row for each pair, then the means."""
    from masr.corpora.languages import english_name
    from masr.report.dumbbells import Dumbbell, draw_dumbbells

    pairs = [
        Dumbbell(
            f"{english_name(one.first)} \N{EN DASH} {english_name(one.second)}",
            one.change.before,
            one.change.after,
            one.change,
            f"cosine {one.cosine:.2f}",
            f"{one.first}, {one.second}, {one.num_utts} utterances",
        )
        for one in found.pairs
    ]
    means = [_mean(f"mean of {_shown(found)}", found.related)]
    if found.others:
        means.append(_mean(f"mean of {_rest(found)}", found.others))
    title = f"Near languages taken for each other, before ({before}) and after ({after})"
    axis = "of the utterances of either language, answered with the other"
    return draw_dumbbells([pairs, means], title, before, after, axis, _notes(found))


def _mean(name: str, change: Change) -> Dumbbell:
    from masr.report.dumbbells import Dumbbell

    return Dumbbell(name, change.before, change.after, change)


def report(found: Confusions, before: str, after: str) -> list[str]:
    """A line for each pair, what it comes to in a sentence, and what is left out."""
    names = [f"{one.first}-{one.second}" for one in found.pairs]
    width = max(5, *map(len, names))
    lines = [f"{'pair':<{width}}  cosine  before %  after %  change [95 %]"]
    for name, one in zip(names, found.pairs, strict=True):
        shares = f"{100 * one.change.before:8.1f}  {100 * one.change.after:7.1f}"
        lines.append(f"{name:<{width}}  {one.cosine:6.2f}  {shares}  {_points(one.change)}")
    said = [f"mean over the {_shown(found)} {_sentence(found.related)}"]
    if found.others:
        said.append(f"mean over {_rest(found)} {_sentence(found.others)}")
    return [*lines, "", f"Before is {before}, after is {after}: {'; '.join(said)}.", *_notes(found)]


def _sentence(change: Change) -> str:
    return f"{100 * change.before:.2f} % before, {100 * change.after:.2f} % after ({_points(change)} points)"


def _points(change: Change) -> str:
    from masr.report.dumbbells import points

    return points(change)


def _notes(found: Confusions) -> list[str]:
    """What the figures are of, and who is in none."""
    notes = [f"{found.num_utts} utterances; intervals are of {found.num_speakers} speakers drawn again."]
    if found.without_code:
        notes.append(f"Without a code, and so in no pair: {', '.join(found.without_code)}.")
    return notes


def _shown(found: Confusions) -> str:
    return f"{len(found.pairs)} nearest pairs" if len(found.pairs) > 1 else "nearest pair"


def _rest(found: Confusions) -> str:
    return f"all {found.num_others} other pairs" if found.num_others > 1 else "the other pair"


def _refuse(what: str, fix: str = "") -> None:
    from masr.errors import UsageError

    raise UsageError(what, fix=fix)
