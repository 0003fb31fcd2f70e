"""Every table of every recipe, in every size: it expands, its configurations are valid, its commands parse, streams are
mined hard."""

from __future__ import annotations

import argparse
import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from masr.api.schemas import schema_of
from masr.cli.main import VERBS, open_verb, verb_parser
from masr.config import to_dict
from masr.errors import ConfigError
from masr.tables.config import read_table
from masr.tables.placeholders import readable
from masr.tables.task import Task
from masr.training.config import TrainConfig
from small.plans import config_of, plan_of, text_of

EGS = Path(__file__).resolve().parents[2] / "egs"
TABLES = sorted(EGS.glob("*/tables/*.yaml"))
SIZES = [(path, size) for path in TABLES for size in read_table(path).sizes]


def name_of(value: object) -> str:
    return f"{value.parents[1].name}-{value.stem}" if isinstance(value, Path) else str(value)


def configs_of(path: Path, size: str) -> list[tuple[Task, TrainConfig]]:
    """Every different configuration of a table, with the first task that has it."""
    tasks = {text_of(task): task for task in reversed(plan_of(path, size).tasks) if task.settings is not None}
    return [(task, config_of(task)) for task in tasks.values()]


def test_there_are_tables() -> None:
    assert {path.parents[1].name for path in TABLES} == {"debian", "dhwani", "fleurs", "librispeech", "pangloss"}


@pytest.mark.parametrize("path", TABLES, ids=name_of)
def test_a_table_has_an_embedded_and_a_real_size_and_three_seeds(path: Path) -> None:
    if path.parents[1].name == "debian":  # no embedded corpus stands for it
        table = read_table(path)
        assert {size: len(one.seeds) for size, one in table.sizes.items()} == {"real": 3}
        assert not table.sizes["real"].embedded
        assert "real speech, a few voices" in table.sizes["real"].what
        assert table.corpus == "debian"
        return
    small = "medium" if path.parents[1].name == "fleurs" else "mini"
    table = read_table(path)
    fewest = {small: 3, "paper": 3}
    if not table.orderings:  # it claims nothing
        fewest = {small: 1, "paper": 1}
    assert {small, "paper"} <= set(table.sizes)
    assert table.sizes[small].embedded
    assert not table.sizes["paper"].embedded
    assert all(len(table.sizes[size].seeds) >= num for size, num in fewest.items())
    assert table.corpus == path.parents[1].name


@pytest.mark.parametrize("path", [path for path in TABLES if read_table(path).figures], ids=name_of)
def test_every_picture_is_drawn_also_for_a_row_without_a_line(path: Path) -> None:
    plan = plan_of(path, next(iter(read_table(path).sizes)))
    assert [figure for figure, _ in plan.figures] == list(read_table(path).figures)


@pytest.mark.parametrize(("path", "size"), SIZES, ids=name_of)
def test_every_resolved_configuration_is_valid_and_names_its_inputs(path: Path, size: str) -> None:
    assert plan_of(path, size).tasks
    for task, config in configs_of(path, size):
        paths = [value for value in strings(to_dict(config)) if value.startswith(("data/", "exp/"))]
        assert not paths, f"{task.step} {task.label} reads {paths} without a placeholder"


@pytest.mark.parametrize(("path", "size"), SIZES, ids=name_of)
def test_streams_balance_the_batches_and_are_mined_hard_for_most_of_a_run(path: Path, size: str) -> None:
    for task, config in configs_of(path, size):
        names = [stream.name for stream in config.streams]
        assert config.batching.stream in (names or [""]), task
        if names:
            assert config.batching.utterances_per_label >= max(4, 2 * config.training.accumulate), task
        for stream in config.streams:
            assert 4 * stream.common.warmup_steps <= config.training.max_steps, task


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
        parser_of(verb).parse_args([readable(word) for word in task.words[2:]])


@cache
def parser_of(verb: str) -> argparse.ArgumentParser:
    return verb_parser(verb, open_verb(verb))


def test_every_verb_that_takes_a_configuration_has_its_schema() -> None:
    takes = {verb for verb in VERBS if {"--conf", "conf"} & set(arguments_of(verb))} - {"config"} | {"confidence"}
    for verb in VERBS:
        if verb in takes:
            assert dataclasses.is_dataclass(schema_of(verb))
        else:
            with pytest.raises(ConfigError, match=f"masr {verb} reads no configuration"):
                schema_of(verb)


def arguments_of(verb: str) -> list[str]:
    """Options, and what positional arguments are called."""
    actions = verb_parser(verb, open_verb(verb))._actions
    return [name for action in actions for name in (*action.option_strings, action.dest)]
