"""Whole training steps, ours in several ways and transformers' wav2vec 2.0, in turn and by the device's own clock."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gpu_check.built import RECIPE, batch_of, configured, lengths_of, move, objective_of, run_of
from gpu_check.clock import interleaved, peak_gib, settled, spread
from gpu_check.sizes import Size
from masr.config.dump import to_dict
from masr.maths.on_host import sent
from masr.plugins import resolve
from masr.training.init_from import read_run
from masr.types import Batch

ALIKE = "best_rq, utterances of one length"
PEER, WAVES = "transformers, wav2vec 2.0 on samples", "wav2vec 2.0 on samples"


Step = Callable[[], object]


@dataclass
class Variant:
    """A step that can be taken again and again."""

    step: Step
    seconds: float
    """Of speech in a step."""
    facts: dict[str, Any]


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:
    """By variant: milliseconds of a step, hours of speech an hour, memory; what could not be built, and why."""
    if device.type == "cpu":  # a rehearsal: graphs as every backend gets them, without minutes of writing C++
        plain: Any = nn.Module
        plain.compile = partialmethod(plain.compile, backend="aot_eager")
    found: dict[str, dict[str, Any]] = {}
    variants: dict[str, Variant] = {}
    for name, build in _builders(device, size, scratch).items():
        try:
            variants[name] = _warm(build(), device)
        except Exception as error:  # one that fails must not cost the others their minutes
            found[name] = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-1500:]}
    times = interleaved({name: one.step for name, one in variants.items()}, size.rounds, device)
    for name, one in variants.items():
        ms = spread(times[name])
        found[name] = {**one.facts, "ms": ms, "rounds": times[name], "seconds": one.seconds}
        found[name]["hours_an_hour"] = one.seconds / (ms["median"] / 1000)
    return {"steps": found, "shortest": float(lengths_of(size.batch_sec, size.longest_sec).min()) / 100}


def _builders(device: torch.device, size: Size, scratch: Path) -> dict[str, Callable[[], Variant]]:
    compiled = "training.compile=true"
    wanted: dict[str, tuple[str, tuple[str, ...], bool]] = {
        "best_rq": ("best_rq", (), True),
        "best_rq, rotary positions": ("best_rq", ("encoder.positions=rotary",), True),
        "best_rq, rotary, compiled": ("best_rq", ("encoder.positions=rotary", compiled), True),
        "best_rq, compiled": ("best_rq", (compiled,), True),
        "best_rq, 64 channels": ("best_rq", ("encoder.channels=64",), True),
        ALIKE: ("best_rq", (), False),
        "best_rq + MASR": ("best_rq_masr", (), True),
        "wav2vec 2.0": ("wav2vec2", (), True),
        "hubert": ("hubert", (), True),
        "w2v_bert": ("w2v_bert_random" if size.suffix == "tiny" else "w2v_bert", (), True),
    }

    def builder(name: str, changes: tuple[str, ...], mixed: bool) -> Callable[[], Variant]:
        def build() -> Variant:
            config = configured(f"{name}_{size.suffix}", "training.precision=bfloat16", *changes)
            lengths = lengths_of(size.batch_sec, size.longest_sec, mixed)
            return _ours(config, lengths, device, scratch / name)

        return build

    found = {name: builder(*one) for name, one in wanted.items()}
    found[WAVES] = lambda: _on_samples(size, device, scratch)
    found[PEER] = lambda: _peer(size, device)
    return found


def _ours(config: Any, lengths: Tensor, device: torch.device, scratch: Path) -> Variant:
    objective = objective_of(config, device)
    classes = getattr(config.objective.config, "num_clusters", 12)
    batch = batch_of(lengths, objective.encoder, device, num_classes=classes)
    facts = {"encoder": to_dict(config.encoder), "lengths": lengths.tolist(), "parameters": _weights(objective.encoder)}
    return Variant(_steps(config, objective, batch, scratch, device), float(lengths.sum()) / 100, facts)


def _steps(
    config: Any, objective: nn.Module, batch: Batch, scratch: Path, device: torch.device
) -> Callable[[], object]:
    """Whole steps of a run, one after the other."""
    run, number = run_of(config, objective, scratch, device), iter(range(1_000_000))
    return lambda: move(run, batch, next(number))


def _on_samples(size: Size, device: torch.device, scratch: Path) -> Variant:
    """Our wav2vec 2.0 base on samples."""
    shape = [f"encoder.num_layers={size.peer_layers}", f"encoder.dim={size.peer_dim}"]
    heads = [f"encoder.num_heads={max(1, size.peer_dim // 64)}", f"encoder.feed_forward_dim={4 * size.peer_dim}"]
    path = RECIPE / "conf" / "waveform" / "wav2vec2_base.yaml"
    config = read_run(path, [*shape, *heads, "data={source: samples}"], resolve)
    objective = objective_of(config, device)
    lengths = _samples(size)
    speech = torch.randn(len(lengths), int(lengths.max()), generator=torch.Generator().manual_seed(0))
    speech[torch.arange(speech.shape[1]) >= lengths[:, None]] = 0
    keys = torch.arange(len(lengths))
    batch = Batch(tuple(map(str, range(len(lengths)))), speech.to(device), sent(lengths, device), sent(keys, device))
    facts = {"parameters": _weights(objective.encoder)}
    step = _steps(config, objective, batch, scratch / "samples", device)
    return Variant(step, float(lengths.sum()) / 16_000, facts)


def _peer(size: Size, device: torch.device) -> Variant:
    """transformers' wav2vec 2.0 of the same size, masks and negatives drawn beforehand, with Adam and clipping."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining
    from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices, _sample_negative_indices

    dim, heads = size.peer_dim, max(1, size.peer_dim // 64)
    config = Wav2Vec2Config(
        hidden_size=dim, num_hidden_layers=size.peer_layers, num_attention_heads=heads, intermediate_size=4 * dim
    )
    model: Any = Wav2Vec2ForPreTraining(config)
    model = model.to(device).train()
    lengths = _samples(size)
    speech = torch.randn(len(lengths), int(lengths.max()), generator=torch.Generator().manual_seed(0)).to(device)
    heard = (torch.arange(speech.shape[1]) < lengths[:, None]).long().to(device)
    frames = model._get_feat_extract_output_lengths(lengths)
    attended = torch.arange(int(frames.max())) < frames[:, None]
    masked = _compute_mask_indices(tuple(attended.shape), 0.65, 10, attention_mask=attended.long(), min_masks=2)
    negatives = _sample_negative_indices(tuple(attended.shape), config.num_negatives, mask_time_indices=masked)
    hidden, others = torch.from_numpy(masked).to(device), torch.from_numpy(negatives).to(device)
    adam = torch.optim.Adam(model.parameters(), 1e-4, fused=device.type == "cuda")

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = model(speech, heard, mask_time_indices=hidden, sampled_negative_indices=others).loss
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()

    return Variant(step, float(lengths.sum()) / 16_000, {"parameters": _weights(model.wav2vec2)})


def _samples(size: Size) -> Tensor:
    """(B,) samples of utterances, a quarter of the speech of the other steps."""
    return lengths_of(size.batch_sec / 4, size.longest_sec) * 160


def _weights(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _warm(variant: Variant, device: torch.device) -> Variant:
    """Taken three times, which compiles what is compiled; the last one's memory is noted."""
    for _ in range(2):
        variant.step()
    settled(device)
    variant.facts["peak_gib"] = peak_gib(variant.step, device)
    return variant
