"""What lies at a path, as one line that changes when the content does, and not when it is copied or moved.

Stages, tasks of tables, trainings that are gone on with, jobs that are merged and provenance.json all ask `identity`.
It knows, by what it finds:

  missing     nothing
  file        its content up to 16 MiB, above that its size and modification time; a YAML file with its bases
  archive     NAME.scp: its keys, and what its rows point at. Of files that are 16 MiB together the content counts, else
              size and time of each, and of more than a thousand files a thousand spread evenly: a large corpus is never
              read whole. NAME.json beside it counts too. feats.scp counts with utt2num_frames, with the configuration
              of the features, and with the CMVN statistics, whole. These are sums over all frames, so of large
              archives beside them samples count in place of the time: features that were made again as they were are
              what they were
  data        a data directory (it has utt2spk): every table of those that `masr prepare` writes, whole. What later
              stages add, such as feats.scp, is an archive of its own
  run         what `masr train` ended with: weights, statistics, configuration and units, whole; nothing else of its
              folder. A model of transformers likewise
  checkpoint  RUN@STEP: the same with the weights of that step
  folder      any other: every file in it, as those of an archive. Hidden files and records of when and where something
              was made do not count

Where archives have checksums beside them (masr/io/checksums.py), some 16 MiB of them are compared with these, and a
damaged archive is an error. Whole is read what a reader reads whole anyway: tables and weights. Folders in the paths of
tables do not count, nor does that of `path` itself; a copy has to keep times where files are large (cp -a, rsync -a).

Only the standard library is imported: the launchers of jobs run without any other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.errors import CheckpointError
from masr.files import open_ordinary
from masr.io.checksums import require_whole
from masr.io.layout import (
    CMVN_SCP,
    ENCODER,
    FEATS_SCP,
    PROBLEMS_TSV,
    PROVENANCE,
    RESOLVED_CONFIG,
    STATS,
    UNITS,
    UTT2NUM_FRAMES,
    UTT2SPK,
    WAV_SCP,
)
from masr.io.trained import DESCRIPTION, Trained, open_trained

CONTENT_LIMIT_BYTES = 16 * 2**20
MAX_FILES = 1000
MISSING = "missing"
_NUM_BLOCKS, _BLOCK_BYTES = 64, 4096

_FROM_PREPARE = re.compile(
    r"wav\.scp|segments|text|(?:phones|words|corrupted)\.ctm|reco2\w+|spk2\w+|utt2(?!num_frames$)\w+"
)
_ROW = re.compile(r"^[^\s/|:]+ ([^\s/|:\[\]]+):\d+$", re.MULTILINE)
_CHUNK = 1 << 20
_OFFSET = re.compile(r"(.+?)(:\d+(?:\[\d+:\d+\]|\+\d+)?)", re.DOTALL)
_BASE = re.compile(r"^base:[ \t]*(\[[^\]]*\]|[^\n]*(?:\n[ \t]*-[^\n]*)*)", re.MULTILINE)
_WORD = re.compile(r""""([^"]+)"|'([^']+)'|([^\s\[\],"'-][^\s\[\],"']*)""")
_OF_A_MODEL = (RESOLVED_CONFIG, DESCRIPTION, "preprocessor_config.json", STATS)
_WHEN_AND_WHERE = (PROVENANCE, PROBLEMS_TSV)


@dataclass(frozen=True)
class Read:
    """Something that was read."""

    path: str
    """As it was given."""
    identity: str
    """Identity of what lay there."""


def identity(path: Path | str) -> str:
    """One line: the kind of what is there and a digest of it; `missing` where nothing is."""
    path = Path(path)
    if (path / UTT2SPK).is_file():
        return f"data {digest(list(_data(path)))}"
    trained = _trained(path)
    if trained is not None:
        return f"{'run' if trained.step is None else 'checkpoint'} {digest(list(_model(trained)))}"
    if path.is_dir():
        return f"folder {digest(list(_folder(path)))}"
    if path.suffix == ".scp" and path.is_file():
        return f"archive {_digest(_archive(path))}"
    bases = _bases(path)
    return f"yaml {digest(list(_contents([path, *bases], path.parent)))}" if bases else file_state(path)


def digest(facts: Any) -> str:
    """32 hexadecimal digits of what JSON can hold; the order of keys does not count."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def digest_of_file(path: Path, algorithm: str = "sha256") -> str:
    """Digest of a file's whole content, however large."""
    with open_ordinary(path) as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def file_state(path: Path) -> str:
    """The digest of a file's content, or size and time of a large one."""
    size = _size(path)
    if size < 0 or size > CONTENT_LIMIT_BYTES:
        return stat_state(path)
    return f"sha256 {digest_of_file(path)[:32]}"


