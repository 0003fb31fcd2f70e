from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from masr.errors import ConfigError
from masr.tables.config import read_table
from masr.tables.outcome import outcome_of
from masr.tables.run import command_of
from masr.tables.state import state_of

TABLE = """\
title: Three subsets, gathered
corpus: made-up
sizes: {mini: {what: eight utterances, embedded: true, seeds: [0, 1, 2]}}
steps:
  - {name: some, command: [masr, data, subset, "{data}/test", "{out}", --num, "{count}", --seed, "{seed}"]}
  - {name: fixed, command: [masr, data, subset, "{data}/test", "{out}", --first, "2"]}
  - {name: all, command: [masr, data, combine, "{out}", "{some.parts}", --partial, keep]}
  - {name: scores, command: [masr, analyse, collect, "{out}/t.tsv", --names, a, b, c, --column, x, v,
      "{some.seeds}/provenance.json"]}
  - {name: shared, command: [masr, analyse, pairs, "{fixed.seeds}/x.tsv", --pairs, "a:b"]}
rows:
  - name: parts
    only_gathered: true
    rows: [{name: two, variables: {count: 2}}, {name: four, variables: {count: 4}}]
  - name: whole
    rows:
      - {name: low, variables: {count: 2, key: small}}
      - {name: high, variables: {count: 2, key: large}}
  - {name: other, variables: {count: 2, key: none}}
columns:
  - {name: x, step: all, file: x.json, at: ["{key}"], value: [v], minus: [w], groups: [whole]}
  - {name: y, step: scores, file: y.json, value: [v], groups: [other]}
  - {name: z, step: shared, file: z.json, value: [v], groups: [other]}
figures: [{step: scores, row: other, file: one.svg, caption: A picture}]
orderings:
  - {better: high, than: low, columns: [x], claim: large is larger}
  - {better: whole.high, level: 2, columns: [x], claim: large is above two}
  - {better: whole.low, level: 2, columns: [x], claim: small is above two}
"""


@pytest.fixture
def table(recipe: Any) -> Any:
    recipe.write(TABLE)
    return recipe


def finish(plan: Any, task: Any, **files: Any) -> Path:
    folder: Path = state_of(plan, task).folder
    folder.mkdir(parents=True)
    for name, value in files.items():
        (folder / name.replace("_", ".")).write_text(value if isinstance(value, str) else json.dumps(value))
    (folder / "done.json").write_text(json.dumps({"hours": 1.0, "commit": "c"}))
    return folder


def test_a_gathered_word_is_a_folder_for_each_row_in_order_and_of_the_same_seed(table: Any) -> None:
    plan = table.plan()
    task = plan.cells["whole.low", 1, "all"]
    two, four = plan.cells["parts.two", 1, "some"], plan.cells["parts.four", 1, "some"]
    assert list(task.needs.values()) == [two, four]
    words = command_of(plan, task, Path("out"), table.folder)
    folders = [state_of(plan, one).folder.relative_to(table.folder) for one in (two, four)]
    assert words[4:6] == [str(one) for one in folders]
    assert task.depth == 2 and task.seeded
    assert plan.cells["whole.high", 1, "all"] is task


def test_seeds_are_gathered_once_each_and_their_task_is_shared_by_all_seeds(table: Any) -> None:
    plan = table.plan()
    tasks = {plan.cells["other", seed, "scores"].digest for seed in (0, 1, 2)}
    assert len(tasks) == 1
    task = plan.cells["other", 0, "scores"]
    assert [need.seeds[0] for need in task.needs.values()] == [0, 1, 2]
    assert not task.seeded
    assert len(plan.cells["other", 0, "shared"].needs) == 1  # the seed does not enter what it gathers
    assert sum(word.endswith("x.tsv") for word in plan.cells["other", 0, "shared"].words) == 1


