"""confidence.json: what the numbers of confidence.scp are, and who gave them.

confidence.scp holds a vector of an utterance's encoded frames, float32 in [0, 1]; an utterance too short for one has no
row. A part of a data directory (subset, split) has the table without this file: that beside the archives describes it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masr.errors import DataError
from masr.files import ordinary, parse_json
from masr.io.ark import parse_entry
from masr.io.atomic import atomic_write
from masr.io.datadir.view import open_table
from masr.io.layout import ARCHIVES, CONFIDENCE_JSON, CONFIDENCE_SCP

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Facts:
    """What all the confidences of a folder are, and who gave them."""

    measure: str
    """How confidence is measured: max, entropy, margin, energy, voice_activity, dropout_cosine, dropout_agreement."""
    exclude_blank: bool
    frame_shift_sec: float
    """Seconds from one value to the next."""
    subsampling: int
    """How many input frames, or samples, one value stands for."""
    takes_samples: bool
    """Whether the scorer's input is samples."""
    scorer: str
    """The scorer's folder, as it was given."""
    scorer_digest: str
    """Digest of the scorer's weights and configuration."""
    data: str
    """The data directory, as it was given."""
    data_digest: str
    """`data_digest` of its utterances; empty where the table is a part of another directory's."""
    num_utts: int
    num_frames: int
    """How many values there are in all."""
    num_short: int
    """Utterances without an encoded frame, which have no row."""
    mean: float
    """The mean of all values."""
    content: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """How loud a few utterances are: other speech of the same names and lengths is told by it."""

    of: str = "units"
    """What it is sure of: units of a CTC model, codes of another, its frames, or power, where no model was asked."""
    temperature: float = 1.0
    """What logits were divided by."""
    dropout: float = 0.0
    """The share that was dropped in each pass, where two were compared."""

    def same_kind(self, other: Facts) -> bool:
        """Whether the numbers of both mean the same."""
        return self.kind() == other.kind()

    def kind(self) -> tuple[object, ...]:
        """What numbers that stand side by side must have in common."""
        numbers = (self.frame_shift_sec, self.subsampling, self.temperature, self.dropout)
        return (self.measure, self.exclude_blank, self.scorer_digest, *numbers)

    def of_what(self) -> str:
        """What the confidences are, in words for a message."""
        blank = " without the blank" if self.exclude_blank else ""
        tempered = "" if self.temperature == 1 else f" at temperature {self.temperature:g}"
        dropped = f" under dropout of {self.dropout:g}" if self.dropout else ""
        return f"{self.measure}{blank}{tempered}{dropped} by {self.scorer}"


def write_facts(folder: Path, facts: Facts) -> None:
    """Writes confidence.json beside confidence.scp."""
    atomic_write(folder / CONFIDENCE_JSON, json.dumps(asdict(facts), indent=2, ensure_ascii=False) + "\n")


def read_facts(folder: Path) -> Facts:
    """The facts of the confidences in `folder`; DataError where there are none, or they are of different kinds."""
    if not (folder / CONFIDENCE_SCP).is_file():
        raise DataError(
            f"{folder} has no {CONFIDENCE_SCP}",
            why="frames are scored by a CTC model before they are masked by its confidence",
            fix=f"run stage 5: masr confidence SCORER {folder}",
        )
    if (folder / CONFIDENCE_JSON).is_file():
        return _read(folder / CONFIDENCE_JSON)
    parts = [_read(path) for path in _beside_archives(folder)]
    if any(not facts.same_kind(parts[0]) for facts in parts):
        kinds = sorted({facts.of_what() for facts in parts})
        raise DataError(
            f"{folder / CONFIDENCE_SCP} mixes confidences: {', '.join(kinds)}",
            why="data directories were combined that had been scored differently",
            fix=f"score it anew: masr confidence SCORER {folder} --replace",
        )
    content = {utt: values for facts in parts for utt, values in facts.content.items()}
    return replace(parts[0], data_digest="", content=content)


def data_digest(utts: Iterable[str], num_encoded: Int64Array) -> str:
    """Changes when other utterances, or of other lengths in encoded frames, make up the data."""
    lengths = np.maximum(np.ascontiguousarray(num_encoded, dtype="<i8"), 0)
    digest = hashlib.blake2b(lengths.tobytes(), digest_size=16)
    for utt in utts:
        digest.update(utt.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def stored_facts(folder: Path) -> Facts | None:
    """The facts of a folder that a scorer has gone through; None where it has not, or not to the end."""
    whole = (folder / CONFIDENCE_SCP).is_file() and (folder / CONFIDENCE_JSON).is_file()
    return _read(folder / CONFIDENCE_JSON) if whole else None


def _beside_archives(folder: Path) -> list[Path]:
    """confidence.json of every folder that the rows point into."""
    table = open_table(folder / CONFIDENCE_SCP)
    folders = {parse_entry(entry)[0].parent for entry in table.values()}
    homes = sorted(path.parent if path.name == ARCHIVES else path for path in folders)
    if not homes:
        raise DataError(f"{folder / CONFIDENCE_SCP} is empty", fix=f"masr confidence SCORER {folder} --replace")
    return [home / CONFIDENCE_JSON for home in homes]


def _read(path: Path) -> Facts:
    try:
        record = parse_json(ordinary(path).read_text(encoding="utf-8"))
        # What was scored before this was kept was of units, as they are, of whatever sounded.
        record = {"content": {}, "of": "units", "temperature": 1.0, "dropout": 0.0, **record}
        facts = Facts(**{one.name: record[one.name] for one in fields(Facts)})
        # A string or a null in place of a number would come to light much later.
        shift_sec, subsampling = facts.frame_shift_sec, facts.subsampling
        if not isinstance(shift_sec, int | float) or not isinstance(subsampling, int):
            raise ValueError("a frame's length is no number")
        if not 0 < shift_sec < math.inf or subsampling < 1:
            raise ValueError("a frame is no time long")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path}: cannot be read: {reason}",
            why="confidences without it could be of any scorer and any frame rate",
            fix=f"score the data anew: masr confidence SCORER {path.parent} --replace",
        ) from None
    return facts
