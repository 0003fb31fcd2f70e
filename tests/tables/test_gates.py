from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from masr.errors import ConfigError
from masr.tables.config import read_table
from masr.tables.outcome import outcome_of
from masr.tables.state import state_of

TABLE = """\
title: Gates
corpus: made-up
sizes:
  mini: {what: made up, embedded: true, seeds: [0, 1, 2], variables: {chance: 2.4}}
steps:
  - {name: test, command: [masr, data, subset, "{data}/test", "{out}", --num, "{count}", --seed, "{seed}"]}
rows:
  - {name: good, label: Good, variables: {count: 1}}
  - name: bad
    label: Bad
    rows: [{name: one, variables: {count: 2}}, {name: fresh, role: fresh, variables: {count: 5}}]
  - {name: mel, label: log-mel, role: trivial, variables: {count: 3}}
  - {name: guess, role: chance, variables: {count: 4}}
columns:
  - {name: x, label: accuracy, step: test, file: x.json, value: [v], unit: "%"}
  - {name: y, label: error, step: test, file: x.json, value: [w], better: lower}
levels: [{name: chance, label: one of 42, values: {x: "{chance}"}}]
gates:
  - {columns: [x]}
  - {columns: [y], rows: [bad], above: [fresh]}
  - {columns: [x], rows: [bad.one], above: [chance]}
"""
VALUES = {"good": 30.0, "bad.one": 20.5, "bad.fresh": 20.0, "mel": 10.0, "guess": 3.0}


def finish(plan: Any, row: str, value: float, spread: float = 0.3) -> None:
    for seed in plan.size.seeds:
        folder: Path = state_of(plan, plan.cells[row, seed, "test"]).folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "x.json").write_text(json.dumps({"v": value + spread * seed, "w": 50 - 2 * value + spread * seed}))
        (folder / "done.json").write_text(json.dumps({"hours": 0.0, "commit": "c"}))


@pytest.fixture
def plan(recipe: Any) -> Any:
    recipe.write(TABLE)
    return recipe.plan()


def test_intervals_that_do_not_meet_pass(plan: Any) -> None:
    for row, value in VALUES.items():
        finish(plan, row, value)
    found = {(gate.row, gate.column, gate.hurdles[0].name): gate for gate in outcome_of(plan).gates}
    assert list(found) == [
        ("good", "x", "bad.fresh"),
        ("bad.one", "x", "bad.fresh"),
        ("bad.one", "y", "bad.fresh"),
        ("bad.one", "x", "chance"),
    ]
    assert [gate.passes for gate in found.values()] == [True, False, False, True]
    assert [one.passed for one in found["bad.one", "x", "bad.fresh"].hurdles] == ["does not beat", "beats"]
    finish(plan, "bad.one", 25.0)
    assert [gate.passes for gate in outcome_of(plan).gates] == [True, True, True, True]  # lower errors are better


