"""Every fine-tuning configuration of every recipe can be read, and says what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.config import dump, load, loads
from masr.plugins import resolve
from masr.training.config import TrainConfig
from masr.training.init_from import read_run

EGS = Path(__file__).resolve().parents[2] / "egs"
CONFIGS = sorted(EGS.glob("*/conf/lid/*.yaml"))


def test_the_recipes_have_heads_shots_and_a_baseline() -> None:
    names = {
        f"{head}{few}_{size}" for head in ("linear", "ecapa") for few in ("", "_few") for size in ("tiny", "large")
    }
    for recipe in ("fleurs", "dhwani"):
        found = {path.stem for path in CONFIGS if path.parents[2].name == recipe}
        fresh = {f"scratch{few}_{size}" for few in ("", "_few") for size in ("tiny", "large")}
        assert found == names | fresh | {"frozen_tiny"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_the_name_says_what_is_inside(path: Path) -> None:
    config = load(TrainConfig, path, resolve=resolve)
    head = path.stem.split("_")[0]
    assert config.objective.name == "lid" and config.training.best_by == "+accuracy"
    linear = head in ("linear", "frozen")
    assert config.objective.config.head == ("linear" if linear else "ecapa")
    assert config.objective.config.loss == ("softmax" if linear else "aam")
    assert config.batching.shots == (5 if "_few_" in path.stem else 0)
    assert config.init is None  # named on the command line
    assert any(config.optim.frozen.values()) == (head not in ("scratch", "frozen"))
    assert (config.optim.scales.get("encoder") == 0) == (head == "frozen")
    assert loads(TrainConfig, dump(config), resolve=resolve) == config


def test_a_run_is_laid_over_the_one_it_begins_from(trained: Path) -> None:
    path = EGS / "fleurs/conf/lid/ecapa_tiny.yaml"
    found = read_run(path, [f'init="{trained}"', "encoder.dropout=0.4"], resolve)
    theirs = load(TrainConfig, trained / "config.yaml", resolve=resolve)
    assert found.encoder.config.dim == theirs.encoder.config.dim == 16
    assert found.encoder.config.dropout == 0.4
    assert found.features == theirs.features
    assert (found.data.source, found.data.normalise) == (theirs.data.source, theirs.data.normalise)
    assert found.objective.name == "lid" and not found.streams and found.data.num_workers == 0
    assert loads(TrainConfig, dump(found), resolve=resolve) == found
