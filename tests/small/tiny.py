"""Small models and synthetic batches, for tests that really train; also run by scripts in processes of their own.

A step's batch is a function of (seed, step), as the real ones are, and is shared among ranks and micro-batches the
same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.data.cutting import pieces
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.models.transformer import Config as TransformerConfig
from masr.models.transformer import build as build_transformer
from masr.objectives.best_rq import Config as BestRqConfig
from masr.objectives.best_rq import build as build_best_rq
from masr.objectives.cpc import Config as CpcConfig
from masr.objectives.cpc import build as build_cpc
from masr.objectives.dinosr import Config as DinosrConfig
from masr.objectives.dinosr import build as build_dinosr
from masr.objectives.lid import Config as LidConfig
from masr.objectives.lid import build as build_lid
from masr.objectives.masr import StreamConfig, wrap
from masr.training.config import LoopConfig, TrainConfig
from masr.training.distributed import World
from masr.training.optim import Config as OptimConfig
from masr.training.run import Data, Reader, Run, begin
from masr.types import Batch, FloatArray

NUM_BINS = 16
ALONE = World()
OPTIM = OptimConfig(peak_lr=3e-3, warmup_steps=5)


class Cosine:
    """A stream whose codes say how near two labels are."""

    tables = ("utt2x",)
    num_dims = 4

    def codes(self, labels: object) -> FloatArray:
        """Not asked for: batches come with codes."""
        return np.zeros((0, 4), np.float32)

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, 4), (B, 4) -> (A, B)."""
        return (functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).t() + 1) / 2


def objective(kind: str = "best_rq", dropout: float = 0.0, **encoder: Any) -> nn.Module:
    """`best_rq`, `masr`: the same with two streams beside it, `lid`: learns the streams' labels, `cpc`, or `dinosr`."""
    torch.manual_seed(7)
    if kind == "cpc":
        past = RecurrentConfig(num_bins=NUM_BINS, dim=16, num_layers=2)
        return build_cpc(CpcConfig(steps=3, num_negatives=12, negatives="mixed"), build_recurrent(past), None)
    small = {"num_bins": NUM_BINS, "dim": 16, "num_layers": 2, "num_heads": 2, "feed_forward_dim": 24}
    conformer = build_conformer(ConformerConfig(**{**small, "dropout": dropout, **encoder}))
    masker = build_spans(SpansConfig(share=0.4, span=2))
    if kind == "lid":
        wanted = LidConfig(kind="x", languages=("a", "b", "c"), layers="mean", pooling="statistics")
        return build_lid(wanted, conformer, masker)
    if kind == "dinosr":
        forgetful = TransformerConfig(**{**small, "num_layers": 3, "dropout": dropout, **encoder})
        wanted = DinosrConfig(num_codes=8, first_decay=0.8, last_decay=0.9, decay_steps=10)
        return build_dinosr(wanted, build_transformer(forgetful), masker)
    model: nn.Module = build_best_rq(BestRqConfig(num_codes=32, code_dim=4), conformer, masker)
    if kind == "masr":
        label = StreamConfig(projection_dim=8, warmup_steps=0, mining="label", weight=0.5)
        similar = StreamConfig(projection_dim=8, warmup_steps=0, mining="similarity", pooling="attention")
        model = wrap(model, {"x": (Cosine(), label), "y": (Cosine(), similar)})
    return model


def whole_batch(seed: int, step: int, count: int) -> Batch:
    """All utterances of one step."""
    random = np.random.default_rng([seed, step])
    lengths = torch.from_numpy(random.integers(24, 60, count))
    labels = torch.from_numpy(random.integers(0, 3, count))
    tones = functional.one_hot(labels * 4, NUM_BINS)[:, None].float()
    noise = torch.from_numpy(random.standard_normal((count, 60, NUM_BINS), dtype=np.float32))
    features = (noise + 2 * tones)[:, : int(lengths.max())]
    features[torch.arange(features.shape[1]) >= lengths[:, None]] = 0
    codes = functional.one_hot(labels, 4).float() + 0.1
    labels = labels.clone()
    labels[0], codes[0] = -1, torch.nan
    utts = tuple(f"u{step}-{i}" for i in range(count))
    keys = combine(seed, step, torch.arange(count))
    return Batch(utts, features, lengths, keys, {"x": codes, "y": codes}, {"x": labels, "y": labels, "utt2x": labels})


