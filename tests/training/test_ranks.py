"""One, two and three ranks on the same global batches: the same losses, the same checkpoints, no rank left waiting."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from masr.io import checkpoint
from masr.training.distributed import World, _translate_slurm, spread_of
from small import tiny
from small.once import made_once
from small.scenarios import scenario

pytestmark = pytest.mark.slow

SHARED = ("cpc", "few_cpc", "dinosr", "few_dinosr", "poison_dinosr")
"""Negatives of all ranks, codes that all ranks move."""
ALONE = ("lid", "best_rq", "masr", "few_masr", "accumulate_masr", "ema_masr", "poison", *SHARED)
TWO = (
    "lid",
    "best_rq",
    "masr",
    "accumulate_masr",
    "ema_masr",
    "poison",
    "shard",
    "shard_ema_masr",
    "shard_few",
    "cpc",
    "dinosr",
    "shard_dinosr",
    "counted_shard",
    "counted_shard_accumulate_masr",
    "shard_accumulate_ema_masr",
    "narrow_shard_accumulate",
    "again_shard",
    "limited_shard",
    "resaved_ema_masr",
    "resaved_shard_ema_masr",
    "full_disk",  # stays full: the last
)
THREE = ("lid", "best_rq", "masr", "few_masr", "poison", *SHARED)
SPREAD = "gathered_shard_ema_masr"
MACHINES = "gathered_machines_shard_ema_masr"
"""As if every two ranks had a machine."""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything trained once, each world in processes of its own."""
    return made_once(tmp_path_factory, "ranks", _train_worlds)


def _train_worlds(folder: Path) -> None:
    asked = (
        (3, (*THREE, SPREAD)),
        (1, (*ALONE, "few", "narrow_accumulate", "accumulate_ema_masr", "resaved_ema_masr")),
        (2, TWO),
        (4, ("resaved_shard_ema_masr", MACHINES)),
    )
    worlds = [f"{size}:{','.join(names)}" for size, names in asked]
    command = [sys.executable, str(Path(__file__).parent / "ranks.py"), str(folder), *worlds]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[:3000] + done.stderr[-3000:]
    assert "Warning" not in done.stderr


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


CURVES = ("masked_prediction", "masked_share", "masked_accuracy", "code_entropy", "classification", "accuracy")
CASES = [
    *((2, name, name) for name in TWO if name in ALONE),
    *((3, name, name) for name in THREE),
    (2, "shard", "best_rq"),
    (2, "shard_ema_masr", "ema_masr"),
    (2, "shard_few", "few"),
    (2, "shard_dinosr", "dinosr"),
    (2, "counted_shard_accumulate_masr", "accumulate_masr"),
    (2, "shard_accumulate_ema_masr", "accumulate_ema_masr"),
    (4, MACHINES, "ema_masr"),
]


@pytest.mark.parametrize(("size", "name", "alone"), CASES)
def test_any_number_of_ranks_has_the_same_curve(out: Path, size: int, name: str, alone: str) -> None:
    one, many = lines(out / "1" / alone), lines(out / str(size) / name)
    assert [(line["step"], line["split"]) for line in many] == [(line["step"], line["split"]) for line in one]
    for ours, theirs in zip(one, many, strict=True):
        for key in (
            "loss",
            "masked_prediction",
            "masked_share",
            "masked_accuracy",
            "code_entropy",
            "x",
            "y",
            "accuracy",
            "lr",
        ):
            if ours.get(key) is not None:
                assert theirs[key] == pytest.approx(ours[key], abs=1e-4), (ours["step"], key)
    assert {line["split"] for line in many} >= {"train", "dev"}


def test_blocks_that_travel_in_half_the_bytes_learn_the_same(out: Path) -> None:
    one, many = lines(out / "1" / "narrow_accumulate"), lines(out / "2" / "narrow_shard_accumulate")
    assert [line["loss"] for line in many] == pytest.approx([line["loss"] for line in one], rel=0.01)


def test_weights_are_gathered_once_a_step_and_gradients_added_up_once(out: Path) -> None:
    """Two blocks and the rest of the model; without `accumulate` a block is gathered anew for the backward pass."""
    plain, accumulated = (
        json.loads((out / "2" / name / "exchanges.json").read_text())[-1]
        for name in ("counted_shard", "counted_shard_accumulate_masr")
    )
    assert accumulated["all_gather_single"] == 3 and accumulated["reduce_scatter_single"] == 3, accumulated
    assert plain["all_gather_single"] > 3 and plain["reduce_scatter_single"] == 3, plain


@pytest.mark.parametrize("size", [2, 3])
def test_any_number_of_ranks_calibrates_alike(out: Path, size: int) -> None:
    one, many = (load_file(out / str(n) / "lid" / "model.safetensors") for n in (1, size))
    for name in ("temperature", "head.norm.mean", "head.norm.variance", "head.norm.seen", "head.classes.weight"):
        assert many[name].numpy() == pytest.approx(one[name].numpy(), rel=1e-3, abs=1e-3), name
    assert float(one["temperature"]) != 1.0


def test_the_loss_goes_somewhere(out: Path) -> None:
    losses = [line["loss"] for line in lines(out / "1" / "best_rq") if line["split"] == "dev"]
    assert losses[-1] < losses[0] - 0.01


