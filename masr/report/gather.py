"""What lies in the folder of an experiment that a page can show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from masr.errors import MasrError, UsageError
from masr.files import ordinary, parse_json
from masr.io.figure import Figure
from masr.io.figure_file import read_figure
from masr.io.layout import (
    CONFIDENCE_JSON,
    DIGESTS,
    EMBEDDINGS,
    ENDED,
    FIGURE_SUFFIX,
    METRICS,
    MODEL,
    PROVENANCE,
    RECORD,
    RESOLVED_CONFIG,
    RESOLVED_DIGESTS,
    TASK_DONE,
    TASK_FAILED,
    TRACKERS,
    UTT2SPK,
)
from masr.report.metrics import Metrics, read_metrics

MAX_RUNS = 24
MAX_FIGURES = 200
_MAX_JSON = 4 << 20
_MAX_CONFIG = 1 << 20
_NOT_SCORES = ("checkpoints", "tensorboard", "trackers", "log")
_OF_MACHINES = (ENDED, DIGESTS, CONFIDENCE_JSON, RECORD, RESOLVED_DIGESTS, TASK_DONE, TASK_FAILED, TRACKERS)
"""Files of JSON that other verbs ask, and that tell a reader nothing."""
_MAX_DEPTH = 2


@dataclass
class Run:
    """One experiment, as far as its folder tells."""

    folder: Path
    name: str
    letter: str = ""
    """What the run is called in drawings of several: A, B, C."""
    metrics: Metrics | None = None
    config: str = ""
    """The text of config.yaml."""
    provenance: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    """File -> what it holds."""
    figures: dict[str, Figure] = field(default_factory=dict)
    embeddings: list[Path] = field(default_factory=list)
    has_model: bool = False
    problems: list[str] = field(default_factory=list)
    """Sentences on files that could not be used."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.metrics or self.scores or self.figures or self.embeddings or self.config)


def gather(folders: Sequence[Path]) -> list[Run]:
    """The runs of these folders; a folder of runs, such as one with a run for each seed, stands for them."""
    runs = []
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder", fix="name the folder that masr train wrote")
        run = read_run(folder)
        inner = [] if run.metrics or run.config else [p for p in _folders(folder) if (p / METRICS).is_file()]
        # Figures and scores that lie beside the runs are shown too.
        runs += ([] if run.is_empty and inner else [run]) + [read_run(path) for path in inner]
    runs = [run for run in runs if not run.is_empty]
    if not runs:
        raise UsageError(
            f"{', '.join(map(str, folders))}: nothing that a report could be made of",
            why=f"a report is made of {METRICS}, {RESOLVED_CONFIG}, scores (*.json), embeddings and *{FIGURE_SUFFIX}",
            fix=_deeper(folders) or "name the folder of a run: masr train CONF exp/X writes one",
        )
    if len(runs) > MAX_RUNS:
        raise UsageError(f"{len(runs)} runs are too many for one page: at most {MAX_RUNS}", fix="name fewer folders")
    _name(runs)
    return runs


def _deeper(folders: Sequence[Path]) -> str:
    """A fix that names folders of runs a level below, which may have been meant; empty where there are none."""
    folders_of_runs = sorted({path.parent.parent for folder in folders for path in folder.glob(f"*/*/{METRICS}")})
    return "name a folder of runs: " + ", ".join(map(str, folders_of_runs[:3])) if folders_of_runs else ""


def read_run(folder: Path) -> Run:
    """Everything of one folder; what is damaged is noted, not fatal."""
    run = Run(folder, folder.name)
    path = folder / METRICS
    if path.is_file():
        run.metrics = read_metrics(path)
        if not run.metrics.curves:
            run.problems.append(f"{METRICS}: no line with figures yet")
        if run.metrics.num_broken:
            run.problems.append(f"{METRICS}: {run.metrics.num_broken} lines are no JSON with a step")
        if run.metrics.left_out:
            run.problems.append(f"{METRICS}: {len(run.metrics.left_out)} figures beyond those that a page shows")
    run.config = _config(run)
    run.has_model = (folder / MODEL).is_file()
    for path in _files(folder, 0):
        _take(run, path)
    return run


