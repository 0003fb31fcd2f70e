"""Services that people follow trainings in: each gets what metrics.jsonl has, configuration, figures and the report.

A tracker is a file of trackers/ with `open_run(told)`. What it raises ends no training: it is said once, and that
tracker is left alone from then on. Everything stays on this machine unless the service's own environment variable says
otherwise (docs/trackers.md).
"""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from masr.errors import MasrError
from masr.files import ordinary, parse_json
from masr.io.atomic import atomic_write
from masr.io.layout import TRACKERS

TENSORBOARD = "tensorboard"
NAMES = ("wandb", "trackio", "mlflow")
"""What `training.trackers` may name; TensorBoard has a switch of its own, which is on."""


@dataclass(frozen=True)
class Told:
    """What a tracker is told of a run as it is opened."""

    folder: Path
    name: str
    """best_rq_tiny/seed0"""
    project: str
    run_id: str
    """The same for a run that is gone on with."""
    step: int
    """The last that is done."""
    values: Mapping[str, str]
    """The configuration: `optim.peak_lr` -> `0.002`."""


class Tracker(Protocol):
    """One run in one service."""

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Adds figures of a step, such as `train/loss`."""
        ...

    def picture(self, name: str, path: Path) -> None:
        """Adds a PNG."""
        ...

    def keep(self, path: Path) -> None:
        """Adds a file as an artefact."""
        ...

    def close(self) -> None:
        """Writes what is still held."""
        ...


class Trackers:
    """All trackers of a run, as one; a tracker that fails is dropped, and a line says so."""

    def __init__(self, opened: Mapping[str, Tracker], say: Callable[[str], None]) -> None:
        self._open = dict(opened)
        self._say = say

    @property
    def names(self) -> tuple[str, ...]:
        """Those that still listen."""
        return tuple(self._open)

    def write(self, line: Mapping[str, Any]) -> None:
        """Adds the figures of one line of metrics.jsonl, each under the name of its split."""
        figures = {
            f"{line['split']}/{name}": float(value)
            for name, value in line.items()
            if name != "step" and isinstance(value, int | float)
        }
        if figures:
            self._each(lambda tracker: tracker.write(int(line["step"]), figures))

    def picture(self, name: str, path: Path) -> None:
        """Adds a PNG."""
        self._each(lambda tracker: tracker.picture(name, path))

    def keep(self, path: Path) -> None:
        """Adds a file as an artefact."""
        self._each(lambda tracker: tracker.keep(path))

    def close(self) -> None:
        """Writes what is still held; nothing is added afterwards."""
        self._each(lambda tracker: tracker.close())
        self._open.clear()

    def _each(self, do: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._open.items()):
            try:
                do(tracker)
            except Exception as error:  # whatever a service does, the training goes on
                del self._open[name]
                self._say(f"{name} failed and gets nothing more of this run ({_what(error)}): metrics.jsonl has it all")


def open_trackers(
    folder: Path,
    names: Sequence[str],
    step: int,
    project: str,
    say: Callable[[str], None],
    values: Mapping[str, str],
) -> Trackers:
    """The trackers of the run in `folder`; one that cannot be opened is named in a line and left out.

    `values` is the configuration, `optim.peak_lr` -> `0.002`. A run that is gone on with is the same run there too:
    trackers.json in its folder has its ids.
    """
    ids = _ids(folder, [name for name in names if name != TENSORBOARD], project, values, say)
    opened: dict[str, Tracker] = {}
    for name in names:
        told = Told(folder, "/".join(folder.absolute().parts[-2:]), project, ids.get(name, ""), step, values)
        try:
            opened[name] = importlib.import_module(f"masr.training.trackers.{name}").open_run(told)
        except ImportError as error:
            say(f"{name} is asked for, but {error.name or name} is not installed: metrics.jsonl has the same figures")
        except Exception as error:  # whatever a service does, the training goes on
            say(f"{name} cannot be opened and gets nothing of this run ({_what(error)}): metrics.jsonl has it all")
    return Trackers(opened, say)


def reopen(folder: Path, say: Callable[[str], None]) -> Trackers:
    """The trackers that an earlier training of this folder wrote to; none where it had none."""
    noted = _noted(folder)
    names = [name for name in noted.get("ids", {}) if name in NAMES]
    return open_trackers(folder, names, 0, str(noted.get("project", "masr")), say, noted.get("values", {}))


def shared_folder(folder: Path, name: str) -> Path:
    """Where a service keeps the runs that lie beside one another: exp/trackers/NAME."""
    place = folder.absolute().parent / "trackers" / name
    place.mkdir(parents=True, exist_ok=True)
    return place


def _ids(
    folder: Path, names: Sequence[str], project: str, values: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, str]:
    """Name -> the id of this run there, made now where there was none."""
    if not names:
        return {}
    ids = dict(_noted(folder).get("ids", {}))
    ids |= {name: uuid.uuid4().hex for name in names if name not in ids}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / TRACKERS, json.dumps({"project": project, "ids": ids, "values": values}, indent=2) + "\n")
    except OSError as error:
        say(f"{folder / TRACKERS}: cannot be written ({error.strerror}): a resumed run will be another one in {names}")
    return ids


def _noted(folder: Path) -> dict[str, Any]:
    try:
        noted = parse_json(ordinary(folder / TRACKERS).read_bytes())
    except (OSError, ValueError):
        return {}
    tables = [noted.get("ids"), noted.get("values")] if isinstance(noted, dict) else [None]
    is_whole = all(isinstance(t, dict) and all(isinstance(value, str) for value in t.values()) for t in tables)
    return noted if is_whole else {}


def _what(error: Exception) -> str:
    text = error.what if isinstance(error, MasrError) else str(error)
    return f"{type(error).__name__}: {(text.strip().splitlines() or [''])[0][:160]}"