def test_a_paired_gate_asks_whether_the_gain_leaves_zero_out(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    recipe.write(TABLE.replace("{columns: [x], rows: [bad.one], above: [chance]}", "{columns: [x, y], paired: true}"))
    plan = recipe.plan()
    for row, value in VALUES.items():
        finish(plan, row, value, spread=0.3 if row == "bad.one" else 0.29)
    first, *_, accuracy, error = [gate for gate in outcome_of(plan).gates if gate.row == "bad.one"]
    assert [one.passed for one in first.hurdles] == ["does not beat", "beats"]
    assert [one.passed for one in accuracy.hurdles] == ["beats", "beats"]
    assert error.column == "y" and error.passes
    finish(plan, "bad.one", 20.0)
    finish(plan, "bad.fresh", 20.0, spread=0.29)
    assert [gate.passes for gate in outcome_of(plan).gates if gate.row == "bad.one"][-2:] == [False, False]
    assert recipe.masr("show") == 0
    assert "A row passes a paired gate where the 95 % interval of its gain" in " ".join(capfd.readouterr().out.split())


def test_what_is_missing_is_not_judged_but_what_fails_fails(plan: Any) -> None:
    finish(plan, "good", 30.0)
    finish(plan, "mel", 10.0)
    assert outcome_of(plan).gates[0].passes is None
    finish(plan, "mel", 29.9)
    assert outcome_of(plan).gates[0].passes is False
    assert outcome_of(plan).gates[-1].passes is None


def test_what_others_are_beside_stands_first_and_apart(
    plan: Any, recipe: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    for row, value in VALUES.items():
        finish(plan, row, value)
    for kind in ("text", "markdown", "latex"):
        capfd.readouterr()
        assert recipe.masr("show", "--format", kind) == 0
        text = capfd.readouterr().out
        for found in ("one of 42", "2.4", "fresh: Bad fresh", "trivial: log-mel", "chance: guess"):
            assert text.index("Beside what") < text.index(found) < text.rindex("Good")
        assert "Gate, accuracy" in text
        assert "FAILS" in text
    assert recipe.masr("show") == 0
    text = capfd.readouterr().out
    above, scores = text.split("Beside what")[1].split("\nGates\n")
    assert "Good" not in above
    assert not re.search(r"^(trivial|log-mel)", scores, re.MULTILINE)
    beats = r"Good \(30\.3 ± 0\.\d\) beats Bad fresh \(20\.3 ± 0\.\d\) and log-mel \(10\.3 ± 0\.\d\)\."
    assert re.search(r"Gate, accuracy \(%\): " + beats, scores)
    assert re.search(r"Bad one \(20\.8 ± 0\.\d\) FAILS: it does not beat Bad fresh \(20\.3 ± 0\.\d\)\.", scores)
    assert re.search(r"Bad one \(20\.8 ± 0\.\d\) beats one of 42 \(2\.4\)\.", scores)
    assert recipe.masr("show", "--format", "json") == 0
    found = json.loads(capfd.readouterr().out)
    assert found["levels"] == {"chance": {"x": 2.4}}
    assert found["gates"][1] == {
        "row": "bad.one",
        "column": "x",
        "above": {"bad.fresh": "does not beat", "mel": "beats"},
        "passes": False,
    }
    assert {row["name"]: row["role"] for row in found["rows"]}["mel"] == "trivial"


def test_a_size_and_a_call_give_constants_their_variables(recipe: Any, plan: Any) -> None:
    assert plan.levels == {"chance": {"x": 2.4}}
    assert recipe.plan(chance="1").levels == {"chance": {"x": 1.0}}
    with pytest.raises(ConfigError, match="'many' is no number"):
        recipe.plan(chance="many")


def test_roles_levels_and_gates_change_no_task(recipe: Any, plan: Any) -> None:
    text = TABLE.partition("levels:")[0]
    recipe.write(re.sub(r"role: \w+, ", "", text))
    assert recipe.plan().digest == plan.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("above: [fresh]", "above: [frech]", "did you mean fresh"),
        ("rows: [bad]", "rows: [bat]", "did you mean bad"),
        ("{columns: [x]}", "{columns: [z]}", "no column 'z'"),
        ('values: {x: "{chance}"}', "values: {z: 1}", "no column 'z'"),
        ("name: chance, label", "name: mel, label", "called as a row is"),
        ("role: chance", "role: guess", "role"),
        ("role: fresh, ", "", None),
        ("name: chance, label", "name: Chance, label", "no name of a level"),
    ],
)
def test_what_cannot_be_meant_is_refused(recipe: Any, old: str, new: str, said: str | None) -> None:
    assert old in TABLE
    text = TABLE.replace(old, new)
    if said is None:
        text, said = text.replace("role: trivial, ", ""), "role trivial or fresh"
    recipe.write(text)
    with pytest.raises(ConfigError) as caught:
        read_table(recipe.table)
    assert said in caught.value.block()
