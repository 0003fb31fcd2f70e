"""Which steps are refused, when a run gives up, and that a refused step leaves no trace."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from masr.errors import TrainingError
from masr.training.guard import Buffers, Guard


def objection(guard: Guard, loss: float, norm: float, step: int) -> str:
    """Why a step with these figures is not used."""
    fine, report = guard.judge(torch.tensor(loss), torch.tensor(norm))
    said = guard.tell(report.tolist(), step)
    assert bool(fine) == (not said)
    return said


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (1.0, math.inf), (-math.inf, 1.0), (1.0, math.nan)])
def test_what_is_not_finite_is_refused_from_the_first_step(loss: float, norm: float) -> None:
    assert "not finite" in objection(Guard(5, 100.0), loss, norm, 0)


@pytest.mark.parametrize(("loss", "norm", "named"), [(600.0, 2.0, "loss"), (3.0, 450.0, "gradient")])
def test_an_explosion_is_refused_once_it_is_known_what_is_usual(loss: float, norm: float, named: str) -> None:
    fresh = Guard(5, 100.0)
    assert objection(fresh, loss, norm, 0) == ""
    settled = Guard(5, 100.0)
    for step in range(100):
        assert objection(settled, 5.0, 4.0, step) == ""
    assert objection(settled, 499.0, 399.0, 100) == ""
    settled = Guard(5, 100.0)
    for step in range(100):
        objection(settled, 5.0, 4.0, step)
    assert named in objection(settled, loss, norm, 100)
    assert objection(Guard(5, 0.0), 1e30, 1e30, 100) == ""


def test_bad_steps_in_a_row_end_the_run_and_good_ones_start_the_count_again() -> None:
    guard = Guard(3, 100.0)
    for values in ([math.nan] * 2, [1.0], [math.nan] * 2):
        for value in values:
            objection(guard, value, 1.0, 7)
    with pytest.raises(TrainingError, match=r"3 steps in a row, up to step 8, .* loss is not finite") as caught:
        objection(guard, math.nan, 1.0, 7)
    assert "optim.peak_lr" in caught.value.fix


def test_the_count_and_what_is_usual_survive_a_resume() -> None:
    first, second = Guard(3, 100.0), Guard(3, 100.0)
    for step in range(100):
        objection(first, 5.0, 4.0, step)
    objection(first, math.nan, 1.0, 100)
    second.resume(first.state())
    assert "loss" in objection(second, 700.0, 4.0, 101)
    with pytest.raises(TrainingError):
        objection(second, math.nan, 1.0, 102)


def test_buffers_go_back_to_what_they_were() -> None:
    net = nn.BatchNorm1d(3)
    held = Buffers(net)
    net(torch.full((4, 3), torch.nan))
    assert bool(net.running_mean.isnan().any()) and int(net.num_batches_tracked) == 1
    held.restore(unless=torch.tensor(True))
    assert int(net.num_batches_tracked) == 1
    held.restore(unless=torch.tensor(False))
    assert bool((net.running_mean == 0).all()) and int(net.num_batches_tracked) == 0


def test_the_judge_is_told_a_state_and_goes_on_as_if_it_had_never_stopped() -> None:
    whole, first, second = Guard(3, 4.0), Guard(3, 4.0), Guard(3, 4.0)
    losses = [5.0, 4.0, math.nan, 3.0] * 40 + [50.0, 5.0]
    said = [objection(whole, loss, 1.0, step) for step, loss in enumerate(losses)]
    found = [objection(first, loss, 1.0, step) for step, loss in enumerate(losses[:90])]
    second.resume(first.state())
    found += [objection(second, loss, 1.0, step) for step, loss in enumerate(losses[90:], 90)]
    assert said == found and whole.state() == second.state()
    assert [step for step, why in enumerate(said) if "usual" in why] == [160]
