"""What lies in a folder that masr wrote to: its content, and what must not be there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from masr.errors import CheckpointError
from masr.io import checkpoint
from masr.io.identity import digest, digest_of_file
from masr.io.layout import CHECKPOINTS, DIGESTS, METRICS, PROVENANCE, RECORD, TASK_DONE, TASK_FAILED, TASK_LOG

_OF_TIME = (PROVENANCE, TASK_DONE, TASK_FAILED, TASK_LOG)
"""They say when and how long."""
_RATE = "audio_hours_per_hour"
_MINUTE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
"""When a page was written."""

Content = dict[str, str]
"""Path of a file from its folder -> what it holds, but for times."""


def content(folder: Path) -> Content:
    """Of every file under its final name; hidden ones are at work."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and path.name not in _OF_TIME and not any(part.startswith(".") for part in name.parts):
            found[str(name)] = _state(path)
    return found


def _state(path: Path) -> str:
    if path.name == METRICS:
        return digest(metrics(path))
    if path.name == RECORD and path.parent.parent.name == CHECKPOINTS:
        record = json.loads(path.read_text(encoding="utf-8"))
        return digest({key: value for key, value in record.items() if key != "meters"})
    if path.suffix == ".html":
        return digest(_MINUTE.sub(b"", path.read_bytes()).decode())
    return digest_of_file(path)


def metrics(path: Path) -> list[dict[str, object]]:
    """Lines of metrics.jsonl without the speed; a last one that was cut short, as a kill leaves it, is no line."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return [{key: value for key, value in json.loads(line).items() if key != _RATE} for line in lines]


def differences(folder: Path, wanted: Content) -> list[str]:
    """What is missing, what is there beside, and what has another content."""
    found = content(folder)
    said = [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
    said += [f"{name} should not be there" for name in sorted(found.keys() - wanted.keys())]
    return said + [f"{name} differs" for name in sorted(found.keys() & wanted.keys()) if found[name] != wanted[name]]


def halves(folder: Path, wanted: Content, before: Content) -> list[str]:
    """Files under their final names that hold neither what they are to hold in the end, nor what they held before.

    `metrics.jsonl` grows a line at a time, digests.json has none of weights that are about to be replaced, and a
    checkpoint that is not among the last ones has to be whole.
    """
    said = []
    for name, state in content(folder).items():
        path = folder / name
        if path.name in (METRICS, DIGESTS) or CHECKPOINTS in path.parts:
            continue
        if name in wanted and state not in (wanted[name], before.get(name)):
            said.append(f"{name} is half written")
    return said + [f"{step.name} is not whole" for step in steps(folder) if not is_whole(step)]


def steps(run: Path) -> list[Path]:
    """Checkpoints under their final names, oldest first."""
    return sorted((run / CHECKPOINTS).glob("step_*"))


def is_whole(step: Path) -> bool:
    """Whether a checkpoint can be gone on from."""
    try:
        checkpoint.load(step)
    except CheckpointError:
        return False
    return True


def newest(run: Path) -> int:
    """Steps done by the newest whole checkpoint; 0 where there is none."""
    return max((int(step.name.removeprefix("step_")) for step in steps(run) if is_whole(step)), default=0)


def litter(folder: Path) -> list[str]:
    """What killed processes left behind and nobody took away."""
    left = [path for path in folder.rglob(".*") if path.name.endswith((".tmp", ".old", ".building"))]
    return [f"{path.relative_to(folder)} was left behind" for path in sorted(left)]


def negative_times(folder: Path) -> list[str]:
    """Tasks of tables that took less than no time."""
    done = [path for path in folder.rglob(TASK_DONE) if json.loads(path.read_text(encoding="utf-8"))["hours"] < 0]
    return [f"{path.relative_to(folder)}: less than no time" for path in done]


def replace(folder: Path, source: Path | None) -> None:
    """The folder becomes a copy of the source; where there is none, it is no more."""
    shutil.rmtree(folder, ignore_errors=True)
    if source is not None and source.exists():
        shutil.copytree(source, folder, symlinks=True)
