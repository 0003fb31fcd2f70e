"""Tasks that really run: done once, refused, failed, stopped, killed through run.py and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from masr.tables.state import hours_to_come, key_of, states_of

CHECKOUT = Path(__file__).resolve().parents[2]
RUN_PY = CHECKOUT / "utils" / "run.py"


def statuses(recipe: Any) -> list[str]:
    plan = recipe.plan()
    states = states_of(plan)
    return [states[key_of(task)].status for task in plan.tasks]


def done_times(recipe: Any) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in recipe.folder.glob("exp/tables/*/*/done.json")}


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300  # a loaded machine is no fault
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_task_runs_once(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert recipe.masr("run", 1) == 0
    first = done_times(recipe)
    assert statuses(recipe) == ["done"] + ["missing"] * 5
    assert recipe.masr("run", 1) == 0
    assert "done already" in capfd.readouterr().out
    assert done_times(recipe) == first
    (folder,) = (path.parent for path in first)
    record = json.loads((folder / "done.json").read_text())
    assert record["command"].startswith("masr score neighbours data/train data/test --kind lang")
    assert set(record) >= {"hours", "commit", "host", "inputs", "needs"}
    assert record["hours"] > 0
    assert {path.name for path in folder.iterdir()} == {"done.json", "task.log", "scores.json"}
    assert not list(folder.parent.glob(".*.lock"))
    assert hours_to_come(recipe.plan(), states_of(recipe.plan()))[0] < 0.5 * 5  # from the one that is done


def test_all_that_is_missing_runs_in_order_and_a_failure_holds_up_only_what_needs_it(
    recipe: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    text = recipe.table.read_text().replace("variables: {kind: gender}", "variables: {kind: colour}")
    recipe.write(text.replace("seeds: [0, 1, 2]", "seeds: [0]"))
    assert recipe.masr("run") == 2
    assert statuses(recipe) == ["done", "failed"]
    said = capfd.readouterr()
    assert "failed (exit code 2)" in said.err
    assert "utt2colour" in said.err  # the log's last lines
    assert "task.log" in said.err
    recipe.write(text.replace("seeds: [0, 1, 2]", "seeds: [0]").replace("colour", "gender"))
    before = done_times(recipe)
    assert recipe.masr("run") == 0
    assert before.items() < done_times(recipe).items()


def test_a_command_that_ends_well_without_its_scores_has_failed(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    recipe.write(recipe.table.read_text().replace("file: scores.json", "file: other.json"))
    assert recipe.masr("run", 1) == 2
    assert "without its scores" in capfd.readouterr().err
    assert statuses(recipe)[0] == "failed"


def test_a_number_of_another_plan_is_refused(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    digest = recipe.plan().digest
    recipe.write(recipe.table.read_text().replace("seeds: [0, 1, 2]", "seeds: [5, 1, 2]"))
    assert recipe.masr("run", 1, "--plan", digest) == 2
    assert "has changed since" in capfd.readouterr().err
    assert recipe.masr("run", 99) == 2
    assert "from 1 to 6" in capfd.readouterr().err
    assert not done_times(recipe)


def test_a_task_whose_needs_are_missing_is_refused_by_name(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    text = recipe.table.read_text().replace('"{data}/test", --kind', '"{copy}", --kind')
    recipe.write(text)
    assert recipe.masr("run", 2) == 2
    said = capfd.readouterr().err
    assert "needs task 1 (copy" in said
    assert "missing" in said


def test_inputs_that_are_not_there_are_named(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    (recipe.folder / "data" / "train").rename(recipe.folder / "data" / "gone")
    assert recipe.masr("run", 1) == 2
    assert "train is not there" in capfd.readouterr().err
    assert recipe.masr("plan") == 0
    assert "train is not there yet" in capfd.readouterr().out


def test_what_no_stage_writes_is_asked_of_the_script_that_does(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    (recipe.folder / "data" / "train").rename(recipe.folder / "data" / "gone")
    recipe.write(recipe.table.read_text() + 'made_by: {"{data}/train": halves.sh, "{exp}/train": others.sh}\n')
    assert recipe.masr("run", 1) == 2
    assert "fix: run halves.sh" in capfd.readouterr().err
    assert recipe.masr("plan") == 0
    assert "train is not there yet: halves.sh writes it" in capfd.readouterr().out


def test_an_unknown_verb_is_refused_before_anything_runs(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    recipe.write(recipe.table.read_text().replace("[masr, score,", "[masr, scores,"))
    assert recipe.masr("run") == 2
    assert "did you mean score" in capfd.readouterr().err


PIPED = """\
title: Tasks that wait for a pipe
corpus: made-up
sizes: {mini: {what: nothing, seeds: [0, 1, 2]}}
steps:
  - {name: wait, command: [masr, config, "{pipe}{seed}"]}
  - name: score
    command: [masr, score, neighbours, "{data}/train", "{data}/test", --kind, "{kind}", --json, "{out}/scores.json"]
    inputs: ["{wait}"]
