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

from masr.cli.options import seed, words

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
    parser.add_argument("--seed", type=seed, default=0, metavar="S", help="of the resampling (default 0)")


def run(args: argparse.Namespace) -> None:
    """Reads, compares, writes, prints."""
    from masr.io.atomic import atomic_write
    from masr.io.provenance import write_provenance
    from masr.report.near_languages import draw
    from masr.scoring.lid.confusion_change import compute, files_of
    from masr.scoring.lid.confusion_report import as_table, show

    before, after = files_of(args.answers, words(args.names), args.before, args.after)
    found = compute(before, after, args.codes, args.most, args.seed)
    atomic_write(args.out / TABLE, as_table(found))
    atomic_write(args.out / PICTURE, draw(found, args.before, args.after))
    write_provenance(args.out, before=", ".join(map(str, before)), after=", ".join(map(str, after)))
    show(found, args.before, args.after)
