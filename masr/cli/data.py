"""Check, repair, split, choose from, combine and summarise data directories in Kaldi's format.

  validate   every broken rule with its file, line and fix   (Kaldi: utils/validate_data_dir.sh)
  fix        sort, remove duplicates and broken rows, keep ids present everywhere   (utils/fix_data_dir.sh)
  split      N directories of nearly equal size   (utils/split_data.sh)
  subset     some of the utterances, by number, list, label or length   (utils/subset_data_dir.sh)
  combine    one directory out of several   (utils/combine_data.sh)
  summary    utterances, hours, speakers, languages, frames of directories
  labels     how much there is of each label of a kind
  corrupt    a copy in which stretches of each utterance are noise, music or silence (corrupted.ctm says which)

Paths in wav.scp and feats.scp count from the working folder, as in Kaldi: run these from the recipe's folder.

example:
  masr data validate data/train data/dev
  masr data subset data/train data/train_hi_ur --keep lang=hin,urd --max-dur 20
  masr data subset data/pool data/surest --surest exp/confidence/pool --share 0.5
  masr data split data/train 8
  masr data split exp/all 2 --whole recording --within series --out exp/halves
  masr data corrupt data/train data/train_corrupt --share 0.3,0.5 --kinds noise=2,music=1,silence=1
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from masr.cli.options import seed, two_numbers, words
from masr.files import ordinary

if TYPE_CHECKING:
    from masr.io.datadir.choose import Choice, How
    from masr.io.datadir.report import Checks

_SHOWN = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr data`, a sub-parser for each of its verbs."""
    verbs = parser.add_subparsers(dest="action", metavar="VERB", required=True)
    _configure_checks(verbs)
    part = verbs.add_parser("split", help="N directories of nearly equal size")
    part.add_argument("folder", metavar="DIR", type=Path)
    part.add_argument("num", metavar="N", type=int, help="how many")
    whole = part.add_mutually_exclusive_group()
    whole.add_argument("--by-speaker", action="store_true", help="keep each speaker in one part, as Kaldi does")
    whole.add_argument(
        "--whole", metavar="KIND", help="keep each label of utt2KIND, or `recording`, in one part; dealt out in turn"
    )
    part.add_argument("--within", metavar="KIND", help="of --whole: in turn within each label of utt2KIND, as a series")
    part.add_argument("--out", metavar="OUT", type=Path, help="parts go to OUT/1 .. OUT/N; default DIR/splitNutt")
    _configure_subset(verbs)
    combine = verbs.add_parser("combine", help="one directory out of several")
    combine.add_argument("out", metavar="OUT", type=Path)
    combine.add_argument("folders", metavar="DIR", type=Path, nargs="+")
    what = "a table that only some directories have: stop (default), drop it as Kaldi does, or keep its rows"
    combine.add_argument("--partial", choices=["stop", "drop", "keep"], default="stop", help=what)
    combine.add_argument("--origin", metavar="KIND", help="write the name of each utterance's directory to utt2KIND")
    summary = verbs.add_parser("summary", help="utterances, hours, speakers, languages, frames")
    summary.add_argument("folders", metavar="DIR", type=Path, nargs="+")
    labels = verbs.add_parser("labels", help="how much there is of each label of a kind")
    labels.add_argument("folder", metavar="DIR", type=Path)
    labels.add_argument("kind", metavar="KIND", nargs="?", help="lang, gender, ...: the X of utt2X; default: list them")
    _configure_corrupt(verbs)


