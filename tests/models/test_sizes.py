"""The named sizes of docs and recipes, as what differs from the Conformer's defaults, counted without weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from masr.models.conformer import Config, build

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
