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
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.config import Named
    from masr.io.datadir import DataDir
    from masr.metadata.codebook import Codebook
    from masr.plugins import RunConfig
    from masr.types import Units


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
    """Writes units, then codes, then the configuration that made them."""
    from dataclasses import replace

    from masr.config import load, loads
    from masr.io.datadir import DataDir
    from masr.io.layout import CODES, PROVENANCE, UNITS_MODEL, UNITS_TXT
    from masr.io.provenance import write_provenance
    from masr.plugins import RunConfig, resolve

    if args.conf:
        config = load(RunConfig, args.conf, args.set, resolve)
    else:
        config = loads(RunConfig, "", "<defaults>", args.set, resolve)
    data = DataDir.open(args.data)
    folders = [data, *(DataDir.open(folder) for folder in args.also)]
    config = replace(config, streams=config.streams or _default_streams(data))
    codebooks = make_codebooks(config, folders)
    units = make_units(config, data)
    # nothing was written before this line, so a mistake leaves what was there; provenance.json is the last again
    (args.out / PROVENANCE).unlink(missing_ok=True)
    stale = [args.out / UNITS_TXT, args.out / UNITS_MODEL]
    for path in (*stale, *(args.out / CODES).glob("*.npz"), *(args.out / CODES).glob("*.tsv")):
        path.unlink(missing_ok=True)
    if units is not None:
        units.save(args.out)
        print(f"units: {units.size} of {config.units.name} -> {args.out / UNITS_TXT}")
    for name, codebook in codebooks.items():
        codebook.save(args.out / CODES, name)
        count = f"{len(codebook.labels)} codes" if codebook.labels else "codes come from the text itself"
        print(f"stream {name}: {count} -> {args.out / CODES / name}.tsv")
    also = [str(folder.folder) for folder in folders[1:]]
    write_provenance(args.out, config, data=str(args.data), also=also, num_units=units.size if units else 0)


def make_units(config: RunConfig, data: DataDir) -> Units | None:
    """Units trained on the text of `data`; none where it has no text."""
    from masr import plugins
    from masr.io.layout import TEXT, UTT2LANG

    if not data.has(TEXT):
        print(f"units: {data.folder} has no text, so there are none")
        return None
    languages: list[str] = []
    if getattr(config.units.config, "language_tags", False) and data.has(UTT2LANG):
        languages = sorted(set(data.table(UTT2LANG).values()) - {""})
    module = plugins.open_plugin("units", config.units.name)
    units: Units = module.train(config.units.config, data.table(TEXT).values(), languages)
    return units


def make_codebooks(config: RunConfig, folders: Sequence[DataDir]) -> dict[str, Codebook]:
    """The codes of every stream of the config, by the name of their file."""
    from masr import plugins
    from masr.metadata.codebook import check_tables, each_use, file_names, uses_of

    found = {}
    for named, name in zip(config.streams, file_names([named.name for named in config.streams])):
        module = plugins.open_plugin("metadata", named.name)
        own = plugins.config_of("metadata", named)
        tables = module.tables(own)
        check_tables(folders, tables, name)
        uses = (each_use if getattr(module, "FREE_TEXT", False) else uses_of)(folders, tables)
        found[name] = module.tabulate(own, uses)
    return found


def _default_streams(data: DataDir) -> tuple[Named, ...]:
    """Language and location, where the languages are known."""
    from masr.config import loads
    from masr.io.layout import UTT2LANG
    from masr.plugins import RunConfig, resolve

    if not data.has(UTT2LANG):
        return ()
    return loads(RunConfig, "streams: [{name: language}, {name: location}]", resolve=resolve).streams
