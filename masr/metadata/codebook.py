"""The codes of the labels in use, made once by stage 3 and read in milliseconds by everything later.

A plug-in of this room is a file with
  Config                              its options
  tabulate(config, uses) -> Codebook  the labels in use and their codes; may open lang2vec, takes a second
  build(config, codebook) -> Stream   the stream itself; opens nothing but the codebook
  tables(config)                      the files of a data directory that hold its labels, in the order asked
  EXAMPLES                            a few labels it takes, for its docs and for the contract tests
  FREE_TEXT = True                    where labels are seldom twice the same: `uses` then come one by one, uncounted
`<name>.npz` holds the codebook without pickle, `<name>.tsv` the same for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from masr.config import to_dict
from masr.errors import DataError, MetadataError, near
from masr.files import parse_json
from masr.io.arrays import read_npz
from masr.io.atomic import atomic_path, atomic_write
from masr.io.datadir import DataDir
from masr.io.layout import label_table
from masr.types import FloatArray

_MOST_BYTES = 1 << 28
"""Of labels, or of codes: a hundred times those of all languages."""
UNKNOWN = "unknown"
STAGE = "masr units DATA OUT (stage 3 of a recipe)"


@dataclass(frozen=True, slots=True)
class Use:
    """A label that is in use: how often, and where it is met first."""

    label: str
    count: int = 1
    where: str = ""
    """Table and utterance, for error messages."""

    def place(self) -> str:
        """The start of an error message."""
        return f"{self.where}: " if self.where else ""


@dataclass(frozen=True, eq=False)
class Codebook:
    """Labels, their codes, and what a reader of the table wants to know of each."""

    labels: tuple[str, ...]
    codes: FloatArray
    """(N, d), row by row the code of `labels`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The Config that made it; another one is refused."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """Figures of the whole set of labels, such as the least cosine among them."""
    columns: tuple[str, ...] = ("label",)
    rows: tuple[tuple[str, ...], ...] = ()
    """The rows of the .tsv file."""

    def lookup(self) -> dict[str, int]:
        """Label -> row of `codes`."""
        return {label: row for row, label in enumerate(self.labels)}

    def dealt_out(self, seed: int) -> Codebook:
        """The same codes, each with the label of another row: what a stream learns from codes that mean nothing.

        Labels without a code keep none. No code stays where it was, where there are two or more.
        """
        known = np.flatnonzero(~np.isnan(self.codes).all(axis=1))
        order = np.random.default_rng(seed).permutation(known)
        codes = self.codes.copy()
        codes[order] = self.codes[np.roll(order, 1)]
        return replace(self, codes=codes)

    def save(self, folder: Path, name: str) -> None:
        """Writes folder/name.npz and folder/name.tsv."""
        lines = ["\t".join(_cell(cell) for cell in row) + "\n" for row in (self.columns, *self.rows)]
        atomic_write(folder / f"{name}.tsv", "".join(lines))
        about = json.dumps({"settings": self.settings, "facts": self.facts}, sort_keys=True)
        with atomic_path(folder / f"{name}.npz") as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                labels=np.array(self.labels, dtype=np.str_).reshape(len(self.labels)),
                codes=self.codes.astype(np.float32),
                about=np.array(about),
            )

    @classmethod
    def load(cls, path: Path) -> Codebook:
        """What `save` wrote; the rows of the .tsv are for people and are not read back."""
        try:
            stored_labels, codes, stored_about = read_npz(path, ("labels", "codes", "about"), _MOST_BYTES)
            labels = tuple(str(label) for label in stored_labels)
            about = parse_json(str(stored_about))
            settings, facts = about["settings"], about["facts"]
        except FileNotFoundError:
            known = [p.stem for p in path.parent.glob("*.npz")]
            raise MetadataError(
                f"{path}: no such file",
                why="the codes of a stream are made once, before training",
                fix=f"run {STAGE} with this stream in the config; {near(path.stem, known)}",
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _broken(path, str(error)) from None
        if codes.ndim != 2 or codes.dtype != np.float32 or len(codes) != len(labels):
            raise _broken(path, f"{len(labels)} labels, codes of shape {codes.shape} and type {codes.dtype}")
        return cls(labels, codes, settings, facts)

    def check(self, config: Any, name: str, made_once: Sequence[str] = ()) -> None:
        """MetadataError where this was made with another config than `config`.

        Keys of `made_once` say how codes are made and nothing else: where `config` has their default, they are as the
        codes have them.
        """
        wanted = parse_json(json.dumps(to_dict(config)))
        default = parse_json(json.dumps(to_dict(type(config)()))) if made_once else {}
        ours = [key for key in wanted if key not in made_once or wanted[key] != default[key]]
        changed = [key for key in ours if self.settings.get(key, wanted[key]) != wanted[key]]
        if changed:
            key = changed[0]
            raise MetadataError(
                f"the codes of stream {name!r} were made with {key}: {self.settings[key]!r}, "
                f"the config says {wanted[key]!r}",
                why="the configuration changed after stage 3",
                fix=f"leave {key} out here: it is said once, to {STAGE}, and read from the codes"
                if key in made_once
                else f"run {STAGE} again with this config",
            )


def settings_of(config: Any) -> dict[str, Any]:
    """The values of a Config, as the codebook keeps them."""
    values: dict[str, Any] = to_dict(config)
    return values


def uses_of(folders: Sequence[DataDir], tables: Sequence[str]) -> list[Use]:
    """The labels in use over `folders`, sorted; see `each_use`."""
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    for use in each_use(folders, tables):
        counts[use.label] = counts.get(use.label, 0) + 1
        first.setdefault(use.label, use.where)
    return [Use(label, counts[label], first[label]) for label in sorted(counts)]


def each_use(folders: Sequence[DataDir], tables: Sequence[str]) -> Iterator[Use]:
    """The label of every utterance that has one, from the first of `tables` that knows it; nothing is held."""
    for data in folders:
        views = [data.table(table) for table in tables if data.has(table)]
        for position, view in enumerate(views):
            for utt, label in view.items():
                if label and not any(earlier.get(utt) for earlier in views[:position]):
                    yield Use(label, 1, f"{view.path}: {utt}")


def check_tables(folders: Sequence[DataDir], tables: Sequence[str], name: str) -> None:
    """DataError where no data directory has any of a stream's tables."""
    if any(data.has(table) for data in folders for table in tables):
        return
    known = sorted({table for data in folders for table in data.tables() if table.startswith("utt2")})
    wanted = " or ".join(tables)
    raise DataError(
        f"stream {name!r} needs {wanted}, and {', '.join(str(d.folder) for d in folders)} has none",
        why="the corpus does not know this kind of metadata, or the stream's name is mistyped",
        fix=near(tables[0], known) if known else f"write {label_table('lang')} and the like beside wav.scp",
    )


