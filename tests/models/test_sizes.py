"""The named sizes of docs and recipes, as what differs from the Conformer's defaults, counted without weights."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from masr.config import load
from masr.errors import ConfigError
from masr.models import conformer, convolutional, espnet, recurrent, transformer
from masr.models.conformer import Config, build
from masr.plugins import resolve
from masr.training.config import TrainConfig

SIZES: dict[str, tuple[dict[str, Any], int]] = {
    "tiny": ({"dim": 128, "num_layers": 3, "num_heads": 4, "feed_forward_dim": 512}, 1_654_400),
    "25m": ({}, 27_155_968),
    "100m": ({"dim": 512, "feed_forward_dim": 2048}, 108_313_600),
    "600m": ({"dim": 1024, "num_layers": 24, "feed_forward_dim": 4096}, 634_263_552),
}
ROTARY = {"tiny": 1_604_480, "25m": 26_099_200, "100m": 104_102_912, "600m": 609_048_576}


def parameters(given: dict[str, Any]) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in build(Config(**given)).parameters())


@pytest.mark.parametrize("size", SIZES)
def test_a_size_has_its_number_of_parameters(size: str) -> None:
    given, count = SIZES[size]
    assert parameters(given) == count
    assert parameters({**given, "positions": "rotary"}) == ROTARY[size]


@pytest.mark.parametrize("size", SIZES)
def test_a_size_says_only_what_differs(size: str) -> None:
    default = Config()
    assert all(getattr(default, key) != value for key, value in SIZES[size][0].items())


def test_the_default_is_the_ablation_model_of_best_rq() -> None:
    default = Config()
    assert (default.num_layers, default.dim, default.num_heads, default.kernel) == (16, 256, 8, 5)


@pytest.mark.parametrize("module", [conformer, convolutional, espnet, recurrent, transformer])
def test_num_heads_0_and_other_numbers_that_build_nothing_are_refused(module: ModuleType) -> None:
    for field in fields(module.Config):
        default = field.default
        if isinstance(default, bool) or not isinstance(default, int | float):
            continue
        sizes = [-1, -8] if field.name == "num_layers" else [0, -1, -8]
        wrong = sizes if isinstance(default, int) else [-0.1, 1.1, float("nan"), float("inf")]
        for value in wrong:
            with pytest.raises(ValueError, match=field.name):
                module.Config(**{field.name: value})


@pytest.mark.parametrize(
    "words", ["encoder.num_heads: 0", "encoder.num_heads: -8", "features.shift_ms: .inf", "features.window_ms: .nan"]
)
def test_num_heads_0_in_a_file_is_an_error_with_its_place(tmp_path: Path, words: str) -> None:
    key, value = words.split(": ")
    section, name = key.split(".")
    given = {"features": "name: log_mel, ", "encoder": "name: conformer, "}[section]
    (tmp_path / "run.yaml").write_text(f"train: a\ncodes: c\n{section}: {{{given}{name}: {value}}}\n")
    with pytest.raises(ConfigError, match=name) as caught:
        load(TrainConfig, tmp_path / "run.yaml", (), resolve)
    assert "run.yaml:3" in caught.value.block()
