"""Every table of every recipe, in every size: it expands, its configurations are valid, its commands parse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from masr.cli.main import VERBS, open_verb, verb_parser
from masr.config import loads, to_dict
from masr.plugins import resolve
from masr.tables.config import read_table
from masr.tables.plan import Plan, folders_of, make_plan
from masr.tables.settings import as_yaml
from masr.tables.task import Task
from masr.tables.words import place_folders, readable, symbols_in
from masr.training.config import TrainConfig

EGS = Path(__file__).resolve().parents[2] / "egs"
ONE_SEED = ("strategy", "share", "scorer")
"""What is varied around rows that another table has with three seeds; no claim about them is said to hold."""
TABLES = sorted(EGS.glob("*/tables/*.yaml"))
SIZES = [(path, size) for path in TABLES for size in read_table(path).sizes]


def plan_of(path: Path, size: str) -> Plan:
    """Without looking at data that may not be there."""
    return make_plan(read_table(path), size, folders_of(path, None, None, None), stamp_of=lambda _: "not looked at")


def name_of(value: object) -> str:
    return f"{value.parents[1].name}-{value.stem}" if isinstance(value, Path) else str(value)


def test_there_are_tables() -> None:
    assert EGS / "fleurs" / "tables" / "pretraining.yaml" in TABLES


@pytest.mark.parametrize("path", TABLES, ids=name_of)
def test_a_table_has_both_sizes_and_three_seeds(path: Path) -> None:
    fewest = {"mini": 1 if path.stem in ONE_SEED else 3, "paper": 3}
    table = read_table(path)
    assert {"mini", "paper"} <= set(table.sizes)
    assert table.sizes["mini"].embedded
    assert not table.sizes["paper"].embedded
    assert all(len(table.sizes[size].seeds) >= num for size, num in fewest.items())
    assert table.corpus == path.parents[1].name


@pytest.mark.parametrize(("path", "size"), SIZES, ids=name_of)
def test_every_resolved_configuration_is_valid_and_names_its_inputs(path: Path, size: str) -> None:
    plan = plan_of(path, size)
    assert plan.tasks
    seen: set[str] = set()
    for task in plan.tasks:
        text = configuration(task)
        if task.settings is None or text in seen:
            continue
        seen.add(text)
        config = loads(TrainConfig, text, resolve=resolve)
        paths = [value for value in strings(to_dict(config)) if value.startswith(("data/", "exp/"))]
        assert not paths, f"{task.step} {task.label} reads {paths} without a placeholder"


def configuration(task: Task) -> str:
    places = {name: f"/at/{name}" for name in symbols_in(task.settings)}
    return as_yaml(place_folders(task.settings, places)) if task.settings is not None else ""


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(("path", "size"), SIZES, ids=name_of)
def test_every_command_parses(path: Path, size: str) -> None:
    for task in plan_of(path, size).tasks:
        verb = task.words[1]
        assert verb in VERBS
        verb_parser(verb, open_verb(verb)).parse_args([readable(word) for word in task.words[2:]])


def test_the_pretraining_grid_is_the_one_that_is_described() -> None:
    plan = plan_of(EGS / "fleurs" / "tables" / "pretraining.yaml", "mini")
    objectives = ("best_rq", "w2v_bert", "wav2vec2", "hubert")
    assert plan.rows == [f"{o}.{kind}" for o in objectives for kind in ("ssl", "lasr", "masr")]
    assert [t.rows[0].split(".")[0] for t in plan.tasks if t.step == "cluster"] == ["hubert"]
    assert sum(task.step == "pretrain" for task in plan.tasks) == 36
    streams = {}
    for row in plan.rows:
        settings = plan.cells[row, 1, "pretrain"].settings
        assert settings["seed"] == 1
        streams[row] = [(s["name"], s.get("mining", "similarity")) for s in settings.get("streams", [])]
    for objective in objectives:
        assert streams[f"{objective}.ssl"] == []
        assert streams[f"{objective}.lasr"] == [("language", "label")]
        assert streams[f"{objective}.masr"] == [("language", "similarity"), ("location", "similarity")]
