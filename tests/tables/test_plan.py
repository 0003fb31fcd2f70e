from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from masr.api.schemas import resolved_settings
from masr.errors import ConfigError
from masr.tables.arrays import as_ranges
from masr.tables.placeholders import readable
from masr.tables.plan import Plan
from masr.tables.task import Task

TRAIN = """\
title: A pre-training that rows share
corpus: made-up
sizes: {mini: {what: nothing, seeds: [0, 1]}}
steps:
  - {name: pretrain, config: "{conf}/run.yaml", set: ["train={data}/train", "seed={seed}"],
     command: [masr, train, "{config}", "{out}"]}
  - {name: fine, config: "{conf}/fine.yaml", command: [masr, train, "{config}", "{out}", --init, "{pretrain}"]}
rows:
  - {name: one}
  - {name: two, set: {fine: [optim.peak_lr=0.5]}}
  - {name: three, set: {pretrain: ["encoder.dropout=0.3"]}}
columns: [{name: x, step: fine, file: x.json, value: [x]}]
"""


@pytest.fixture
def shared(recipe: Any) -> Any:
    """The recipe with a table in which two of three rows share their pre-training."""
    recipe.write(TRAIN)
    (recipe.folder / "conf" / "parts.yaml").write_text("encoder: {dropout: 0.1}\n")
    (recipe.folder / "conf" / "run.yaml").write_text("base: parts.yaml\nobjective: {name: best_rq}\n")
    (recipe.folder / "conf" / "fine.yaml").write_text("optim: {peak_lr: 0.1}\n")
    return recipe


def steps(plan: Plan) -> list[str]:
    return [task.step for task in plan.tasks]


def digests(plan: Plan) -> set[str]:
    return {task.digest for task in plan.tasks}


def test_only_what_a_column_needs_is_planned(recipe: Any) -> None:
    assert set(steps(recipe.plan())) == {"score"}


def test_rows_that_ask_for_the_same_share_the_task(recipe: Any) -> None:
    plan = recipe.plan()
    assert len(plan.tasks) == 2 * 3  # b asks for what a.lang asks for
    assert plan.cells["b", 1, "score"] is plan.cells["a.lang", 1, "score"]
    assert plan.cells["b", 1, "score"] is not plan.cells["a.gender", 1, "score"]


def test_a_shared_pretraining_is_planned_once_for_each_seed_and_comes_first(shared: Any) -> None:
    plan = shared.plan()
    assert steps(plan) == ["pretrain"] * 4 + ["fine"] * 6
    assert plan.cells["one", 0, "pretrain"] is plan.cells["two", 0, "pretrain"]
    assert plan.cells["one", 0, "pretrain"] is not plan.cells["three", 0, "pretrain"]
    assert plan.cells["one", 0, "fine"] is not plan.cells["two", 0, "fine"]
    assert [task.number for task in plan.tasks] == list(range(1, 11))
    for task in plan.tasks:
        assert all(need.number < task.number and need.depth < task.depth for need in task.needs.values())


def test_a_step_that_does_not_use_the_seed_is_shared_by_all_seeds(recipe: Any) -> None:
    recipe.write(recipe.table.read_text().replace(', --seed, "{seed}"', ""))
    assert len(recipe.plan().tasks) == 2


def test_a_plan_does_not_depend_on_where_its_folders_lie(shared: Any) -> None:
    before = shared.plan()
    moved = shared.folder.with_name("elsewhere")
    shutil.move(shared.folder, moved)
    shared.folder, shared.table = moved, moved / "tables" / "small.yaml"
    assert shared.plan().digest == before.digest


@pytest.mark.parametrize(
    ("file", "old", "new", "stays"),
    [
        ("conf/run.yaml", "best_rq", "w2v_bert", lambda task: False),
        ("conf/parts.yaml", "0.1", "0.2", lambda task: task.rows == ["three"]),  # which overrides that very value
        ("conf/fine.yaml", "0.1", "0.2", lambda task: task.step == "pretrain" or task.rows == ["two"]),
        ("data/train/utt2lang", "eng", "hin", lambda task: False),
        ("tables/small.yaml", "seeds: [0, 1]", "seeds: [0, 2]", lambda task: task.seeds[0] == 0),
    ],
)
def test_what_changes_gets_a_new_hash_and_nothing_else_does(
    shared: Any, file: str, old: str, new: str, stays: Callable[[Task], bool]
) -> None:
    before = shared.plan()
    path = shared.folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    after = shared.plan()
    assert digests(before) & digests(after) == {task.digest for task in before.tasks if stays(task)}
    assert before.digest != after.digest


