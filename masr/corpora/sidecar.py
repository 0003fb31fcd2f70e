"""metadata.tsv beside any corpus: what its publisher did not say, said by whoever knows.

    file<TAB>speaker<TAB>loc<TAB>...
    4410_1<TAB>anna<TAB>52.52 13.40<TAB>...

`file` is an audio file's base name without its extension; `speaker` sets the speaker, every other column becomes
utt2<column>. An empty cell leaves the label to the corpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from masr.corpora.ids import MOST_KIND, safe_kind
from masr.errors import CorpusError, near

NAME = "metadata.tsv"
SPEAKER = "speaker"
RESERVED = frozenset({"spk", "dur", "num_frames", "uniq"})
"""Kinds that Kaldi's format keeps for itself: utt2spk and the like."""
Sidecar = Mapping[str, Mapping[str, str]]


def read_sidecar(source: Path) -> Sidecar:
    """File -> kind -> value of `source`/metadata.tsv; empty where there is none."""
    path = Path(source) / NAME
    if not path.is_file():
        return {}
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, mtime_ns: int, size: int) -> Sidecar:  # noqa: ARG001 (part of the cache's key)
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not valid UTF-8: {error.reason}", fix="save it as UTF-8") from None
    rows = [(number, line.rstrip("\r").split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise CorpusError(f"{path} is empty", fix=_EXAMPLE)
    kinds = _header(path, rows[0][1])
    found: dict[str, dict[str, str]] = {}
    for number, cells in rows[1:]:
        if len(cells) != len(kinds) + 1:
            raise CorpusError(f"{path}:{number}: {len(cells)} columns, the header has {len(kinds) + 1}", fix=_EXAMPLE)
        name = cells[0].strip()
        if not name or name in found:
            raise CorpusError(f"{path}:{number}: the file {name!r} is {'named twice' if name else 'not named'}")
        pairs = zip(kinds, (" ".join(cell.split()) for cell in cells[1:]), strict=True)
        found[name] = {kind: cell for kind, cell in pairs if cell}
    return found


_EXAMPLE = "write a header `file<TAB>speaker<TAB>loc`, then one line a file with as many columns"


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [safe_kind(cell) for cell in cells]
    if names[0] != "file":
        raise CorpusError(f"{path}:1: the first column is {cells[0]!r}, not 'file'", fix=_EXAMPLE)
    for name in names[1:]:
        if not name or names.count(name) > 1:
            raise CorpusError(f"{path}:1: the column {name!r} is {'given twice' if name else 'without a name'}")
        if len(name) > MOST_KIND:
            raise CorpusError(
                f"{path}:1: the column {name[:40]!r}... has a name of {len(name)} letters",
                why=f"a file is named by it: {MOST_KIND} are the most",
                fix="give it a short name",
            )
        if name in RESERVED:
            fix = "call it speaker" if name == "spk" else near(name, ["duration", "frames", "group"])
            raise CorpusError(f"{path}:1: utt2{name} is written by the program itself", fix=fix)
    return names[1:]