def _take(run: Run, path: Path) -> None:
    """Adds one file to the run; its name says what it is."""
    where = path.relative_to(run.folder).as_posix()
    if path.name == EMBEDDINGS:
        if (path.parent / UTT2SPK).is_file():
            run.embeddings.append(path.parent)
        return
    try:
        if path.name.endswith(FIGURE_SUFFIX):
            if len(run.figures) < MAX_FIGURES:
                run.figures[where.removesuffix(FIGURE_SUFFIX)] = read_figure(path)
            else:
                run.problems.append(f"{where}: beyond the first {MAX_FIGURES} figures")
        elif where == PROVENANCE:
            run.provenance = _json(path)
        elif path.name not in (PROVENANCE, *_OF_MACHINES):
            run.scores[where.removesuffix(".json")] = _json(path)
    except MasrError as error:
        run.problems.append(error.what.replace(str(path), where))
    except (OSError, ValueError) as error:
        run.problems.append(f"{where}: cannot be read: {error}")


def _json(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > _MAX_JSON:
        raise ValueError(f"{size >> 20} MiB are too many for a page")
    data = parse_json(ordinary(path).read_bytes())
    if not isinstance(data, dict):
        raise ValueError("no {...}")
    return data


def _config(run: Run) -> str:
    path = run.folder / RESOLVED_CONFIG
    try:
        if path.stat().st_size <= _MAX_CONFIG:
            return ordinary(path).read_text(encoding="utf-8", errors="replace")
        run.problems.append(f"{RESOLVED_CONFIG}: too large for a page")
    except FileNotFoundError:
        pass
    except OSError as error:
        run.problems.append(f"{RESOLVED_CONFIG}: cannot be read: {error.strerror}")
    return ""


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Figures, scores and embeddings of the folder and of those in it; another run's folder is left to itself."""
    try:
        entries = sorted(folder.iterdir(), key=lambda p: p.name)
    except PermissionError:
        return
    for path in entries:
        if path.name.startswith("."):
            continue
        if path.is_dir() and depth < _MAX_DEPTH and not path.is_symlink():
            if path.name not in _NOT_SCORES and not (path / METRICS).is_file():
                yield from _files(path, depth + 1)
        elif path.is_file() and (path.suffix == ".json" or path.name == EMBEDDINGS):
            yield path


_TASK = re.compile(r"(.+)(\.seed\d+)-[0-9a-f]{12}")
"""The folder of a table's task."""


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _name(runs: list[Run]) -> None:
    """Gives runs names that tell them apart: as much of each path as they do not share, and a letter."""
    parts = [run.folder.resolve().parts for run in runs]
    shared = 0
    while len(runs) > 1 and all(len(p) > shared + 1 for p in parts) and len({p[shared] for p in parts}) == 1:
        shared += 1
    names = ["/".join(path[shared:]) if len(runs) > 1 else "/".join(path[-2:]).removeprefix("/") for path in parts]
    for n, (run, name) in enumerate(zip(runs, _without_digests(names), strict=True)):
        run.name, run.letter = name, chr(ord("A") + n)


def _without_digests(names: list[str]) -> list[str]:
    """Runs of a table, ROW.seedN-DIGEST, as ROW.seedN, or as ROW where all have one seed, if that tells them apart."""
    tasks = [found for name in names if (found := _TASK.fullmatch(name))]
    rows, seeds = [task[1] for task in tasks], [task[1] + task[2] for task in tasks]
    if len(names) > 1 and len({task[2] for task in tasks}) == 1 and len(set(rows)) == len(names):
        return rows
    if len(names) > 1 and len(set(seeds)) == len(names):
        return seeds
    return names