def _size(path: Path) -> int:
    """Bytes of a file; -1 where there is none, or a pipe or device, which has no content to compare."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def stat_state(path: Path) -> str:
    """Size and modification time, which cost no reading; a link that leads nowhere has neither."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError) as error:  # links in a circle, a name that no file can have
        return f"{MISSING}: {error.__class__.__name__}"
    return f"{found.st_size} bytes at {found.st_mtime_ns}"


def is_from_prepare(name: str) -> bool:
    """Whether a file of this name in a data directory is one of the tables that say which utterances it holds."""
    return bool(_FROM_PREPARE.fullmatch(name))


def walk(folder: Path) -> Iterator[Path]:
    """Every file below `folder` in a fixed order, hidden files and folders left out; each real folder once."""
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _folder(folder: Path) -> Iterator[list[str]]:
    files = [path for path in walk(folder) if path.name not in _WHEN_AND_WHERE]
    for path, state in _states(files).items():
        yield [str(path.relative_to(folder)), state]
    inside = folder.resolve()
    bases = dict.fromkeys(base for path in files for base in _bases(path) if inside not in base.resolve().parents)
    yield from _contents(bases, folder)


def _data(folder: Path) -> Iterator[list[str]]:
    for path in sorted(folder.iterdir()):
        if is_from_prepare(path.name) and path.is_file():
            yield [path.name, _digest(_Rows().json_of(path)) if path.name == WAV_SCP else digest_of_file(path)]


