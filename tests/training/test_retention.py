"""Which checkpoints stay, and what the final weights are the average of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from masr.errors import CheckpointError
from masr.training.loop import train
from masr.training.resume import save_state
from masr.training.retention import finish
from small import tiny


def kept(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step_")) for path in (folder / "checkpoints").iterdir())


def save(folder: Path, scores: list[float | None], **settings: int) -> None:
    """One checkpoint after another, whose weights are all equal to their step's number."""
    run = tiny.make_run(folder, **settings)
    for step, score in enumerate(scores, 1):
        with torch.no_grad():
            for parameter in run.objective.parameters():
                parameter.fill_(float(step))
        save_state(run, step, score)
    run.saving.wait()


@pytest.mark.parametrize(
    ("scores", "last", "best", "left", "average"),
    [
        ([5.0, 1.0, 3.0, 2.0, 4.0], 1, 1, [2, 5], 2.0),
        ([5.0, 1.0, 3.0, 2.0, 4.0], 2, 3, [2, 3, 4, 5], 3.0),
        ([None, 1.0, None, 2.0, None], 1, 3, [2, 4, 5], 3.0),
        ([None, None, None], 2, 2, [2, 3], 3.0),
        ([1.0, 1.0, 1.0], 1, 1, [1, 3], 1.0),
    ],
)
def test_the_newest_and_the_best_stay(
    tmp_path: Path, scores: list[float | None], last: int, best: int, left: list[int], average: float
) -> None:
    settings = {"keep_last": last, "keep_best": 1, "final": "best", "final_count": best}
    save(tmp_path, scores, **settings)
    assert kept(tmp_path) == left
    run = tiny.make_run(tmp_path, **settings)
    finish(run)
    weights = load_file(tmp_path / "model.safetensors")
    assert bool((weights["head.weight"] == average).all())
    assert torch.equal(weights["quantizer.codes"], run.objective.quantizer.codes)
    assert {n: v.dtype for n, v in weights.items()} == {n: v.dtype for n, v in run.objective.state_dict().items()}


@pytest.mark.parametrize(("every", "left"), [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [2, 3, 6, 7]), (8, [2, 7])])
def test_those_of_every_so_many_steps_stay_for_good(tmp_path: Path, every: int, left: list[int]) -> None:
    save(tmp_path, [5.0, 1.0, 3.0, 2.0, 4.0, 6.0, 7.0], keep_last=1, keep_every=every)
    assert kept(tmp_path) == left


def test_a_damaged_best_is_left_out_and_all_damaged_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, [1.0, 2.0, 3.0], final="best", final_count=3)
    run = tiny.make_run(tmp_path, final="best", final_count=3)
    run.meters.quiet = False
    (tmp_path / "checkpoints" / "step_000000001" / "model.safetensors").write_bytes(b"")
    finish(run)
    assert bool((load_file(tmp_path / "model.safetensors")["head.weight"] == 2.5).all())
    assert "made without it" in capsys.readouterr().err
    for step in (2, 3):
        (tmp_path / "checkpoints" / f"step_00000000{step}" / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="none of the best checkpoints is whole"):
        finish(run)


@pytest.mark.parametrize(("count", "average", "left"), [(1, 5.0, [2, 5]), (3, 4.0, [2, 3, 4, 5])])
def test_the_last_checkpoints_make_the_final_weights_whatever_their_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, average: float, left: list[int]
) -> None:
    settings = {"keep_last": 1, "final_count": count}
    save(tmp_path, [5.0, 1.0, 3.0, 2.0, 4.0], **settings)
    assert kept(tmp_path) == left
    run = tiny.make_run(tmp_path, **settings)
    run.meters.quiet = False
    finish(run)
    assert bool((load_file(tmp_path / "model.safetensors")["head.weight"] == average).all())
    assert "the best by objective_loss on dev was step_000000002" in capsys.readouterr().err


def test_the_score_is_the_validation_loss_of_that_very_step(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, validate_every=4, save_every=3, keep_last=10, keep_best=10)
    train(run)
    assert kept(tmp_path) == [3, 4, 6, 8, 9, 12]
    found = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["loss"] for line in found if line["split"] == "dev"}
    for step in kept(tmp_path):
        record = json.loads((tmp_path / "checkpoints" / f"step_{step:09d}" / "record.json").read_text())
        assert record["score"] == losses.get(step)
