"""Units of a data directory's text, and codes of its metadata: what stage 3 makes for all later stages.

Plug-ins are opened by the functions of masr.plugins that are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from masr.config import Named
from masr.io.datadir import DataDir
from masr.io.layout import CODES, PROVENANCE, TEXT, UNITS_MODEL, UNITS_TXT, UTT2LANG
from masr.io.provenance import write_provenance
from masr.metadata.codebook import Codebook, check_tables, each_use, file_names, uses_of
from masr.types import Units

Open = Callable[[str, str], ModuleType]
ConfigOf = Callable[[str, Named], Any]


@dataclass(frozen=True, eq=False)
class Made:
    """What came of some data directories, of which the first is that for training."""

    folders: Sequence[DataDir]
    units: Units | None
    """None where the first has no text."""
    codebooks: dict[str, Codebook]
    """The codes of every stream, by the name of their file."""


def make(
    units: Named, streams: Sequence[Named], folders: Sequence[DataDir], open_plugin: Open, config_of: ConfigOf
) -> Made:
    """Units of the first directory's text, and codes for the labels of all."""
    codebooks = make_codebooks(streams, folders, open_plugin, config_of)
    return Made(folders, make_units(units, folders[0], open_plugin), codebooks)


def make_units(named: Named, data: DataDir, open_plugin: Open) -> Units | None:
    """Units trained on the text of `data`; none where it has no text."""
    if not data.has(TEXT):
        return None
    languages: list[str] = []
    if getattr(named.config, "language_tags", False) and data.has(UTT2LANG):
        languages = sorted(set(data.table(UTT2LANG).values()) - {""})
    module = open_plugin("units", named.name)
    units: Units = module.train(named.config, data.table(TEXT).values(), languages)
    return units


def make_codebooks(
    streams: Sequence[Named], folders: Sequence[DataDir], open_plugin: Open, config_of: ConfigOf
) -> dict[str, Codebook]:
    """The codes of every stream, by the name of their file."""
    found = {}
    for named, name in zip(streams, file_names([named.name for named in streams])):
        module = open_plugin("metadata", named.name)
        own = config_of("metadata", named)
        tables = module.tables(own)
        check_tables(folders, tables, name)
        uses = (each_use if getattr(module, "FREE_TEXT", False) else uses_of)(folders, tables)
        found[name] = module.tabulate(own, uses)
    return found


def write(out: Path, made: Made, config: Any) -> Iterator[str]:
    """Puts units, codes and, last, their configuration in a folder, in place of what is there; says what is where."""
    stale = [out / name for name in (PROVENANCE, UNITS_TXT, UNITS_MODEL)]
    for path in (*stale, *(out / CODES).glob("*.npz"), *(out / CODES).glob("*.tsv")):
        path.unlink(missing_ok=True)
    data, *others = (str(folder.folder) for folder in made.folders)
    if made.units is None:
        yield f"units: {data} has no text, so there are none"
    else:
        made.units.save(out)
        yield f"units: {made.units.size} of {config.units.name} -> {out / UNITS_TXT}"
    for name, codebook in made.codebooks.items():
        codebook.save(out / CODES, name)
        count = f"{len(codebook.labels)} codes" if codebook.labels else "codes come from the text itself"
        yield f"stream {name}: {count} -> {out / CODES / name}.tsv"
    write_provenance(out, config, data=data, also=others, num_units=made.units.size if made.units else 0)
