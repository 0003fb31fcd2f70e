"""Every pre-training configuration of every recipe: it can be read, and its model has the size that its name says."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from masr.config import dump, load, loads
from masr.errors import ConfigError
from masr.plugins import build, resolve
from masr.training.config import TrainConfig

EGS = Path(__file__).resolve().parents[2] / "egs"
CONFIGS = sorted(path for path in EGS.glob("*/conf/pretrain/*.yaml"))
SIZES = {"tiny": 1e6, "demo": 0.7e6, "25m": 25e6, "100m": 100e6, "600m": 600e6}
OBJECTIVES = ("best_rq", "w2v_bert", "wav2vec2", "hubert")


VARIANTS = (
    "_masr",
    "_across",
    "_unlearn",
    "_cnn",
    "_within",
    "_transformer",
    "_bidirectional",
    "_atm",
    "_atms",
    "_random",
)
"""What a name may say behind its objective's, in the order in which it is taken away."""


def without(name: str) -> str:
    for variant in VARIANTS:
        name = name.removesuffix(variant)
    return name


@cache
def read(path: Path) -> TrainConfig:
    return load(TrainConfig, path, resolve=resolve)


def named(objective: str, size: str) -> str:
    """What files call it: a tiny w2v-BERT keeps the quantizer that it began with, and says so."""
    return f"{objective}_random" if (objective, size) == ("w2v_bert", "tiny") else objective


def test_the_librispeech_recipe_masks_every_objective_by_confidence() -> None:
    names = {path.stem for path in CONFIGS if path.parents[2].name == "librispeech"}
    assert names >= {f"{named(o, 'tiny')}_{rule}_tiny" for o in OBJECTIVES for rule in ("atm", "atms")}


@pytest.mark.parametrize("path", [path for path in CONFIGS if "_atm" in path.stem], ids=lambda path: path.stem)
def test_guided_masking_is_as_its_name_says(path: Path) -> None:
    config = read(path)
    assert config.masking.name == "ask2mask"
    assert (config.masking.config.strategy, config.masking.config.share) == ("high", 0.4)
    assert config.masking.config.scale == ("utterance" if "_atms" in path.stem else "none")
    assert config.encoder.config.subsampling == 4  # the scorer's frames


def test_the_main_recipe_has_every_objective_in_every_size_with_and_without_metadata() -> None:
    names = {path.stem for path in CONFIGS if path.parents[2].name == "fleurs"}
    sizes = SIZES.keys() - {"demo"}
    demo = {"best_rq_demo", "best_rq_masr_demo"}
    assert names == demo | {f"{named(o, s)}{m}_{s}" for o in OBJECTIVES for m in ("", "_masr") for s in sizes}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_the_name_says_what_is_inside(path: Path) -> None:
    config = read(path)
    name, size = path.stem.rsplit("_", 1)
    assert config.objective.name == without(name)
    assert bool(config.streams) == bool(config.batching.stream) == name.endswith(("_masr", "_across", "_unlearn"))
    assert (config.targets is not None) == (config.objective.name == "hubert")
    quantizer_stands = config.optim.scales.get("quantizer") == 0
    assert quantizer_stands == ("_random" in name)
    with torch.device("meta"):
        encoder = build("models", config.encoder)
        objective = build("objectives", config.objective, encoder, build("masking", config.masking))
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert (0.5 if size in ("tiny", "demo") else 0.9) * SIZES[size] < count < 1.1 * SIZES[size]
    assert sum(parameter.numel() for parameter in objective.parameters()) > count


@pytest.mark.parametrize("path", [path for path in CONFIGS if "_masr_" in path.stem], ids=str)
def test_streams_are_mined_hard_for_most_of_the_run_among_several_utterances_of_a_label(path: Path) -> None:
    config = read(path)
    assert config.batching.utterances_per_label >= max(4, 2 * config.training.accumulate)
    for stream in config.streams:
        assert 4 * stream.common.warmup_steps <= config.training.max_steps
        assert stream.common.gradient_share > 0  # no plain weight drives the encoder


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parents[2].name}-{path.stem}")
def test_a_file_is_short_and_its_resolved_form_reads_back(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 6
    config = read(path)
    assert loads(TrainConfig, dump(config), resolve=resolve) == config


@pytest.mark.parametrize("name", ["best_rq_tiny", "best_rq_masr_tiny", "best_rq_across_tiny", "best_rq_unlearn_tiny"])
def test_configurations_of_debian_are_valid_and_across_names_streams(name: str) -> None:
    path = Path(__file__).resolve().parents[2] / "egs" / "debian" / "conf" / "pretrain" / f"{name}.yaml"
    config = load(TrainConfig, path, resolve=resolve)
    assert str(config.train) == "exp/sets/pretrain"
    names = {stream.name for stream in config.streams}
    assert all(set(stream.common.across) <= names for stream in config.streams)
    if config.streams and "across" in name:
        with pytest.raises(ConfigError, match="no other stream"):
            load(TrainConfig, path, ["streams=[{name: language, mining: label, across: [spk]}]"], resolve=resolve)
