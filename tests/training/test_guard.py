"""Which steps are refused, when a run gives up, and that a refused step leaves no trace."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from masr.errors import TrainingError
from masr.training.guard import Buffers, Guard


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (1.0, math.inf), (-math.inf, 1.0), (1.0, math.nan)])
def test_what_is_not_finite_is_refused_from_the_first_step(loss: float, norm: float) -> None:
    assert "not finite" in Guard(5, 100.0).objection(loss, norm, 0)


@pytest.mark.parametrize(("loss", "norm", "named"), [(600.0, 2.0, "loss"), (3.0, 450.0, "gradient")])
def test_an_explosion_is_refused_once_it_is_known_what_is_usual(loss: float, norm: float, named: str) -> None:
    fresh = Guard(5, 100.0)
    assert fresh.objection(loss, norm, 0) == ""
    settled = Guard(5, 100.0)
    for step in range(100):
        assert settled.objection(5.0, 4.0, step) == ""
    assert settled.objection(499.0, 399.0, 100) == ""
    settled = Guard(5, 100.0)
    for step in range(100):
        settled.objection(5.0, 4.0, step)
    assert named in settled.objection(loss, norm, 100)
    assert Guard(5, 0.0).objection(1e30, 1e30, 100) == ""


def test_bad_steps_in_a_row_end_the_run_and_good_ones_start_the_count_again() -> None:
    guard = Guard(3, 100.0)
    for values in ([math.nan] * 2, [1.0], [math.nan] * 2):
        for value in values:
            guard.objection(value, 1.0, 7)
    with pytest.raises(TrainingError, match=r"3 steps in a row, up to step 8, .* loss is not finite") as caught:
        guard.objection(math.nan, 1.0, 7)
    assert "optim.peak_lr" in caught.value.fix


def test_the_count_and_what_is_usual_survive_a_resume() -> None:
    first, second = Guard(3, 100.0), Guard(3, 100.0)
    for step in range(100):
        first.objection(5.0, 4.0, step)
    first.objection(math.nan, 1.0, 100)
    second.resume(first.state())
    assert "loss" in second.objection(700.0, 4.0, 101)
    with pytest.raises(TrainingError):
        second.objection(math.nan, 1.0, 102)


def test_buffers_go_back_to_what_they_were() -> None:
    net = nn.BatchNorm1d(3)
    held = Buffers(net)
    net(torch.full((4, 3), torch.nan))
    assert bool(net.running_mean.isnan().any()) and int(net.num_batches_tracked) == 1
    held.restore()
    assert bool((net.running_mean == 0).all()) and int(net.num_batches_tracked) == 0
