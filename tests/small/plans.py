"""Plans of the recipes' tables, each made once for all tests, without looking at data that may not be there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from masr.api.schemas import resolved_settings
from masr.config import loads, to_dict
from masr.config.plain import as_yaml
from masr.plugins import resolve
from masr.tables.config import read_table
from masr.tables.placeholders import place_folders, symbols_in
from masr.tables.plan import Plan, folders_of, make_plan
from masr.tables.resolved import ResolvedDigests
from masr.tables.task import Task
from masr.training.config import TrainConfig

RESOLVED = ResolvedDigests(Path("not there"), resolved_settings)


@cache
def plan_of(path: Path, size: str) -> Plan:
    folders = folders_of(path, size, None, None, None)
    return make_plan(read_table(path), size, folders, RESOLVED, stamp_of=lambda _: "not looked at")


def config_of(task: Task) -> TrainConfig:
    """What a training of the table reads, its folders somewhere."""
    return _read(text_of(task))


def values_of(task: Task) -> dict[str, Any]:
    """The same as plain values, with all defaults: not to be changed."""
    return _values(text_of(task))


def text_of(task: Task) -> str:
    """The task's configuration as YAML."""
    places = {name: f"/at/{name}" for name in symbols_in(task.settings)}
    return as_yaml(place_folders(task.settings, places))


@cache
def _read(text: str) -> TrainConfig:
    return loads(TrainConfig, text, resolve=resolve)


@cache
def _values(text: str) -> dict[str, Any]:
    return to_dict(_read(text))
