"""Every objective with small sizes, and a batch that any of them takes."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.models.transformer import Config as TransformerConfig
from masr.models.transformer import build as build_transformer
from masr.plugins import open_plugin
from masr.types import Batch

LENGTHS = [118, 75, 40]
ONE_SIDED = {"apc": "apart", "vq_apc": "apart", "cotraining_apc": "apart", "cpc": "past"}
"""Objectives that predict what an encoder has not seen, and the side that it sees here."""


def make(name: str, attending: bool = False) -> nn.Module:
    """The objective of that name, with the same weights every time; `attending`: of an encoder that recurs nowhere."""
    torch.manual_seed(0)
    small = ConformerConfig(num_bins=20, dim=32, num_layers=2, num_heads=4, feed_forward_dim=48, dropout=0.0)
    module = open_plugin("objectives", name)
    fields = {f.name for f in dataclasses.fields(module.Config)}
    sizes = {
        "num_codes": 12,
        "code_dim": 8,
        "num_clusters": 12,
        "num_distractors": 10,
        "languages": ("a", "b", "c"),
        "num_units": 12,
        "classes": ("SIL", *"abcdefghijk"),
    }
    config = module.Config(**{key: value for key, value in sizes.items() if key in fields})
    side: Any = ONE_SIDED.get(name, "past")
    one_sided = RecurrentConfig(num_bins=20, dim=32, num_layers=2, context=side, front_end="conv", subsampling=4)
    encoder: Any = build_recurrent(one_sided) if name in ONE_SIDED else build_conformer(small)
    if attending and name in ONE_SIDED:
        sizes = {"num_bins": 20, "dim": 32, "num_layers": 2, "num_heads": 2, "feed_forward_dim": 48, "dropout": 0.0}
        encoder = build_transformer(TransformerConfig(**sizes, context=side, front_end="conv", subsampling=4))
    return module.build(config, encoder, build_spans(SpansConfig(share=0.4, span=3)))


def batch(rows: slice = slice(0, 3), extra: int = 0) -> Batch:
    """Those of three utterances, (rows, frames, 20), with `extra` frames of padding; labels for every objective."""
    lengths = torch.tensor(LENGTHS)
    features = torch.randn(3, 120, 20, generator=torch.Generator().manual_seed(1))
    targets = torch.randint(0, 12, (3, 29), generator=torch.Generator().manual_seed(2))
    encoded = ((lengths - 3) // 2 + 1 - 3) // 2 + 1
    features[torch.arange(120) >= lengths[:, None]] = 0
    targets[torch.arange(29) >= encoded[:, None]] = -1
    longest = int(lengths[rows].max())
    return Batch(
        tuple(f"u{i}" for i in range(3))[rows],
        features[rows, : longest + extra],
        lengths[rows],
        combine(5, 6, torch.arange(3))[rows],
        labels={"utt2lang": torch.tensor([0, 2, 1])[rows]},
        targets=targets[rows],
        transcripts=torch.tensor([[3, 4, 4, 5], [2, 7, -1, -1], [6, -1, -1, -1]])[rows],
    )