@pytest.mark.parametrize("name", ["poison"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_ranks_skip_what_is_not_finite_on_one(out: Path, size: int, name: str) -> None:
    found = lines(out / str(size) / name)
    assert [line["step"] for line in found if line["split"] == "skip"] == [4, 5]
    assert [line["skipped"] for line in found if line["split"] == "train"] == [0, 0, 0, 1, *[2] * 6]


def kinds(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {name: (value.shape, value.dtype) for name, value in tensors.items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two checkpoints hold the same groups, names and bits."""
    return one.keys() == other.keys() and all(
        kinds(one[g]) == kinds(other[g]) and all(torch.equal(one[g][n], other[g][n]) for n in one[g]) for g in one
    )


def test_a_sharded_run_leaves_the_same_tensors(out: Path) -> None:
    one, many = out / "1" / "best_rq", out / "2" / "shard"
    assert kinds(load_file(one / "model.safetensors")) == kinds(load_file(many / "model.safetensors"))
    (ours, _), (theirs, _) = (checkpoint.load(run / "checkpoints" / "step_000000010") for run in (one, many))
    assert {name: kinds(group) for name, group in ours.items()} == {
        name: kinds(group) for name, group in theirs.items()
    }


@pytest.mark.parametrize("step", ["step_000000005", "step_000000010"])
def test_what_each_rank_saves_is_together_what_one_would_have_gathered(out: Path, step: str) -> None:
    folder = out / "3" / SPREAD
    spread, record = checkpoint.load(folder / "checkpoints" / step)
    gathered, wanted = checkpoint.load(folder / "gathered" / step)
    assert same(spread, gathered)
    assert record == wanted
    assert {"model", "optimizer", "average"} == spread.keys()
    paths = [folder / "checkpoints" / step / f"model.rank-0000{n}-of-00003.safetensors" for n in range(3)]
    rows, files = checkpoint.Group(paths).num_rows, [load_file(path) for path in paths]
    for name, value in gathered["model"].items():
        dealt = [*map(len, value.chunk(3))] if name in rows else [len(value.flatten())]
        assert [len(file[name] if name in rows else file[name].flatten()) for file in files if name in file] == dealt
    assert {name for name in gathered["model"] if name not in rows} == {*dict(tiny.objective("masr").named_buffers())}


@pytest.mark.parametrize("way", ["1/resaved_", "2/resaved_", "2/resaved_shard_", "4/resaved_shard_"])
def test_any_number_of_ranks_reads_it_bit_by_bit(out: Path, way: str) -> None:
    step = "checkpoints/step_000000010"
    (ours, record), (theirs, wanted) = (checkpoint.load(out / run / step) for run in (f"{way}ema_masr", f"3/{SPREAD}"))
    assert same(ours, theirs)
    assert record["guard"] == wanted["guard"]
    assert record["average_updates"] == wanted["average_updates"] == 10


def test_damage_to_the_file_of_one_rank_is_seen_by_all(out: Path) -> None:
    """They go back to the checkpoint before, and end with the same bits."""
    again, whole = out / "2" / "again_shard", out / "2" / "shard"
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    (ours, _), (theirs, _) = (checkpoint.load(run / "checkpoints" / "step_000000010") for run in (again, whole))
    assert same(ours, theirs)


@pytest.mark.parametrize(("name", "reason"), [("full_disk", "No space left"), ("limited_shard", "File too large")])
def test_an_error_on_one_rank_ends_all(out: Path, name: str, reason: str) -> None:
    said = sorted((out / "2" / f"{name}.errors").read_text().splitlines())
    assert len(said) == 2
    assert re.fullmatch(rf"CheckpointError: \S+/step_000000005: cannot be saved: {reason}.*", said[0])
    assert "another rank" in said[1]
    assert not list((out / "2" / name / "checkpoints").iterdir())


@pytest.mark.parametrize(("name", "plain"), [("shard", "best_rq"), ("shard_ema_masr", "ema_masr")])
def test_a_run_goes_on_with_another_number_of_ranks(out: Path, tmp_path: Path, name: str, plain: str) -> None:
    """What two sharded ranks saved, one process reads: the last steps again, with the same losses."""
    folder = Path(shutil.copytree(out / "2" / name, tmp_path / name))
    newest = sorted((folder / "checkpoints").glob("step_*"))[-1]
    shutil.rmtree(newest)
    (folder / "model.safetensors").unlink()
    assert scenario(plain, folder, World()) == 0
    for ours, theirs in zip(lines(out / "1" / plain), lines(folder), strict=True):
        assert theirs["loss"] == pytest.approx(ours["loss"], abs=1e-4)


def test_slurm_steps_become_ranks() -> None:
    step = {"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "123456"}
    step |= {"SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1"}
    _translate_slurm(step)
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    assert [step[name] for name in names] == ["5", "8", "1", "4", "10.0.0.1", "23456"]
    script = {"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}
    _translate_slurm(script)
    assert "RANK" not in script
    torchrun = {**step, "RANK": "2", "WORLD_SIZE": "3"}
    _translate_slurm(torchrun)
    assert (torchrun["RANK"], torchrun["WORLD_SIZE"]) == ("2", "3")


@pytest.mark.parametrize(
    ("size", "of_all", "spread"),
    [
        (8, [4] * 8, 4),
        (8, [4, 4, 4, 4, 3, 3, 3, 1], 8),
        (8, [1, 4, 4, 4, 4, 3, 3, 3], 8),
        (4, [4] * 4, 4),
        (4, [1] * 4, 4),
    ],
)
def test_rows_lie_within_a_machine_where_machines_are_alike(
    monkeypatch: pytest.MonkeyPatch, size: int, of_all: list[int], spread: int
) -> None:
    def gather(held: list[int], mine: int) -> None:
        assert mine == of_all[0]
        held[:] = of_all

    monkeypatch.setattr("torch.distributed.all_gather_object", gather)
    assert spread_of(size, of_all[0]) == spread