def _configure_checks(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    validate = verbs.add_parser("validate", help="every broken rule with its file, line and fix")
    repair = verbs.add_parser("fix", help="sort, remove duplicates and broken rows, keep ids present everywhere")
    for parser in (validate, repair):
        parser.add_argument("folders", metavar="DIR", type=Path, nargs="+")
        parser.add_argument("--no-text", action="store_true", help="text need not be there")
        parser.add_argument("--no-wav", action="store_true", help="wav.scp need not be there")
        parser.add_argument("--no-spk-sort", action="store_true", help="ids need not begin with the speaker's")
        parser.add_argument("--no-files", action="store_true", help="do not look for the files that scp tables name")
        parser.add_argument("--full", action="store_true", help="read archives whole: are they what was written?")
        parser.add_argument("--no-empty-text", action="store_true", help="every utterance needs a transcript")
        parser.add_argument("--allow-pipes", action="store_true", help="`cmd |` in scp tables is fine: it will be run")
        parser.add_argument("--all", action="store_true", help=f"list every finding, not {_SHOWN} of a rule and table")
    validate.add_argument("--audio", action="store_true", help="read all audio to its end: can it be decoded?")
    repair.add_argument("--prefix", action="store_true", help="rename utterances to begin with their speaker's id")
    repair.add_argument("--drop-missing", action="store_true", help="drop rows of scp tables that point at nothing")


def _configure_subset(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    subset = verbs.add_parser(
        "subset",
        help="some of the utterances, by number, list, label or length",
        description="Filters (--utts, --spks, --keep, --drop, --min-dur, --max-dur) apply together, then one count.",
    )
    subset.add_argument("folder", metavar="DIR", type=Path)
    subset.add_argument("out", metavar="OUT", type=Path)
    subset.add_argument("--utts", metavar="FILE", type=Path, help="ids to keep, the first word of each line")
    subset.add_argument("--spks", metavar="FILE", type=Path, help="speakers to keep, the first word of each line")
    subset.add_argument("--keep", metavar="KIND=A,B", action="append", default=[], help="with one of these labels")
    subset.add_argument("--drop", metavar="KIND=A,B", action="append", default=[], help="without any of these labels")
    subset.add_argument("--min-dur", metavar="SEC", type=float, default=0.0, help="at least so long")
    subset.add_argument("--max-dur", metavar="SEC", type=float, default=math.inf, help="at most so long")
    count = subset.add_mutually_exclusive_group()
    count.add_argument("--num", metavar="N", type=int, help="N drawn by --seed; a smaller draw is part of a larger")
    count.add_argument("--first", metavar="N", type=int, help="the first N")
    count.add_argument("--last", metavar="N", type=int, help="the last N")
    count.add_argument("--shortest", metavar="N", type=int, help="the N shortest")
    count.add_argument("--per-spk", metavar="N", type=int, help="at most N of each speaker, drawn by --seed")
    count.add_argument("--per-label", metavar=("KIND", "N"), nargs=2, help="at most N of each label, drawn by --seed")
    share = "so much of their time, at most, drawn by --seed; a smaller draw is part of a larger"
    count.add_argument("--share", metavar="S", type=float, help=share)
    subset.add_argument(
        "--surest",
        metavar="DIR",
        type=Path,
        help="with --num or --share: not drawn, but those of the greatest mean confidence in DIR/confidence.scp",
    )
    subset.add_argument("--seed", metavar="S", type=seed, default=0, help="of every draw (default 0)")


def _configure_corrupt(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    corrupt = verbs.add_parser(
        "corrupt",
        help="a copy in which stretches of each utterance are noise, music or silence",
        description="What sounds where is a function of --seed and the utterance's id; corrupted.ctm lists it. "
        "Features are made of the copy afterwards: masr features OUT.",
    )
    corrupt.add_argument("folder", metavar="DIR", type=Path)
    corrupt.add_argument("out", metavar="OUT", type=Path)
    share = "of each utterance's length, drawn between these (default 0.3,0.5)"
    corrupt.add_argument("--share", metavar="LOW,HIGH", type=two_numbers, default=(0.3, 0.5), help=share)
    seconds = "length of a stretch, between these (default 0.5,2)"
    corrupt.add_argument("--seconds", metavar="LOW,HIGH", type=two_numbers, default=(0.5, 2.0), help=seconds)
    kinds = "what sounds: noise, music, silence, each with its share (default noise=1,music=1,silence=1)"
    corrupt.add_argument("--kinds", metavar="KIND=SHARE", nargs="+", default=["noise,music,silence"], help=kinds)
    level = "noise and music beside the utterance, between these (default -5,5)"
    corrupt.add_argument("--level-db", metavar="LOW,HIGH", type=two_numbers, default=(-5.0, 5.0), help=level)
    corrupt.add_argument("--overlay", action="store_true", help="speech goes on under noise and music")
    corrupt.add_argument("--noise", metavar="DATA", type=Path, help="data directory of noise; left out, it is made")
    corrupt.add_argument(
        "--music", metavar="DATA", type=Path, help="data directory of music; left out, chords are made"
    )
    corrupt.add_argument("--seed", metavar="S", type=seed, default=0, help="of every draw (default 0)")


def run(args: argparse.Namespace) -> int:
    """Opens the directories that the verb names and calls its function."""
    actions = {
        "validate": _validate,
        "fix": _fix,
        "split": _split,
        "subset": _subset,
        "combine": _combine,
        "summary": _summary,
        "labels": _labels,
        "corrupt": _corrupt,
    }
    return actions[args.action](args) or 0


def _checks(args: argparse.Namespace) -> Checks:
    from masr.io.datadir.report import Checks

    return Checks(
        text=not args.no_text,
        wav=not args.no_wav,
        empty_text=not args.no_empty_text,
        pipes=args.allow_pipes,
        speaker_prefix=not args.no_spk_sort,
        files=not args.no_files,
        full=args.full,
        audio=getattr(args, "audio", False),
    )


def _validate(args: argparse.Namespace) -> int:
    from masr.io.datadir.screen import render_report
    from masr.io.datadir.validate import validate

    reports = [validate(folder, _checks(args), _shown(args)) for folder in args.folders]
    for report in reports:
        print(render_report(report))
    return 2 if any(report.total for report in reports) else 0


def _fix(args: argparse.Namespace) -> int:
    from masr.io.datadir.fix import fix
    from masr.io.datadir.screen import render_fixed, render_report
    from masr.io.datadir.tables import tables_in
    from masr.io.datadir.validate import validate
    from masr.io.one_writer import writing

    code = 0
    for folder in args.folders:
        tables_in(folder)  # what is no data directory is refused before anything is laid in its place
        with writing(folder, "data"):
            fixed = fix(folder, _checks(args), args.prefix, args.drop_missing)
        print(render_fixed(fixed, _shown(args)))
        left = validate(folder, _checks(args), _shown(args))
        print(render_report(left))
        code = 2 if left.total else code
    return code


def _shown(args: argparse.Namespace) -> int | None:
    return None if args.all else _SHOWN


def _split(args: argparse.Namespace) -> None:
    from masr.errors import UsageError
    from masr.io.datadir import DataDir
    from masr.io.datadir.select import split, split_by_label
    from masr.io.datadir.view import open_table
    from masr.io.layout import UTT2SPK
    from masr.io.one_writer import writing

    if args.within and not args.whole:
        raise UsageError("--within says within what --whole is dealt out", fix="add --whole, as --whole recording")
    source = DataDir.open(args.folder)
    default = args.folder / f"split{args.num}{args.whole}" if args.whole else args.folder
    with writing(args.out or default, "data"):
        if args.whole:
            parts = split_by_label(source, args.num, args.whole, args.within, args.out or default)
        else:
            parts = split(source, args.num, args.by_speaker, args.out)
        for folder in parts:
            _say_what_it_is_made_of(folder, [args.folder])
    for folder in parts:
        print(f"{folder}: {len(open_table(folder / UTT2SPK))} utterances")


def _subset(args: argparse.Namespace) -> None:
    from masr.io.datadir import DataDir
    from masr.io.datadir.choose import choose
    from masr.io.datadir.select import subset
    from masr.io.one_writer import writing

    source = DataDir.open(args.folder)
    chosen = choose(source, _choice(args, source.utts))
    with writing(args.out, "data"):
        made = subset(source, args.out, chosen)
        _say_what_it_is_made_of(made.folder, [args.folder])
    print(f"{made.folder}: {len(made)} of {len(source)} utterances")


def _choice(args: argparse.Namespace, utts: Sequence[str]) -> Choice:
    """The options of `subset` as one choice among these utterances."""
    from masr.errors import UsageError
    from masr.io.datadir.choose import Choice
    from masr.io.surest import mean_confidences

    given: dict[How, int | None] = {
        "random": args.num,
        "first": args.first,
        "last": args.last,
        "shortest": args.shortest,
    }
    how: How = next((how for how, num in given.items() if num is not None), "random")
    num, kind = given[how], "spk"
    if args.per_spk is not None:
        how, num = "each", args.per_spk
    if args.per_label:
        how, num, kind = "each", _whole(args.per_label[1]), args.per_label[0]
    if args.surest is not None:
        if args.num is None and args.share is None:
            raise UsageError("--surest says which utterances come first, and not how many", fix="add --share or --num")
        how = "surest"
    return Choice(
        utts=_listed(args.utts) if args.utts else None,
        speakers=_listed(args.spks) if args.spks else None,
        keep=dict(map(_kind_and_labels, args.keep)),
        drop=dict(map(_kind_and_labels, args.drop)),
        min_sec=args.min_dur,
        max_sec=args.max_dur,
        num=num,
        how=how,
        kind=kind,
        seed=args.seed,
        share=args.share,
        scores={} if args.surest is None else mean_confidences(args.surest, utts),
    )


def _whole(text: str) -> int:
    from masr.errors import UsageError

    if not text.isdecimal():
        raise UsageError(f"--per-label: {text!r} is not a whole number", fix="write it as --per-label lang 100")
    return int(text)


def _kind_and_labels(text: str) -> tuple[str, list[str]]:
    from masr.errors import UsageError

    kind, equals, labels = text.partition("=")
    if not (kind and equals and labels):
        raise UsageError(f"{text!r} is not KIND=A,B", fix="write it as lang=hin,urd")
    return kind, labels.split(",")


def _listed(path: Path) -> set[str]:
    from masr.errors import UsageError

    try:
        return {line.split()[0] for line in ordinary(path).read_text(encoding="utf-8").splitlines() if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None


def _combine(args: argparse.Namespace) -> None:
    from masr.io.datadir import DataDir
    from masr.io.datadir.combine import combine
    from masr.io.one_writer import writing

    sources = [DataDir.open(folder) for folder in args.folders]
    with writing(args.out, "data"):
        made = combine(args.out, sources, args.partial, args.origin)
        _say_what_it_is_made_of(made.folder, args.folders)
    print(f"{made.folder}: {len(made)} utterances; {', '.join(made.tables())}")


def _summary(args: argparse.Namespace) -> None:
    from masr.io.datadir import DataDir
    from masr.io.datadir.screen import render_summary
    from masr.io.datadir.summary import overlapping, summarise

    sources = [DataDir.open(folder) for folder in args.folders]
    print(render_summary([summarise(source) for source in sources], overlapping(sources)))


def _labels(args: argparse.Namespace) -> None:
    from masr.io.datadir import DataDir
    from masr.io.datadir.screen import render_labels
    from masr.io.datadir.summary import count_labels

    source = DataDir.open(args.folder)
    if args.kind is None:
        print("\n".join(source.kinds()))
    else:
        print(render_labels(source.folder, args.kind, count_labels(source, args.kind)))


def _corrupt(args: argparse.Namespace) -> None:
    from masr.data.corrupt import Corruption, corrupt, kinds_of, render
    from masr.data.stretches import Plan
    from masr.io.datadir import DataDir
    from masr.io.one_writer import writing

    plan = Plan(args.share, args.seconds, kinds_of(words(args.kinds)), args.seed)
    folders = {kind: folder for kind, folder in (("noise", args.noise), ("music", args.music)) if folder is not None}
    config = Corruption(plan, args.level_db, args.overlay, folders)
    source = DataDir.open(args.folder)
    with writing(args.out, "data"):
        made = corrupt(source, args.out, config)
        _say_what_it_is_made_of(made.folder, [args.folder])
    print(render(made))


def _say_what_it_is_made_of(folder: Path, parts: Sequence[Path]) -> None:
    from masr.io.origin import MADE_OF
    from masr.io.provenance import write_provenance

    write_provenance(folder, **{MADE_OF: [str(part.absolute()) for part in parts]})
