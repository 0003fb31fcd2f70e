"""Turn a corpus on disk into data directories: OUT/train, OUT/dev, OUT/test, or whatever its splits are.

Every audio file is checked, header and samples. What cannot be used is left out, counted, and listed with its
reason in OUT/<split>/problems.tsv; more of it than --max-bad stops the run. Archives are read as a stream, and
their audio is kept once as 16-bit shards. SOURCE/metadata.tsv may add what the corpus does not say of its files.

example:
  masr prepare fleurs /corpora/fleurs data --nj 8
  masr prepare fleurs /corpora/fleurs data --set languages=[hi_in,ur_pk] --max-bad 0.02
  masr prepare folder ~/recordings data --labels recordings.tsv --language-from parent --resample
  masr prepare common_voice /corpora/cv-corpus-17.0-2024-03-15 data --set languages=[hi,ur] --resample
  masr prepare lhotse /corpora/ami/manifests data
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr prepare`."""
    parser.add_argument(
        "name",
        help="corpus: fleurs, voxlingua107, common_voice, ml_superb, dhwani, librispeech, pangloss, debian, lhotse, "
        "parquet, webdataset, shar; folder for audio of your own",
    )
    parser.add_argument("source", type=Path, help="where it lies")
    parser.add_argument("out", type=Path, help="folder for the data directories, one a split")
    parser.add_argument(
        "--max-bad",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="stop when more of a split is bad (default 1: never)",
    )
    parser.add_argument("--nj", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change an option of the corpus"
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="of folder: what is known of its files, as TSV, CSV or JSON lines"
    )
    parser.add_argument(
        "--language-from", metavar="parent|FILE", help="of folder: a file's folder is its language, or FILE says which"
    )
    parser.add_argument("--shards", action="store_true", help="keep all audio as 16-bit shards: 44 x cheaper to read")
    parser.add_argument(
        "--resample", action="store_true", help="convert other sampling rates to 16 kHz instead of leaving them out"
    )


def run(args: argparse.Namespace) -> None:
    """Prepares, then prints a table."""
    from masr.config import loads
    from masr.corpora.prepare import prepare, table
    from masr.plugins import open_plugin

    module = open_plugin("corpora", args.name)
    given = {"labels": args.labels, "language_from": args.language_from}
    named = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    corpus = module.build(loads(module.Config, "", args.name, [*named, *args.set]))
    print(table(prepare(corpus, args.source, args.out, args.max_bad, args.nj, args.shards, args.resample)))
    print(f"wrote {args.out}")
