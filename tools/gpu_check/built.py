"""Objectives and batches of the recipes' sizes, from configurations alone: no data directory is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.keyed_random import combine
from masr.maths.on_host import sent
from masr.objectives.masr import StreamConfig, wrap
from masr.plugins import build, open_plugin, resolve
from masr.training.config import TrainConfig
from masr.training.distributed import World
from masr.training.init_from import read_run
from masr.training.loop import settle, update
from masr.training.run import Data, Run, begin
from masr.types import Batch, FloatArray

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs" / "fleurs"
NUM_LANGUAGES, NUM_CLASSES = 12, 12
NO_DATA = Data(lambda first: iter(()), lambda first: iter(()))  # noqa: ARG005
SMALL_SIZES = {
    "num_codes": 12,
    "code_dim": 8,
    "num_clusters": NUM_CLASSES,
    "num_distractors": 10,
    "languages": ("a", "b", "c"),
    "num_units": NUM_CLASSES,
    "classes": ("SIL", *"abcdefghijk"),
}
ONE_SIDED = {"apc": "apart", "vq_apc": "apart", "cotraining_apc": "apart", "cpc": "past"}
"""Objectives that predict what their encoder has not heard, and what it has."""


class Related:
    """A stream whose codes say how near two languages are."""

    tables = ("utt2lang",)
    num_dims = 16

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """Not asked for: batches come with codes."""
        raise NotImplementedError(labels)

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, 16), (B, 16) -> (A, B)."""
        return (functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).t() + 1) / 2


def configured(name: str, *changes: str) -> TrainConfig:
    """A pre-training of egs/fleurs by its name, with changes."""
    return read_run(RECIPE / "conf" / "pretrain" / f"{name}.yaml", changes, resolve)


def objective_of(config: TrainConfig, device: torch.device) -> nn.Module:
    """The objective of a configuration with fresh weights, and its streams around it."""
    torch.manual_seed(0)
    encoder = build("models", config.encoder)
    objective: nn.Module = build("objectives", config.objective, encoder, build("masking", config.masking))
    if config.streams:
        objective = wrap(objective, {named.name: (Related(), named.common) for named in config.streams})
    return objective.to(device)


def small_objective(name: str, device: torch.device) -> nn.Module:
    """Any objective of masr/objectives, tiny; `masr` is BEST-RQ with a stream beside it."""
    torch.manual_seed(0)
    module = open_plugin("objectives", "best_rq" if name == "masr" else name)
    fields = {field.name for field in dataclasses.fields(module.Config)}
    config = module.Config(**{key: value for key, value in SMALL_SIZES.items() if key in fields})
    sizes: dict[str, Any] = {"dim": 32, "num_layers": 2, "dropout": 0.0}
    if name in ONE_SIDED:
        kind, sizes = "recurrent", {**sizes, "context": ONE_SIDED[name], "front_end": "conv", "subsampling": 4}
    else:
        kind, sizes = "conformer", {**sizes, "num_heads": 4, "feed_forward_dim": 48}
    models, masks = open_plugin("models", kind), open_plugin("masking", "spans")
    encoder, masker = models.build(models.Config(**sizes)), masks.build(masks.Config(share=0.4, span=3))
    objective: nn.Module = module.build(config, encoder, masker)
    if name == "masr":
        stream = StreamConfig(projection_dim=8, warmup_steps=0, mining="similarity", loss="soft")
        objective = wrap(objective, {"language": (Related(), stream)})
    return objective.to(device)


def lengths_of(seconds: float, longest_sec: float, mixed: bool = True, seed: int = 0) -> Tensor:
    """(B,) feature frames of utterances that add up to so much speech: all alike, or evenly from a tenth to whole."""
    mean = longest_sec * (0.55 if mixed else 1)
    count = max(4, round(seconds / mean))
    shares = torch.linspace(0.1, 1, count) if mixed else torch.ones(count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return (shares * longest_sec * 100).long()[order]


def batch_of(
    lengths: Tensor, encoder: Any, device: torch.device, seed: int = 0, num_classes: int = NUM_CLASSES
) -> Batch:
    """Noise as speech, (B, S, 80), with labels, codes, targets and transcripts for whatever wants them."""
    generator = torch.Generator().manual_seed(seed)
    count, longest = len(lengths), int(lengths.max())
    features = torch.randn(count, longest, 80, generator=generator)
    features[torch.arange(longest) >= lengths[:, None]] = 0
    encoded = encoder.num_encoded(lengths)
    targets = torch.randint(0, num_classes, (count, max(1, int(encoded.max()))), generator=generator)
    targets[torch.arange(targets.shape[1]) >= encoded[:, None]] = -1
    languages = torch.arange(count) % min(NUM_LANGUAGES, max(2, count // 2))
    codes = torch.randn(NUM_LANGUAGES, Related.num_dims, generator=generator)[languages]
    utts = tuple(f"u{i}" for i in range(count))
    names = ("language", "location")
    labels = {**dict.fromkeys(names, languages), "utt2lang": languages % 3}
    return Batch(
        utts,
        features.to(device),
        sent(lengths, device),
        sent(combine(seed, 1, torch.arange(count)), device),
        {name: codes.to(device) for name in names},
        {name: sent(label, device) for name, label in labels.items()},
        targets=sent(targets, device),
        transcripts=sent(torch.randint(2, NUM_CLASSES, (count, 3), generator=generator), device),
    )


def run_of(config: TrainConfig, objective: nn.Module, folder: Path, device: torch.device) -> Run:
    """A run that is moved step by step; it has no data of its own."""
    run = begin(config, folder, World(device=device), objective, NO_DATA, {"encoder": config.encoder.name})
    run.meters.quiet = True
    return run


def move(run: Run, batch: Batch, step: int) -> None:
    """One step as the training loop takes it: what it found is read when the next one is on its way."""
    update(run, [batch], step)
    settle(run, newest=1)


def small_config(precision: str = "float32") -> TrainConfig:
    """How a small objective is trained."""
    changes = ("training.max_steps=6", "training.tensorboard=false", "optim.warmup_steps=1", "optim.peak_lr=1e-3")
    return configured("best_rq_tiny", *changes, f"training.precision={precision}")
