"""The loop on a tiny model: what a step averages, what it skips, what it leaves behind."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from masr.errors import TrainingError
from masr.training.distributed import World
from masr.training.loop import settle, train, update, validate
from masr.training.optim import Config as OptimConfig
from masr.training.sums import Tallied, parts_of_step, total_loss
from masr.types import Batch
from small import tiny


def lines(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if line["split"] == split]


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def gradient(model: nn.Module, micro_batches: tuple[Batch, ...]) -> dict[str, torch.Tensor]:
    tallied = Tallied(model)
    for batch, part in zip(micro_batches, parts_of_step(model, micro_batches, World()), strict=True):
        total_loss(tallied(batch), World(), part).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_what_nobody_counts_beforehand_weighs_by_its_share_of_frames() -> None:
    batch = next(tiny.batches(sizes=(24,))(0))[0]
    uneven = tuple(tiny.part_of(batch, World(n, 5)) for n in (0, 1, 2, 3))
    parts = parts_of_step(nn.Linear(1, 1), uneven, World())
    shares = [float(part.share) for part in parts]
    assert sum(shares) == pytest.approx(1) and shares[0] == pytest.approx(
        float(uneven[0].lengths.sum()) / sum(float(b.lengths.sum()) for b in uneven)
    )


def test_a_stand_in_counts_nothing() -> None:
    batch = next(tiny.batches()(0))[0]
    stand_in = tiny.part_of(tiny.whole_batch(5, 0, 1), World(1, 2))
    parts = parts_of_step(tiny.objective("masr"), (batch, stand_in), World())
    assert stand_in.stand_in and [float(part.share) for part in parts] == [1.0, 0.0]
    with_it = gradient(tiny.objective("masr"), (batch, stand_in))
    without = gradient(tiny.objective("masr"), (batch,))
    for name, value in without.items():
        torch.testing.assert_close(with_it[name], value)


def test_steps_without_any_label_train_on_the_rest(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, tiny.objective("masr"), max_steps=3)
    assert train(tiny.with_data(run, tiny.batches(sizes=(1,)), tiny.nothing)) == 0
    assert all(math.isfinite(line["loss"]) and line["x"] == 0 for line in lines(tmp_path))


def test_clipping_limits_the_gradient_and_reports_its_length(tmp_path: Path) -> None:
    free, clipped = (
        tiny.make_run(tmp_path / str(limit), optim=OptimConfig(warmup_steps=5, clip_norm=limit)) for limit in (0.0, 0.5)
    )
    for run in (free, clipped):
        update(run, next(tiny.batches()(0)), 0)
        settle(run)
    lengths = [
        math.sqrt(sum(float(p.grad.square().sum()) for p in run.objective.parameters() if p.grad is not None))
        for run in (free, clipped)
    ]
    assert lengths[1] == pytest.approx(0.5, rel=1e-3) and lengths[0] > 1
    assert [lines(run.folder)[0]["grad_norm"] for run in (free, clipped)] == pytest.approx([lengths[0]] * 2)


def test_a_skipped_step_leaves_no_trace(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, tiny.objective("masr", conv_norm="batch"), ema_decay=0.5)
    update(run, next(tiny.batches()(0)), 0)
    before, average = weights(run.objective), {n: v.clone() for n, v in run.average.values.items()}
    update(run, next(tiny.poisoned(tiny.batches(), (1,))(1)), 1)
    settle(run, newest=1)
    assert lines(tmp_path, "skip") == []  # it is told of a step later
    settle(run)
    assert all(torch.equal(value, before[name]) for name, value in weights(run.objective).items())
    assert all(torch.equal(value, average[name]) for name, value in run.average.values.items())
    assert lines(tmp_path, "skip") == [{"step": 2, "split": "skip", "reason": "the loss is not finite"}]
    update(run, next(tiny.batches()(2)), 2)
    assert any(not torch.equal(value, before[name]) for name, value in weights(run.objective).items())


def test_too_many_skipped_steps_end_the_run_before_anything_bad_is_saved(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, max_steps=30, max_bad_steps=4)
    with pytest.raises(TrainingError, match="4 steps in a row, up to step 9"):
        train(tiny.with_data(run, tiny.poisoned(tiny.batches(), tuple(range(5, 30))), tiny.validation()))
    saved = sorted((tmp_path / "checkpoints").iterdir())
    assert [folder.name for folder in saved] == ["step_000000004", "step_000000008"]
    assert all(bool(v.isfinite().all()) for v in load_file(saved[-1] / "model.safetensors").values())
    assert not (tmp_path / "model.safetensors").exists()


def test_weights_that_overflow_are_never_saved(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path)

    def broken(first: int) -> Iterator[tuple[Batch, ...]]:
        for step, micro_batches in enumerate(tiny.batches()(first), first):
            if step == 7:  # as an update too large for float32 would
                with torch.no_grad():
                    run.objective.head.bias[3] = torch.inf
            yield tuple(micro_batches)

    with pytest.raises(TrainingError, match=r"step 8: head.bias is not finite; nothing was saved"):
        train(tiny.with_data(run, broken, tiny.nothing))
    assert [folder.name for folder in (tmp_path / "checkpoints").iterdir()] == ["step_000000004"]


def test_the_average_is_validated_and_saved(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, ema_decay=0.8, max_steps=4)
    assert train(run) == 0
    saved = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(saved[name], value) for name, value in run.average.values.items())
    assert not torch.equal(saved["head.weight"], run.objective.head.weight)
    again = tiny.objective()
    again.load_state_dict(saved)
    plain = tiny.make_run(tmp_path / "again", again)
    score = validate(plain).over_ranks(World()).pairs["masked_prediction"]
    assert lines(tmp_path, "dev")[0]["loss"] == pytest.approx(score[0] / score[1], abs=1e-6)


def test_bfloat16_follows_float32(tmp_path: Path) -> None:
    for precision in ("float32", "bfloat16"):
        run = tiny.make_run(tmp_path / precision, precision=precision)
        assert train(run) == 0
        assert all(p.dtype == torch.float32 for p in run.objective.parameters())
    exact, rough = (lines(tmp_path / precision) for precision in ("float32", "bfloat16"))
    assert [line["loss"] for line in rough] == pytest.approx([line["loss"] for line in exact], abs=0.02)
    assert [line["loss"] for line in rough] != [line["loss"] for line in exact]
    assert [line["codes_used"] for line in rough] == [line["codes_used"] for line in exact]


def test_dropout_is_a_function_of_seed_and_step(tmp_path: Path) -> None:
    def final(name: str, seed: int) -> dict[str, torch.Tensor]:
        run = tiny.make_run(tmp_path / name, tiny.objective(dropout=0.2, layer_drop=0.3), seed=seed)
        torch.manual_seed(len(name))
        train(run)
        return load_file(tmp_path / name / "model.safetensors")

    first, second, other = final("a", 1), final("bb", 1), final("c", 2)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_data_that_end_too_soon_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the data ended after step 2 of 12"):
        train(tiny.with_data(tiny.make_run(tmp_path), tiny.validation(), tiny.nothing))


def test_the_objective_hears_which_step_comes(tmp_path: Path) -> None:
    model = tiny.objective()
    heard: list[int] = []
    model.advance = heard.append
    train(tiny.with_data(tiny.make_run(tmp_path, model, max_steps=3), tiny.batches(), tiny.nothing))
    assert heard == [0, 1, 2]


def test_compiled_it_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured graphs run as they are: what a compiler makes of them is its own affair, and takes minutes."""
    compiled: list[Any] = []

    def eager(model: nn.Module, **options: Any) -> None:
        compiled.append(options)
        original(model, backend="eager", **options)

    original = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", eager)
    for flag in (False, True):
        run = tiny.make_run(tmp_path / str(flag), tiny.objective(num_layers=1), compile=flag, max_steps=1)
        assert train(tiny.with_data(run, tiny.batches(), tiny.nothing)) == 0
    assert compiled == [{}]
    plain, other = (load_file(tmp_path / str(flag) / "model.safetensors") for flag in (False, True))
    assert plain.keys() == other.keys()
    assert [x["loss"] for x in lines(tmp_path / "True")] == pytest.approx(
        [x["loss"] for x in lines(tmp_path / "False")]
    )


def test_no_steps_keep_the_weights_as_they_were_drawn(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, max_steps=0)
    drawn = {name: value.clone() for name, value in run.objective.state_dict().items()}
    assert train(tiny.with_data(run, tiny.batches(), tiny.validation(), lambda: pytest.fail("nothing has to fit"))) == 0
    kept = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(value, kept[name]) for name, value in drawn.items())
    assert train(tiny.make_run(tmp_path, max_steps=0)) == 0
