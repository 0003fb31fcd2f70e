"""Checkpoints that are written while training goes on: what is said to be saved is, and what goes wrong is raised."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from masr.errors import CheckpointError
from masr.io import checkpoint
from masr.jobs.signals import REQUEUE
from masr.training.loop import train
from masr.training.meters import Meters
from masr.training.run import Run
from small import tiny

Write = Callable[[], None]


def a_run(folder: Path, **settings: Any) -> Run:
    return tiny.make_run(folder, **{"max_steps": 10, "save_every": 4, "validate_every": 10, "keep_last": 9, **settings})


def at_step(step: int, call: Callable[[], object]) -> Any:
    """The usual batches, and something that happens before one of them is given."""

    def read(first: int) -> Any:
        for number, micro_batches in enumerate(tiny.batches()(first), first):
            if number == step:
                call()
            yield micro_batches

    return read


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path, Write], None]], None]:
    """Takes what is done in place of writing a file: (path, how to write it now)."""

    def replace(work: Callable[[Path, Write], None]) -> None:
        write = checkpoint.write_file
        monkeypatch.setattr(checkpoint, "write_file", lambda path, *content: work(path, lambda: write(path, *content)))

    return replace


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, writing: Any) -> None:
    """Step 4 is written when step 7 has begun, and no earlier; it holds the weights of step 4."""
    plain, slow = tmp_path / "plain", tmp_path / "slow"
    assert train(a_run(plain)) == 0
    went_on = threading.Event()

    def held(path: Path, write: Write) -> None:
        if "step_000000004" in str(path):
            assert went_on.wait(60)
        write()

    writing(held)
    run = tiny.with_data(a_run(slow), at_step(6, went_on.set), tiny.validation())
    assert train(run) == 0
    for step in ("step_000000004", "step_000000008", "step_000000010"):
        one, other = (checkpoint.load(folder / "checkpoints" / step) for folder in (plain, slow))
        assert all(torch.equal(one[0][g][n], other[0][g][n]) for g in one[0] for n in one[0][g]), step


def test_an_error_is_raised_at_the_end_of_a_step_and_not_at_the_next_checkpoint(tmp_path: Path, writing: Any) -> None:
    def full(path: Path, _: Write) -> None:
        raise OSError(28, "No space left on device", str(path))

    writing(full)
    run = a_run(tmp_path, max_steps=100, save_every=50, validate_every=100)

    def until_it_has_failed() -> None:
        while run.saving.num_written < 1:
            time.sleep(0.001)

    with pytest.raises(CheckpointError, match="step_000000050: cannot be saved: No space left") as caught:
        train(tiny.with_data(run, at_step(52, until_it_has_failed), tiny.validation()))
    assert "goes on from the checkpoint before" in caught.value.fix
    assert not list((tmp_path / "checkpoints").iterdir())
    last = (tmp_path / "metrics.jsonl").read_text().splitlines()[-1]
    assert 50 <= json.loads(last)["step"] <= 53


def test_what_is_said_to_be_saved_is_saved(tmp_path: Path, writing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(path: Path, write: Write) -> None:
        time.sleep(0.1)
        write()

    there: dict[str, bool] = {}
    place = tmp_path / "checkpoints" / "step_000000003" / "record.json"
    monkeypatch.setattr(Meters, "say", lambda _, line: there.setdefault(line, place.exists()))
    writing(slowly)
    read = at_step(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert train(tiny.with_data(a_run(tmp_path), read, tiny.validation())) == REQUEUE
    assert there == {"stopped by a signal after step 3; the same command goes on from here": True}


def test_an_error_of_the_training_waits_for_what_is_being_written(tmp_path: Path, writing: Any) -> None:
    def slowly(path: Path, write: Write) -> None:
        time.sleep(0.1)
        write()

    def fail() -> None:
        raise OSError("a file of the data cannot be read")

    writing(slowly)
    with pytest.raises(OSError, match="cannot be read"):
        train(tiny.with_data(a_run(tmp_path), at_step(4, fail), tiny.validation()))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_000000004"]
    checkpoint.load(tmp_path / "checkpoints" / "step_000000004")


@pytest.mark.parametrize("moment", ["copied", "written", "named"])
def test_killed_while_a_checkpoint_is_written(tmp_path: Path, moment: str) -> None:
    """By kill -9 in the second: the rerun goes on from the first, or from the second where it had its name."""
    assert train(a_run(tmp_path / "whole")) == 0
    folder = tmp_path / "killed"
    child = os.fork()
    if child == 0:
        _strike(moment)
        train(a_run(folder))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    found = sorted(path.name for path in (folder / "checkpoints").glob("step_*"))
    assert found == ["step_000000004"] + ["step_000000008"] * (moment == "named")
    assert train(a_run(folder)) == 0
    for path in (tmp_path / "whole").rglob("*.safetensors"):
        assert (folder / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes(), path
    assert not list((folder / "checkpoints").glob(".*"))


def _strike(moment: str) -> None:
    """This process dies in the checkpoint of step 8."""

    def kills(before: Any, names: str) -> Any:
        def work(path: Path, *rest: Any) -> None:
            if names in str(path):
                os.kill(os.getpid(), signal.SIGKILL)
            before(path, *rest)

        return work

    if moment == "copied":
        checkpoint.write_file = kills(checkpoint.write_file, "step_000000008")
    elif moment == "written":
        checkpoint.publish = kills(checkpoint.publish, "step_000000008")
    else:
        seen = Path.rename

        def rename(path: Path, target: Path) -> None:
            seen(path, target)
            if target.name == "step_000000008":
                os.kill(os.getpid(), signal.SIGKILL)

        Path.rename = rename  # type: ignore[method-assign,assignment]


def test_copies_are_made_in_the_same_memory(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    groups = {"model": run.objective.state_dict()}
    places = []
    for step in (1, 2):
        with torch.no_grad():
            next(run.objective.parameters()).fill_(float(step))
        run.saving.begin(tmp_path / str(step), groups, {}, lambda: None)
        places.append({name: copy.data_ptr() for name, copy in run.saving._copies.items()})
    run.saving.wait()
    assert places[0] == places[1]
    for step in (1, 2):
        name, _ = next(run.objective.named_parameters())
        assert bool((checkpoint.load(tmp_path / str(step))[0]["model"][name] == step).all())


def test_a_checkpoint_waits_for_the_one_before(tmp_path: Path, writing: Any) -> None:
    at_work: list[str] = []

    def slowly(path: Path, write: Write) -> None:
        assert all(other == path.parent.name for other in at_work)
        at_work.append(path.parent.name)
        time.sleep(0.05)
        write()
        at_work.remove(path.parent.name)

    writing(slowly)
    assert train(a_run(tmp_path, max_steps=6, save_every=1)) == 0
    assert len(list((tmp_path / "checkpoints").iterdir())) == 6
