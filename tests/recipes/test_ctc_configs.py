"""Every configuration of every recipe that learns transcripts can be read, and says what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from masr.config import dump, load, loads
from masr.plugins import build, resolve
from masr.training.config import TrainConfig

EGS = Path(__file__).resolve().parents[2] / "egs"
RECIPES = ("fleurs", "debian", "dhwani", "librispeech", "pangloss")
CONFIGS = sorted([*EGS.glob("*/conf/ctc/*.yaml"), *EGS.glob("*/conf/scorer/*.yaml")])
each = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: "-".join((*path.parts[-4:-3], *path.parts[-2:])))


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_them_all(recipe: str) -> None:
    conf = EGS / recipe / "conf"
    assert {p.stem for p in (conf / "ctc").glob("*.yaml")} == {"tiny", "large", "intermediate_large", "scratch_tiny"}
    assert {p.stem for p in (conf / "scorer").glob("*.yaml")} == {"tiny", "100m"}


@each
def test_the_name_says_what_is_inside(path: Path) -> None:
    config = load(TrainConfig, path, resolve=resolve)
    assert config.objective.name == "ctc" and config.training.best_by == "wer"
    assert bool(config.objective.config.intermediate) == path.stem.startswith("intermediate")
    fresh = path.parent.name == "scorer" or path.stem.startswith("scratch")
    assert config.init is None  # named on the command line
    assert any(config.optim.frozen.values()) == (not fresh and path.stem != "tiny")  # tiny has too few steps for it
    assert (config.data.normalise == "global") or fresh  # an encoder that is taken over brings its own
    assert loads(TrainConfig, dump(config), resolve=resolve) == config


@pytest.mark.parametrize("size", ["tiny", "100m"])
def test_a_scorer_speaks_at_the_rate_of_the_encoders_that_listen_to_it(size: str) -> None:
    scorer = load(TrainConfig, EGS / f"librispeech/conf/scorer/{size}.yaml", resolve=resolve)
    pretrained = load(TrainConfig, EGS / "librispeech/conf/pretrain/best_rq_tiny.yaml", resolve=resolve)
    with torch.device("meta"):
        ours, theirs = (build("models", config.encoder) for config in (scorer, pretrained))
    lengths = torch.arange(3000)
    assert torch.equal(ours.num_encoded(lengths), theirs.num_encoded(lengths))
    count = sum(parameter.numel() for parameter in ours.parameters())
    assert count < 2e6 if size == "tiny" else 0.9e8 < count < 1.1e8