def test_touching_a_file_or_naming_a_row_anew_changes_nothing(shared: Any) -> None:
    before = shared.plan()
    (shared.folder / "data" / "train" / "utt2lang").touch()
    path = shared.folder / "conf" / "run.yaml"
    path.write_text("# a comment\n" + path.read_text())
    shared.write(shared.table.read_text().replace("name: two", "name: zwei"))
    assert shared.plan().digest == before.digest


def test_a_default_of_the_code_is_part_of_the_hash(shared: Any) -> None:
    before = shared.plan()
    assert shared.plan().digest == before.digest

    def with_another_default(verb: str, tree: Any, file: str) -> Any:
        whole = resolved_settings(verb, tree, file)
        return {**whole, "optim": {**whole["optim"], "eps": 1e-3}}

    shared.resolve = with_another_default
    assert not digests(before) & digests(shared.plan())


def test_a_value_that_is_the_default_is_the_same_task_whether_it_is_given_or_left_out(shared: Any) -> None:
    before = shared.plan()
    path = shared.folder / "conf" / "run.yaml"
    path.write_text(path.read_text() + "device: auto\ninit: null\n")
    assert shared.plan().digest == before.digest


def test_a_key_that_the_schema_does_not_have_is_refused_with_its_file_and_line(shared: Any) -> None:
    (shared.folder / "conf" / "fine.yaml").write_text("# rates\noptim: {peek_lr: 0.1}\n")
    with pytest.raises(ConfigError, match=r"step fine of row one: .*fine\.yaml:2: optim\.peek_lr: unknown key"):
        shared.plan()


def test_a_configuration_for_a_verb_that_reads_none_is_refused(shared: Any) -> None:
    shared.write(shared.table.read_text().replace("[masr, train, ", "[masr, score, ", 1))
    with pytest.raises(ConfigError, match="step pretrain of row one: masr score reads no configuration"):
        shared.plan()


def test_inputs_are_found_in_words_and_in_the_configuration(shared: Any) -> None:
    found = {task.step: {readable(word) for word in task.inputs} for task in shared.plan().tasks}
    assert found == {"pretrain": {"{data}/train"}, "fine": set()}


def test_what_is_not_there_is_named(shared: Any) -> None:
    shutil.rmtree(shared.folder / "data" / "train")
    assert shared.plan().missing_inputs() == {shared.folder / "data" / "train": ""}


def test_overrides_without_a_configuration_are_an_error(recipe: Any) -> None:
    recipe.write(
        recipe.table.read_text().replace("{name: lang, variables", "{name: lang, set: {score: [a=1]}, variables")
    )
    with pytest.raises(ConfigError, match="no configuration to change"):
        recipe.plan()


def test_variables_of_the_command_line_count_most(recipe: Any) -> None:
    assert len(recipe.plan(kind="lang").tasks) == 3


def test_a_table_may_start_from_another(recipe: Any) -> None:
    whole = recipe.plan()
    other = recipe.table.with_name("other.yaml")
    other.write_text("base: small.yaml\nsizes: {mini: {seeds: [1, 5]}}\n")
    recipe.table = other
    plan = recipe.plan()
    assert plan.size.seeds == (1, 5)
    assert digests(whole) & digests(plan) == {t.digest for t in whole.tasks if t.seeds[0] == 1}


def test_numbers_as_launchers_take_them() -> None:
    assert as_ranges([9, 1, 4, 7, 8]) == "1,4,7-9"
    assert as_ranges([]) == ""


@pytest.mark.slow
def test_a_thousand_tasks_are_planned_without_torch_once_their_defaults_are_known(shared: Any) -> None:
    rows = "\n".join(f"  - {{name: r{n}, set: {{pretrain: ['optim.peak_lr={n + 1}e-6']}}}}" for n in range(250))
    text = shared.table.read_text()
    shared.write(text[: text.index("rows:")] + f"rows:\n{rows}\n" + text[text.index("columns:") :])
    script = (
        "import sys, masr.cli.main as m; code = m.main(sys.argv[1:]);"
        "print('HEAVY', *({x.split('.')[0] for x in sys.modules} & {'torch', 'scipy', 'librosa'})); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "table", "plan", str(shared.table), "--arrays"]
    first, again = (subprocess.run(command, capture_output=True, text=True, cwd=Path.home()) for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert "torch" in first.stdout.splitlines()[-1].split()
    *arrays, heavy = again.stdout.splitlines()
    assert [line.split("\t")[3] for line in arrays] == ["1-500", "501-1000"]
    assert heavy == "HEAVY"


def test_a_misspelt_variable_is_refused_and_one_of_another_table_is_not(
    recipe: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recipe.masr("plan", "--set", "splitt=test") == 2
    assert "did you mean split?" in capsys.readouterr().err
    assert recipe.masr("plan", "--set", "split=test", "--set", "another=1") == 0
