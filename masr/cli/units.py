"""Make units from a data directory's text, and codes from its metadata (stage 3).

OUT gets units.txt (`token id`), units.model, and codes/<stream>.npz with a .tsv beside it for every metadata stream
of the configuration; without any, for language and location where DATA has utt2lang. Labels of further data
directories (dev, test, other corpora) get their codes too with --also; units come from DATA's text alone.

example:
  masr units data/train exp/units --also data/dev --also data/test
  masr units data/train exp/units --set units.model=bpe --set units.vocab_size=300
  masr units data/train exp/units --set units.name=characters
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr units`."""
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory to make units from")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--conf", type=Path, metavar="FILE", help="YAML file with the sections units and streams")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    parser.add_argument(
        "--also",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="data directory whose labels get codes as well",
    )


def run(args: argparse.Namespace) -> None:
    """Makes both, then writes units, codes, and the configuration that made them."""
    from dataclasses import replace

    from masr.config import load, loads
    from masr.data.units_and_codes import make, write
    from masr.io.datadir import DataDir
    from masr.io.layout import UTT2LANG
    from masr.io.one_writer import writing
    from masr.plugins import RunConfig, config_of, open_plugin, resolve

    config = load(RunConfig, args.conf, args.set, resolve)
    folders = [DataDir.open(folder) for folder in (args.data, *args.also)]
    if not config.streams and folders[0].has(UTT2LANG):
        streams = loads(RunConfig, "streams: [{name: language}, {name: location}]", resolve=resolve).streams
        config = replace(config, streams=streams)
    made = make(config.units, config.streams, folders, open_plugin, config_of)
    with writing(args.out, "units"):
        for line in write(args.out, made, config):
            print(line)