def file_names(streams: Sequence[str]) -> list[str]:
    """The file name of each stream's codebook: its own name; the second of one name gets .2 behind it."""
    names: list[str] = []
    for position, name in enumerate(streams):
        earlier = list(streams[:position]).count(name)
        names.append(f"{name}.{earlier + 1}" if earlier else name)
    return names


def is_missing(label: str | None) -> bool:
    """Whether a sample has no label and takes no part in the stream; prepare writes `unknown` where others have one."""
    return label is None or label.strip() in ("", UNKNOWN)


def gather(labels: Sequence[str | None], rows: Mapping[str, int], codes: FloatArray, stream: str) -> FloatArray:
    """(B, d): the code of each label, NaN where it is missing; MetadataError where it has no code."""
    gathered = np.full((len(labels), codes.shape[1]), np.nan, dtype=np.float32)
    present = [(i, label) for i, label in enumerate(labels) if label is not None and label.strip()]
    for _, label in present:
        if label not in rows:
            raise MetadataError(
                f"stream {stream!r} has no code for {label!r}",
                why="it was not among the labels in use when the codes were made",
                fix=f"run {STAGE} again, with --also for each further data directory; {near(label, rows)}",
            )
    if present:
        gathered[[i for i, _ in present]] = codes[[rows[label] for _, label in present]]
    return gathered


def _cell(text: str) -> str:
    """Text as one field of a .tsv, without tabs and line breaks."""
    return text.replace("\t", " ").replace("\n", " ").replace("\r", " ")


def _broken(path: Path, reason: str) -> MetadataError:
    return MetadataError(
        f"{path}: is not a file of codes: {reason}", why="cut short, or another file", fix=f"run {STAGE} again"
    )