def test_a_task_that_all_seeds_share_has_no_interval_over_them(table: Any) -> None:
    plan = table.plan()
    finish(plan, plan.cells["other", 0, "shared"], z_json={"v": 4.0})
    cell = next(row for row in outcome_of(plan).rows if row.name == "other").cells["z"]
    assert {seed: score.value for seed, score in cell.scores.items()} == {0: 4.0, 1: 4.0, 2: 4.0}
    assert (cell.mean.value, cell.mean.low, cell.interval) == (4.0, None, "")


def test_rows_that_are_only_gathered_have_no_lines_and_their_names_no_part_in_a_hash(table: Any) -> None:
    plan = table.plan()
    assert plan.rows == ["whole.low", "whole.high", "other"]
    before = {task.digest for task in plan.tasks}
    table.write(TABLE.replace("name: two", "name: pair").replace("parts", "pieces"))
    assert {task.digest for task in table.plan().tasks} == before
    table.write(TABLE.replace("count: 4", "count: 3"))
    assert plan.cells["whole.low", 0, "all"].digest not in {task.digest for task in table.plan().tasks}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{some.parts}", "{sum.parts}", "no earlier step is called sum"),
        ("{some.parts}", "{scores.parts}", "no earlier step is called scores"),
        ("{some.parts}", "{some.part}", "did you mean parts"),
        ("{some.parts}", "{some.parts}/{some.parts}", "gathers twice"),
        ('at: ["{key}"]', 'at: ["{kei}"]', "did you mean key"),
    ],
)
def test_what_cannot_be_gathered_is_refused(table: Any, old: str, new: str, said: str) -> None:
    assert old in TABLE
    table.write(TABLE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        table.plan()
    assert said in caught.value.block()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: whole", "name: seeds", "cannot be called seeds"),
        ("than: low,", "", "give one of the two"),
        ("than: low,", "than: low, level: 3,", "give one of the two"),
        ("better: whole.low, level", "better: whole.lo, level", "did you mean whole.low"),
        ("file: one.svg", "file: ../one.svg", "no name of an SVG"),
        ("row: other, file", "row: others, file", "did you mean other"),
        ("minus: [w],", "minus: [w], low: [l], high: [h],", "interval"),
        ("groups: [whole]", "groups: [hole]", "did you mean whole"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(table: Any, old: str, new: str, said: str) -> None:
    assert old in TABLE
    table.write(TABLE.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_table(table.table)
    assert said in caught.value.block()


def test_columns_speak_of_their_rows_and_claims_of_numbers(table: Any, capfd: pytest.CaptureFixture[str]) -> None:
    plan = table.plan()
    for seed in (0, 1, 2):
        for row in ("parts.two", "parts.four"):
            finish(plan, plan.cells[row, seed, "some"])
        scores = {"small": {"v": 1.0 + 0.01 * seed, "w": 0.5}, "large": {"v": 4.0 + 0.02 * seed, "w": 1.0}}
        finish(plan, plan.cells["whole.low", seed, "all"], x_json=scores)
    finish(plan, plan.cells["other", 0, "scores"], y_json={"v": 7.0}, one_svg="<svg/>")
    outcome = outcome_of(plan)
    rows = {row.name: row for row in outcome.rows}
    assert [score.value for score in rows["whole.low"].cells["x"].scores.values()] == pytest.approx([0.5, 0.51, 0.52])
    assert rows["whole.high"].cells["x"].scores[0].value == pytest.approx(3.0)
    assert rows["other"].cells["x"].wanted == 0 and rows["whole.high"].cells["y"].wanted == 0
    assert [claim.comparison.verdict for claim in outcome.claims] == ["holds", "holds", "does not hold"]
    assert rows["whole.low"].hours == 9.0  # what it gathers counts, too
    assert table.masr("show") == 0
    claims = capfd.readouterr().out.partition("large is above two")[2]
    assert re.search(r"whole high +2 +x +3 +\+1\.0 ± 0\.0 +<0\.001 +<0\.001 +holds\n", claims)
    assert main_results(table) == 0
    page = (table.folder / "RESULTS.md").read_text()
    assert "![A picture](figures/small.mini.one.svg)" in page
    assert (table.folder / "figures" / "small.mini.one.svg").read_text() == "<svg/>"


def test_what_only_a_picture_gathers_is_no_part_of_its_row(table: Any, capfd: pytest.CaptureFixture[str]) -> None:
    step = (
        '  - {name: drawn, command: [masr, analyse, picture, "{out}/p.svg", --panel, x, "{all.whole}/x.json"]}\nrows:'
    )
    picture = "figures:\n  - {step: drawn, row: parts.two, file: p.svg, caption: Drawn}\n"
    text = TABLE.replace("rows:", step, 1).replace("    only_gathered: true\n", "").split("figures:")[0] + picture
    table.write(
        text.replace("columns:", "columns:\n  - {name: s, step: some, file: s.json, value: [v], groups: [parts]}")
    )
    plan = table.plan()
    for seed in (0, 1, 2):
        finish(plan, plan.cells["parts.two", seed, "some"], s_json={"v": 1.0})
        finish(plan, plan.cells["parts.four", seed, "some"], s_json={"v": 2.0})
    row = next(row for row in outcome_of(plan).rows if row.name == "parts.two")
    assert (row.hours, row.status) == (3.0, "")
    assert table.masr("show") == 0
    assert "Three subsets" in capfd.readouterr().out
    assert main_results(table) == 0
    assert "Drawn" not in (table.folder / "RESULTS.md").read_text()
    drawn = finish(plan, plan.cells["parts.two", 0, "drawn"], p_svg="<svg/>")
    assert drawn.parent.name == "drawn" and main_results(table) == 0
    assert "![Drawn]" in (table.folder / "RESULTS.md").read_text()


def main_results(table: Any) -> int:
    from masr.cli.main import main

    return main(["table", "results", str(table.table.parent)])


def test_a_task_without_the_picture_that_it_is_for_has_failed(recipe: Any) -> None:
    text = recipe.table.read_text() + "figures: [{step: score, row: a.lang, file: one.svg, caption: None}]\n"
    recipe.write(text)
    assert recipe.masr("run", 1) != 0
    assert "without its picture one.svg" in next(recipe.folder.glob("exp/tables/score/*/failed.json")).read_text()


@pytest.mark.parametrize(
    ("high", "verdicts"),
    [
        (1.5, ["holds", "holds", "does not hold"]),
        (2.5, ["holds", "holds", "not tested"]),
        (3.5, ["not tested", "holds", "not tested"]),
    ],
)
def test_where_all_seeds_agree_the_intervals_of_the_scores_decide(table: Any, high: float, verdicts: list[str]) -> None:
    table.write(TABLE.replace("minus: [w], groups: [whole]", "low: [l], high: [h], interval: x, groups: [whole]"))
    plan = table.plan()
    scores = {"small": {"v": 1.0, "l": 0.5, "h": high}, "large": {"v": 4.0, "l": 3.0, "h": 5.0}}
    for seed in (0, 1, 2):
        finish(plan, plan.cells["whole.low", seed, "all"], x_json=scores)
    assert [claim.comparison.verdict for claim in outcome_of(plan).claims] == verdicts


def test_a_column_of_other_sizes_has_neither_scores_nor_tasks(table: Any) -> None:
    of_paper = TABLE.replace("file: z.json, value: [v]", "file: z.json, value: [v], sizes: [paper]")
    table.write(of_paper.replace("seeds: [0, 1, 2]}}", "seeds: [0, 1, 2]}, paper: {what: the same}}"))
    mini, paper = table.plan(), table.plan("paper")
    assert ("other", "z") in paper.columns and ("other", "z") not in mini.columns
    assert {task.step for task in paper.tasks} - {task.step for task in mini.tasks} == {"fixed", "shared"}
    table.write(of_paper)
    with pytest.raises(ConfigError, match="paper"):
        read_table(table.table)
