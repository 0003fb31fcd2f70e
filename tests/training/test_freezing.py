"""What is frozen stays as it is, then learns; blocks learn the slower the lower they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from masr.errors import ConfigError, TrainingError
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.objectives.apc import Config as ApcConfig
from masr.objectives.apc import build as build_apc
from masr.training.loop import train, update
from masr.training.optim import Config, block_depths, build_optimizer, freeze, set_learning_rate
from masr.training.run import Run
from small.tiny import batches, make_run, objective


def stepped(run: Run, steps: int) -> None:
    for step, micro_batches in zip(range(steps), batches()(0), strict=False):
        update(run, micro_batches, step)


def encoder_of(run: Run) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in run.objective.named_parameters() if n.startswith("encoder.")}


def test_a_frozen_encoder_does_not_move_until_its_step(tmp_path: Path) -> None:
    run = make_run(tmp_path, optim=Config(peak_lr=1e-2, warmup_steps=2, frozen={"encoder": 3}))
    before, head = encoder_of(run), run.objective.head.weight.detach().clone()
    stepped(run, 3)
    assert all(torch.equal(value, before[name]) for name, value in encoder_of(run).items())
    assert not torch.equal(run.objective.head.weight, head)
    encoder = {id(p) for p in run.objective.encoder.parameters()}
    assert not any(id(p) in encoder for p in run.optimizer.state)
    stepped(run, 4)
    assert not all(torch.equal(value, before[name]) for name, value in encoder_of(run).items())


def test_the_longest_beginning_decides(tmp_path: Path) -> None:
    config = Config(frozen={"encoder": 5, "encoder.blocks.1": 1, "encoder.blocks.0": 9}, scales={"encoder.embed": 0})
    model = objective()
    config = Config(frozen=config.frozen)
    optimizer = build_optimizer(model, config)
    for step, free in ((0, []), (1, ["1"]), (5, ["1", "front"]), (9, ["0", "1", "front"])):
        model.train()
        freeze(model, optimizer, config, step)
        blocks = model.encoder.blocks
        found = [str(n) for n in range(2) if all(p.requires_grad for p in blocks[n].parameters())]
        found += (
            ["front"] if all(p.requires_grad for n, p in model.encoder.named_parameters() if "blocks" not in n) else []
        )
        assert found == free
        assert blocks[0].training == (step >= 9)
        assert blocks[1].training == (step >= 1)
    assert model.head.weight.requires_grad


def test_what_is_frozen_for_good_stays_so() -> None:
    model, config = objective(), Config(frozen={"encoder": 2}, scales={"encoder.blocks.0": 0})
    optimizer = build_optimizer(model, config)
    freeze(model, optimizer, config, 2)
    assert not any(p.requires_grad for p in model.encoder.blocks[0].parameters())
    assert all(p.requires_grad for p in model.encoder.blocks[1].parameters())


def test_the_rate_rises_again_after_the_thaw() -> None:
    model = objective()
    optimizer = build_optimizer(model, Config(frozen={"encoder": 10}))
    found = []
    for step in (9, 10, 12, 14, 30):
        set_learning_rate(optimizer, 1.0, step, 5)
        found.append({group["frozen_until"]: group["lr"] for group in optimizer.param_groups})
    assert [rates[0] for rates in found] == [1.0] * 5
    assert [rates[10] for rates in found] == pytest.approx([0.0, 0.2, 0.6, 1.0, 1.0])


def test_rates_fall_from_block_to_block() -> None:
    model = objective()
    depths = block_depths(model)
    assert {depths[n] for n in depths if n.startswith("encoder.blocks.1.")} == {0}
    assert {depths[n] for n in depths if n.startswith("encoder.blocks.0.")} == {1}
    assert {depths[n] for n in depths if "blocks" not in n} <= {0, 2}
    assert any(depth == 2 for depth in depths.values())
    optimizer = build_optimizer(model, Config(layer_decay=0.5, scales={"encoder": 0.1}))
    scales = {id(p): group["scale"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        expected = 0.1 * 0.5 ** depths[name] if name.startswith("encoder.") else 1.0
        assert scales[id(parameter)] == pytest.approx(expected), name


def test_each_direction_has_its_own_lowest_block() -> None:
    encoder = build_recurrent(RecurrentConfig(num_bins=4, dim=8, num_layers=2, context="apart"))
    depths = block_depths(build_apc(ApcConfig(), encoder, build_spans(SpansConfig())))
    for side in ("past", "future"):
        assert {d for n, d in depths.items() if n.startswith(f"encoder.{side}.layers.1.")} == {0}
        assert {d for n, d in depths.items() if n.startswith(f"encoder.{side}.layers.0.")} == {1}
        assert {d for n, d in depths.items() if n.startswith(f"encoder.{side}.front_end.")} == {2}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"frozen": {"enocder": 3}}, "frozen: no parameter"), ({"frozen": {"": 3}}, "nothing to train at the beginning")],
)
def test_schedules_that_fit_nothing_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_optimizer(objective(), Config(**options))


def test_stopped_while_frozen_it_ends_as_if_it_never_stopped(tmp_path: Path) -> None:
    optim = Config(peak_lr=1e-2, warmup_steps=2, schedule="constant", frozen={"encoder": 5})
    for folder, stops in (("whole", [8]), ("parts", [4, 8])):
        for steps in stops:
            run = make_run(tmp_path / folder, optim=optim, settings={}, max_steps=steps, save_every=2)
            assert train(run) == 0
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()


def test_the_best_is_by_the_figure_that_was_named(tmp_path: Path) -> None:
    import json

    for best_by, sign in (("loss", 1), ("+masked_accuracy", -1)):
        folder = tmp_path / best_by
        assert train(make_run(folder, best_by=best_by, keep_last=9)) == 0
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        dev = {line["step"]: line for line in lines if line["split"] == "dev"}
        records = [json.loads(path.read_text()) for path in folder.glob("checkpoints/*/record.json")]
        assert len(records) == 3
        for record in records:
            assert record["score"] == pytest.approx(sign * dev[record["step"]][best_by.removeprefix("+")])
    with pytest.raises(TrainingError, match="accurcy") as caught:
        train(make_run(tmp_path / "wrong", best_by="+masked_accurcy"))
    assert "masked_accuracy" in caught.value.fix