def _archive(scp: Path) -> Iterator[bytes]:
    """What counts of an archive, as a list of JSON in pieces."""
    rows, beside, vouched = _Rows(), [scp.with_suffix(".json")], False
    yield b"["
    yield from rows.json_of(scp)
    files = list(map(Path, rows.files))
    if scp.name == FEATS_SCP:
        cmvn, sums = scp.with_name(CMVN_SCP), _Rows()
        yield b", "
        yield from sums.json_of(cmvn) if cmvn.is_file() else [b"[]"]
        statistics = list(map(Path, sums.files))
        # Only stage 2, which writes its configuration beside both, never has new features under old statistics.
        made = list(dict.fromkeys(path.parent / RESOLVED_CONFIG for path in (*files, *statistics)))
        vouched = bool(statistics) and all(path.is_file() for path in (*made, *statistics))
        beside += [scp.with_name(UTT2NUM_FRAMES), *made, *statistics]
    files = files[:: -(-len(files) // MAX_FILES) or 1]
    for path in files:
        require_whole(path, CONTENT_LIMIT_BYTES // len(files))
    for fact in [*_contents(beside), *([path.name, state] for path, state in _states(files, vouched).items())]:
        yield f", {json.dumps(fact)}".encode()
    yield b"]"


def _digest(pieces: Iterable[bytes]) -> str:
    """`digest` of what the pieces are together, as JSON."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()[:32]


def _model(trained: Trained) -> Iterator[list[str]]:
    yield from _contents([*trained.weights, *map(trained.run.joinpath, _OF_A_MODEL)])
    for name in (UNITS, ENCODER):
        yield from _contents(path for path in walk(trained.run / name) if path.name not in _WHEN_AND_WHERE)


def _trained(path: Path) -> Trained | None:
    """The model that a path names, where its weights are there."""
    try:
        trained = open_trained(path)
        return trained if trained.is_there else None
    except CheckpointError:
        return None


class _Rows:
    """The rows of an scp as JSON, without the folders of their paths, and each file that they point at, in order.

    Rows are never held together: a corpus has ten million.
    """

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.is_first = True

    def json_of(self, scp: Path) -> Iterator[bytes]:
        """The rows as a list of JSON, in pieces."""
        yield b"["
        with scp.open(encoding="utf-8", errors="surrogateescape") as stream:
            while text := stream.read(_CHUNK):
                text += stream.readline()
                rows = self._alike(text) or json.dumps([self._row(line) for line in text.splitlines(keepends=True)])
                yield (rows[1:-1] if self.is_first else f", {rows[1:-1]}").encode()
                self.is_first = False
        yield b"]"

    def _alike(self, text: str) -> str:
        """The JSON of rows that all are a key and an offset in archives of one folder, as masr writes them; else ""."""
        folder = text[: text.find("\n")].partition(" ")[2].rpartition("/")[0] + "/"
        rows = text.removesuffix("\n").replace(f" {folder}", " ")
        names, count = _ROW.findall(rows), rows.count("\n") + 1
        is_plain = rows.isascii() and rows.replace("\n", " ").isprintable() and '"' not in rows and "\\" not in rows
        if len(names) < count or text.count(f" {folder}") != count or not is_plain:
            return ""
        self.files |= dict.fromkeys(folder + name for name in dict.fromkeys(names))
        quoted = rows.replace("\n", '", "')
        return f'["{quoted}"]'

    def _row(self, line: str) -> str:
        key, _, entry = line.strip().partition(" ")
        if entry.endswith("|"):  # a command, which does not say what it reads
            return line
        found = _OFFSET.fullmatch(entry)
        file, place = found.groups() if found else (entry, "")
        self.files[file] = None
        return f"{key} {file.rpartition('/')[2]}{place}"


def _states(files: Iterable[Path], vouched: bool = False) -> dict[Path, str]:
    """The content of each file where all of them together are small, else size and time.

    `vouched` are files whose content something else tells as well: where they are large, samples of it will do.
    """
    sizes = {path: _size(path) for path in files}
    small = sum(sizes.values()) <= CONTENT_LIMIT_BYTES

    def state(path: Path, size: int) -> str:
        if size < 0:
            return MISSING
        return file_state(path) if small else _samples(path, size) if vouched else stat_state(path)

    return {path: state(path, size) for path, size in sizes.items()}


def _samples(path: Path, size: int) -> str:
    """Size and some blocks of a large file, from its first to its last."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        for number in range(_NUM_BLOCKS):
            stream.seek(number * max(0, size - _BLOCK_BYTES) // (_NUM_BLOCKS - 1))
            found.update(stream.read(_BLOCK_BYTES))
    return f"{size} bytes with {found.hexdigest()[:32]}"


def _contents(files: Iterable[Path], folder: Path | None = None) -> Iterator[list[str]]:
    """The name of each, as it is reached from `folder`, and its whole content."""
    for path in files:
        name = path.name if folder is None else os.path.relpath(path, folder)
        yield [name, digest_of_file(path) if _size(path) >= 0 else MISSING]


def _bases(path: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """The files that a YAML file begins from (masr/config/bases.py), and those that they begin from."""
    found: list[Path] = []
    if path.suffix in (".yaml", ".yml") and path.is_file() and path not in above:
        text = re.sub("#.*", "", path.read_text(encoding="utf-8", errors="replace"))
        for names in _WORD.findall("".join(_BASE.findall(text))):
            base = path.parent / "".join(names)
            found += [base, *_bases(base, (*above, path))] if base.is_file() else []
    return found
