"""How often the host waits for the device in a whole training step, preparation of its batch included.

A host that waits gives the device nothing to do in the meantime. What may be read is what a step found, one step late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest
import torch
from torch import nn

from masr.data.collate import Preparation, to_device
from masr.data.dataset import Config as DataConfig
from masr.losses.triplet import Config as TripletConfig
from masr.masking.ask2mask import Config as Ask2MaskConfig
from masr.masking.ask2mask import build as build_ask2mask
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.models.transformer import Config as TransformerConfig
from masr.models.transformer import build as build_transformer
from masr.objectives.best_rq import Config as BestRqConfig
from masr.objectives.best_rq import build as build_best_rq
from masr.objectives.masr import StreamConfig, wrap
from masr.objectives.wav2vec2 import Config as Wav2Vec2Config
from masr.objectives.wav2vec2 import build as build_wav2vec2
from masr.plugins import names
from masr.training.distributed import World
from masr.training.loop import settle, update
from masr.training.sums import Tallied, total_loss
from masr.types import Batch
from small import objectives, tiny
from small.accelerator import DEVICE, OnDevice, Pretend, counted, moved
from small.ranks import many_ranks

MOST = 1
"""Reads in a step: of what the step before it found."""
RULES = get_args(get_type_hints(TripletConfig)["mining"])


def given(step: int) -> Batch:
    """Three utterances as they come from disk, with labels for every objective and codes for two streams."""
    plain = objectives.batch()
    labels = {**plain.labels, "x": torch.tensor([0, 0, 1]), "y": torch.tensor([1, -1, 1])}
    codes = {"x": torch.eye(4)[[0, 0, 1]] + 0.1, "y": torch.eye(4)[[1, 2, 1]]}
    codes["y"][1] = torch.nan
    confidence = torch.rand(3, 28, generator=torch.Generator().manual_seed(step))
    confidence[torch.arange(28) >= torch.tensor([28, 17, 9])[:, None]] = 0
    return replace(plain, keys=combine(5, step, torch.arange(3)), labels=labels, codes=codes, confidence=confidence)


def sound(step: int) -> Batch:
    """The same as waveforms."""
    lengths = torch.tensor([4000, 3100, 2600])
    samples = torch.randn(3, 4000, generator=torch.Generator().manual_seed(step))
    samples[torch.arange(4000) >= lengths[:, None]] = 0
    return Batch(("a", "b", "c"), samples, lengths, combine(5, step, torch.arange(3)))


def preparation(source: str) -> Preparation:
    """What makes a batch ready on the device, by statistics of all data."""
    config = DataConfig(source=source, time_masks=0 if source == "samples" else 2)  # type: ignore[arg-type]
    opened = SimpleNamespace(config=config, is_samples=source == "samples", features=None, sample_rate=16000)
    stats = torch.zeros(2, 21, dtype=torch.float64)
    stats[0, -1], stats[1, :-1] = 10, 10
    return Preparation(opened, DEVICE, stats)  # type: ignore[arg-type]


def most_waits(
    folder: Path,
    objective: nn.Module,
    read: Callable[[int], Batch] = given,
    source: str = "archives",
    ranks: int = 1,
    **config: Any,
) -> tuple[int, str]:
    """Of the third to the fifth step the one with most waits: how many, and what they are."""
    with Pretend():
        run = tiny.make_run(folder, moved(objective), World(device=DEVICE), max_steps=100, **config)
        run = replace(run, world=World(size=ranks, device=DEVICE))
        run.meters.world = run.world
        prepare = preparation(source)
        found = []
        for step in range(5):
            with counted() as waits:
                batches = tuple(
                    prepare(read(7 * step + part), augment=True) for part in range(run.config.training.accumulate)
                )
                update(run, batches, step)
                settle(run, newest=1)
                found.append((waits.total, str(waits)))
    return max(found[2:])


def of_many(step: int) -> Batch:
    """What each of 64 ranks has."""
    return replace(given(step), rank_sizes=(3,) * 64)


def with_streams(*configs: StreamConfig) -> nn.Module:
    streams = {name: (tiny.Cosine(), config) for name, config in zip("xy", configs, strict=False)}
    return wrap(objectives.make("best_rq"), streams)


@pytest.mark.parametrize("name", sorted(set(names("objectives")) - {"masr"}))
def test_every_objective(name: str, tmp_path: Path) -> None:
    total, which = most_waits(tmp_path, objectives.make(name, attending=True))
    assert total <= MOST, which


@pytest.mark.parametrize("rule", RULES)
def test_two_streams_by_every_rule(rule: Any, tmp_path: Path) -> None:
    config = StreamConfig(projection_dim=8, mining=rule, warmup_steps=3)
    total, which = most_waits(tmp_path, with_streams(config, config))
    assert total <= MOST, which


def test_two_streams_by_the_contrastive_loss(tmp_path: Path) -> None:
    label = StreamConfig(projection_dim=8, mining="label", loss="contrastive")
    near = StreamConfig(projection_dim=8, mining="threshold", loss="contrastive", variance_floor=0.3)
    total, which = most_waits(tmp_path, with_streams(label, near))
    assert total <= MOST, which


def test_two_streams_with_all_that_they_may_have(tmp_path: Path) -> None:
    one = StreamConfig(
        projection_dim=8, memory=5, pooling="attention", variance_floor=0.3, scaling="centre", gradient_share=1.0
    )
    other = StreamConfig(
        projection_dim=8,
        mining="label",
        across=("x",),
        semi_hard=True,
        unlearn=True,
        pooling="statistics",
        scaling="none",
    )
    total, which = most_waits(tmp_path, with_streams(one, other))
    assert total <= MOST, which


def best_rq(masker: Any = None, **encoder: Any) -> nn.Module:
    sizes = {"num_bins": 20, "dim": 32, "num_layers": 2, "num_heads": 4, "feed_forward_dim": 48, **encoder}
    masker = masker or build_spans(SpansConfig(share=0.4, span=3))
    return build_best_rq(BestRqConfig(num_codes=12, code_dim=8), build_conformer(ConformerConfig(**sizes)), masker)


@pytest.mark.parametrize(
    ("name", "encoder"),
    [("batch norm", {"conv_norm": "batch"}), ("rotary", {"positions": "rotary", "layer_drop": 0.2})],
)
def test_other_blocks(name: str, encoder: dict[str, Any], tmp_path: Path) -> None:
    total, which = most_waits(tmp_path, best_rq(**encoder))
    assert total <= MOST, which


def test_guided_masking(tmp_path: Path) -> None:
    masker = build_ask2mask(Ask2MaskConfig(span=3, scale="utterance"))
    total, which = most_waits(tmp_path, best_rq(masker))
    assert total <= MOST, which


def test_waveforms(tmp_path: Path) -> None:
    places = {"positions": "convolutional", "position_kernel": 9, "position_groups": 2}
    encoder = TransformerConfig(front_end="waveform", subsampling=160, dim=32, num_layers=2, num_heads=2, **places)
    config = Wav2Vec2Config(num_codes=8, code_dim=16, width=16, num_distractors=5)
    objective = build_wav2vec2(config, build_transformer(encoder), build_spans(SpansConfig(share=0.4, span=3)))
    total, which = most_waits(tmp_path, objective, sound, "samples")
    assert total <= MOST, which


@pytest.mark.parametrize("config", [{"accumulate": 4, "ema_decay": 0.9}, {"log_every": 3}])
def test_other_steps(config: dict[str, Any], tmp_path: Path) -> None:
    total, which = most_waits(tmp_path, objectives.make("best_rq"), **config)
    assert total <= MOST, which


def test_what_many_ranks_find_is_read_once_too(tmp_path: Path) -> None:
    config = StreamConfig(projection_dim=8, mining="similarity", warmup_steps=3)
    with many_ranks(64):
        total, which = most_waits(tmp_path, with_streams(config, config), of_many, ranks=64)
        assert total <= MOST, which
        total, which = most_waits(tmp_path, objectives.make("wav2vec2"), of_many, ranks=64, accumulate=2)
        assert total <= MOST, which


@pytest.mark.parametrize("name", sorted(set(names("objectives")) - {"masr"}))
def test_the_device_finds_what_the_cpu_finds(name: str) -> None:
    def found(model: nn.Module, batch: Batch) -> tuple[dict[str, Any], dict[str, Any]]:
        tally = Tallied(model.train())(batch)
        total_loss(tally, World(device=batch.features.device)).backward()
        gradients = {n: p.grad.tolist() for n, p in model.named_parameters() if p.grad is not None}
        return {n: (s.detach().tolist(), tally.counts[n].tolist()) for n, s in tally.sums.items()}, gradients

    plain, there = objectives.make(name, attending=True), objectives.make(name, attending=True)
    sums, gradients = found(plain, given(3))
    with Pretend():
        again, gradients_there = found(moved(there), to_device(given(3), DEVICE))
    for term, pair in sums.items():
        assert again[term] == pytest.approx(pair, rel=1e-4)
    assert gradients_there.keys() == gradients.keys()
    for parameter, values in gradients.items():
        assert torch.allclose(torch.tensor(gradients_there[parameter]), torch.tensor(values), rtol=1e-3, atol=1e-3)


def test_the_device_counts_and_refuses() -> None:
    """That what is above can fail."""
    with Pretend(), counted() as waits:
        values = torch.arange(6.0, device=DEVICE)
        kept = values > 2
        assert waits.total == 0
        for wait in (
            lambda: bool(kept.any()),
            lambda: float(values.sum()),
            lambda: values[0].item(),
            lambda: values[kept],
            lambda: kept.nonzero(),
            lambda: values.tolist(),
            lambda: values.cpu(),
            lambda: torch.tensor([1.0], device=DEVICE),
            lambda: values.new_tensor(2.0),
            lambda: torch.arange(3).to(DEVICE),
            lambda: torch.equal(values, values),
        ):
            before = waits.total
            wait()
            assert waits.total == before + 1
        with pytest.raises(RuntimeError, match="two devices"):
            values + torch.arange(6.0)
        before = waits.total
        sent = torch.arange(3).to(DEVICE, non_blocking=True)
        assert isinstance(sent, OnDevice) and waits.total == before
        values.new_full((), 2.0)
        values.index_select(0, sent)
        assert waits.total == before
