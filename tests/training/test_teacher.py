"""A teacher and its codes are state: a killed run goes on with their very bits, and an unused step leaves none."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from masr.training.loop import train
from masr.types import Batch
from small import tiny

DIES_AT = 7


def a_run(folder: Path) -> tiny.Run:
    return tiny.make_run(
        folder, tiny.objective("dinosr", dropout=0.1), max_steps=10, save_every=3, validate_every=5, accumulate=2
    )


def dying(first: int) -> Iterator[tuple[Batch, ...]]:
    for step, micro_batches in enumerate(tiny.batches(accumulate=2)(first), first):
        if step == DIES_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        yield micro_batches


def test_killed_and_resumed(tmp_path: Path) -> None:
    assert train(tiny.with_data(a_run(tmp_path / "whole"), tiny.batches(accumulate=2), tiny.validation())) == 0
    child = os.fork()
    if child == 0:
        try:  # nothing may come back from here: pytest would go on in two processes
            torch.set_num_threads(1)
            train(tiny.with_data(a_run(tmp_path / "killed"), dying, tiny.validation()))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert train(tiny.with_data(a_run(tmp_path / "killed"), tiny.batches(accumulate=2), tiny.validation())) == 0
    whole, killed = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
    assert killed.read_bytes() == whole.read_bytes()
    found = load_file(whole)
    assert not torch.equal(found["teacher.blocks.0.widen.weight"], found["encoder.blocks.0.widen.weight"])
    assert bool((found["codebook.counts"] != 1).any())
    assert {name for name in found if name.startswith("codebook.seen")}


@pytest.mark.parametrize("poisoned", [(5,)])
def test_a_step_that_is_not_used_leaves_nothing_in_the_codes(tmp_path: Path, poisoned: tuple[int, ...]) -> None:
    run = tiny.make_run(tmp_path, tiny.objective("dinosr"), max_steps=8)
    assert train(tiny.with_data(run, tiny.poisoned(tiny.batches(), poisoned), tiny.nothing)) == 0
    assert run.guard.num_good == 7
    for value in run.objective.state_dict().values():
        assert bool(torch.isfinite(value).all())
