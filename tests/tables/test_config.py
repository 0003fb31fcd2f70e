from __future__ import annotations

from typing import Any

import pytest

from masr.errors import ConfigError
from masr.tables.config import read_table


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[masr, config,", "[rm, -rf,", "starts with masr"),
        ("[masr, config,", "[/bin/masr, config,", "starts with masr"),
        ("[masr, config,", '["masr; rm", config,', "starts with masr"),
        ("[masr, config,", '[masr, "--set",', "starts with masr"),
        ("[masr, config,", "[masr, table,", "cannot run tables"),
        ("name: copy", "name: out", "placeholder of its own"),
        ("name: copy", "name: never", "there twice"),
        ("step: score", "step: scores", "did you mean score"),
        ("file: scores.json", "file: ../scores.json", "outside"),
        ("file: scores.json", "file: /etc/passwd", "outside"),
        ("than: gender", "than: gendre", "did you mean gender"),
        ("column: nn, value: 50", "column: n, value: 50", "did you mean nn"),
        ("row: a.gender, column", "row: gender, column", "did you mean a.gender"),
        ("seeds: [0, 1, 2]", "seeds: [0, 0]", "different numbers"),
        ("seeds: [0, 1, 2]", "seeds: [0, -1]", "from 0 to 4294967295"),
        ("{kind: lang}\n    steps", "{seed: 3}\n    steps", "placeholder of its own"),
        ("low: [low], ", "", "low and high"),
        ("score: {hours", "scor: {hours", "did you mean score"),
        ('"--mem", 1G', '"--mem 1G"', "no spaces"),
        ("tag: paper", "tag: rumour", "tag"),
        ("title: Rows", "titel: Rows", "did you mean title"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(recipe: Any, old: str, new: str, said: str) -> None:
    text = recipe.table.read_text(encoding="utf-8")
    assert old in text
    recipe.write(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_table(recipe.table)
    assert said in caught.value.block()
    assert "small.yaml" in caught.value.block()


def test_a_claim_without_group_is_tried_in_each_group_that_has_both_rows(recipe: Any) -> None:
    table = read_table(recipe.table)
    assert table.pairs(table.orderings[0]) == [("a.lang", "a.gender")]
    assert table.row_names() == ["a.lang", "a.gender", "b"]


def test_what_rows_are_seen_beside_comes_first_and_a_base_can_bring_it(recipe: Any) -> None:
    (recipe.table.parent / "parts").mkdir()
    part = "beside:\n  - {name: fresh, role: fresh, variables: {split: train, kind: lang}}\n"
    (recipe.table.parent / "parts" / "beside.yaml").write_text(part, encoding="utf-8")
    before = recipe.plan()
    recipe.write("base: parts/beside.yaml\n" + recipe.table.read_text(encoding="utf-8"))
    table = read_table(recipe.table)
    assert table.row_names() == ["fresh", "a.lang", "a.gender", "b"]
    assert [table.role(*pair) for pair in table.all_rows()] == ["fresh", "", "", ""]
    assert {task.digest for task in before.tasks} == {task.digest for task in recipe.plan().tasks}  # those of b


@pytest.mark.parametrize("word", ["{nothing}", "{score}", "{never2}"])
def test_an_unknown_placeholder_is_an_error_with_its_step_and_row(recipe: Any, word: str) -> None:
    recipe.write(recipe.table.read_text(encoding="utf-8").replace("{data}/{split}", word))
    with pytest.raises(ConfigError, match=r"step score of row a\.lang: nothing is called"):
        recipe.plan()