def part_of(batch: Batch, world: World, micro: int = 0, accumulate: int = 1) -> Batch:
    """A rank's part of every accumulate-th utterance, cut by length as training is; a stand-in where there is none."""
    dealt = torch.arange(micro, len(batch.utts), accumulate)
    held = pieces(batch.lengths[dealt].numpy(), world.size)
    rows = dealt[torch.from_numpy(held[world.rank])]
    missing = not len(rows)
    if missing:
        rows = torch.zeros(1, dtype=torch.int64)
    lengths = batch.lengths[rows]

    def cut(values: Any, empty: float) -> dict[str, Tensor]:
        return {n: torch.full_like(v[rows], empty) if missing else v[rows] for n, v in values.items()}

    return Batch(
        tuple(batch.utts[row] for row in rows.tolist()),
        batch.features[rows, : int(lengths.max())],
        lengths,
        batch.keys[rows],
        cut(batch.codes, torch.nan),
        cut(batch.labels, -1),
        rank_sizes=tuple(max(1, len(piece)) for piece in held),
        stand_in=missing,
    )


def batches(world: World = ALONE, accumulate: int = 1, seed: int = 1, sizes: tuple[int, ...] = (6, 7, 5)) -> Reader:
    """Endless steps, as many utterances in each as `sizes` says in turn."""

    def read(first: int) -> Iterator[tuple[Batch, ...]]:
        step = first
        while True:
            whole = whole_batch(seed, step, sizes[step % len(sizes)])
            yield tuple(part_of(whole, world, i, accumulate) for i in range(accumulate))
            step += 1

    return read


def validation(world: World = ALONE, steps: int = 2) -> Reader:
    """A few batches of utterances that are never trained on."""

    def read(first: int) -> Iterator[tuple[Batch, ...]]:
        for step in range(first, steps):
            yield (part_of(whole_batch(99, step, 5), world),)

    return read


def poisoned(read: Reader, steps: tuple[int, ...], utt: int = 1) -> Reader:
    """The same batches, with a value that is not finite in one utterance of some steps."""

    def changed(first: int) -> Iterator[tuple[Batch, ...]]:
        for step, micro_batches in enumerate(read(first), first):
            for batch in micro_batches if step in steps else ():
                if f"u{step}-{utt}" in batch.utts and not batch.stand_in:
                    batch.features[batch.utts.index(f"u{step}-{utt}")] = torch.inf
            yield tuple(micro_batches)

    return changed


def nothing(first: int) -> Iterator[tuple[Batch, ...]]:
    """No validation data."""
    return iter(())


def make_run(
    folder: Path,
    model: nn.Module | None = None,
    world: World = ALONE,
    optim: OptimConfig = OPTIM,
    settings: Any = None,
    seed: int = 1,
    **config: Any,
) -> Run:
    """A quiet run with few steps, over `batches` and `validation` of one rank."""
    small = {"max_steps": 12, "log_every": 1, "validate_every": 4, "save_every": 4, "tensorboard": False}
    whole = TrainConfig(training=LoopConfig(**{**small, **config}), optim=optim, seed=seed)
    settings = {"training": vars(whole.training), "optim": vars(optim)} if settings is None else settings
    run = begin(whole, folder, world, model or objective(), Data(batches(), validation()), settings)
    run.meters.quiet = True
    return run


def with_data(run: Run, training: Reader, dev: Reader, largest: Callable[[], Sequence[Batch]] | None = None) -> Run:
    """The same run over other batches."""
    return replace(run, data=Data(training, dev, largest))