rows: [{name: x, variables: {kind: lang, pipe: "PIPE"}}]
columns: [{name: nn, step: score, file: scores.json, value: [shares, all, 1-NN, accuracy]}]
"""


@pytest.fixture
def piped(recipe: Any, pipes_are_waited_for: None) -> Any:
    """Task 2 waits until somebody writes to a pipe; tasks 1 and 3 read an empty file."""
    pipe = recipe.folder / "pipe"
    for seed in (0, 2):
        pipe.with_name(f"pipe{seed}").touch()
    os.mkfifo(pipe.with_name("pipe1"))
    recipe.write(PIPED.replace("PIPE", str(pipe)))
    recipe.pipe = pipe.with_name("pipe1")
    return recipe


def masr_table(recipe: Any, *words: object) -> list[str]:
    return [sys.executable, "-m", "masr.cli.main", "table", "run", str(recipe.table), *map(str, words)]


@pytest.mark.slow
def test_killed_through_the_launcher_and_gone_on_with(piped: Any, capfd: pytest.CaptureFixture[str]) -> None:
    log = piped.folder / "exp" / "wave.JOB.log"
    launcher = subprocess.Popen(
        [sys.executable, str(RUN_PY), "--max-jobs-run", "3", "JOB=1:3", log, *masr_table(piped, "JOB")]
    )
    wait_for(lambda: len(done_times(piped)) == 2 and statuses(piped)[1] == "running")
    assert piped.masr("run", 2) == 2  # started twice by mistake
    assert "is being run by process" in capfd.readouterr().err
    (folder,) = piped.folder.glob("exp/tables/wait/x.seed1-*")
    lock = folder.with_name(f".{folder.name.rpartition('-')[2]}.lock")
    job = json.loads(lock.read_text())["pid"]
    launcher.kill()  # the launcher and the task's own process, both with -9
    os.kill(job, signal.SIGKILL)
    launcher.wait()
    wait_for(lambda: statuses(piped)[1] == "missing")
    assert statuses(piped) == ["done", "missing", "done"] + ["missing"] * 3
    before = done_times(piped)
    piped.pipe.unlink()
    piped.pipe.touch()
    assert piped.masr("run") == 0
    assert statuses(piped) == ["done"] * 6
    assert before.items() < done_times(piped).items()
    log_text = next(piped.folder.glob("exp/tables/wait/x.seed1-*/task.log")).read_text()
    assert log_text.count("# masr config") == 2  # the run that was killed, and the one that went on
    assert all(
        path.read_text().count("# masr config") == 1
        for path in piped.folder.glob("exp/tables/wait/x.seed[02]*/task.log")
    )


def test_a_signal_reaches_the_command_and_the_task_can_be_started_again(piped: Any) -> None:
    process = subprocess.Popen(masr_table(piped, 2), stdout=subprocess.DEVNULL)
    wait_for(lambda: statuses(piped)[1] == "running")
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 128 + signal.SIGTERM
    plan = piped.plan()
    state = states_of(plan)[key_of(plan.tasks[1])]
    assert state.status == "missing"
    assert "signal 15" in state.how
    assert state.hours > 0
    assert not (state.folder / "done.json").exists()
