from __future__ import annotations

from pathlib import Path

import pytest

from masr.errors import CheckpointError
from masr.io.trained import Trained, open_trained, steps_of


def make_run(folder: Path, *steps: int, average: bool = False) -> Path:
    for step in steps:
        place = folder / "checkpoints" / f"step_{step:09d}"
        place.mkdir(parents=True)
        for name in ["record.json", "model.safetensors", *(["average.safetensors"] if average else [])]:
            (place / name).write_text("{}", encoding="utf-8")
    return folder


def test_a_checkpoint_has_three_names(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a@run", 80, 1_000_000_000)
    expected = Trained(run, 80)
    assert open_trained(f"{run}@80") == open_trained(Path(f"{run}@80")) == open_trained(f"{run}@080") == expected
    assert open_trained(run / "checkpoints" / "step_000000080") == expected
    assert open_trained(f"{run}@1000000000").step == 1_000_000_000
    assert open_trained(run) == Trained(run)
    assert steps_of(run) == [80, 1_000_000_000]


def test_what_is_there_is_taken_at_its_word(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 80)
    (tmp_path / "run@80").mkdir()
    assert open_trained(tmp_path / "run@80") == Trained(tmp_path / "run@80")
    for name in ("run@eighty", "run@", "none@80", "run@²"):
        assert open_trained(tmp_path / name) == Trained(tmp_path / name)


def test_weights_of_a_checkpoint_are_its_running_averages_where_it_has_some(tmp_path: Path) -> None:
    plain, averaged = make_run(tmp_path / "plain", 2), make_run(tmp_path / "averaged", 2, average=True)
    assert [path.name for path in open_trained(f"{plain}@2").weights] == ["model.safetensors"]
    assert [path.name for path in open_trained(f"{averaged}@2").weights] == ["model.safetensors", "average.safetensors"]
    assert open_trained(plain).weights == (plain / "model.safetensors",)


def test_a_checkpoint_that_was_not_kept_is_an_error_with_those_that_were(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 20, 40)
    (run / "checkpoints" / "step_000000060").mkdir()
    for name in (f"{run}@60", run / "checkpoints" / "step_000000060"):
        with pytest.raises(CheckpointError, match=r"no checkpoint of step 60; it has 20, 40") as found:
            open_trained(name)
        assert "training.keep_every" in found.value.fix
