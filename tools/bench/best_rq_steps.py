"""BEST-RQ steps for races, from features: mask, noise, labels, encoder, loss, backward; a third masked, dropout 0.1.

The peer is put together from speechbrain's own parts (mask, quantizer, Conformer with RoPE) as its recipe does, behind
the same two convolutions as ours, so that the network is the same.
"""

from __future__ import annotations

from typing import Any

import encoders
from race import Turn

BATCH, FRAMES, BINS, CODES, SHARE, SPAN, LAYERS = 8, 1003, 80, 8192, 0.33, 10, 12
SECONDS = BATCH * FRAMES / 100


def features() -> Any:
    import torch

    torch.set_num_threads(1)
    return torch.randn(BATCH, FRAMES, BINS, generator=torch.Generator().manual_seed(0))


def masr(bf16: bool = False) -> Turn:
    import torch

    from masr.masking import spans
    from masr.models import conformer
    from masr.objectives import best_rq
    from masr.types import Batch

    config = conformer.Config(
        num_layers=LAYERS, dim=encoders.DIM, feed_forward_dim=encoders.INNER, kernel=encoders.KERNEL,
        num_heads=encoders.HEADS, positions="rotary", dropout=0.1, attention_dropout=0.1,
    )  # fmt: skip
    masker = spans.build(spans.Config(share=SHARE, span=SPAN))
    objective = best_rq.build(best_rq.Config(num_codes=CODES), conformer.build(config), masker).train()
    lengths, keys, given = torch.full((BATCH,), FRAMES), torch.arange(BATCH), features()

    def turn() -> float:
        objective.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            losses = objective(Batch(("",) * BATCH, given, lengths, keys))
            term = losses.terms["masked_prediction"]
            (term.sum / term.count).backward()
        return SECONDS

    return turn


def speechbrain(bf16: bool = False) -> Turn:
    import torch
    from torch import nn

    encoders.stand_in_for_torchaudio()
    from speechbrain.lobes.models.BESTRQ import compute_mask
    from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
    from speechbrain.nnet.quantisers import RandomProjectionQuantizer

    dim = encoders.DIM
    front_end = nn.Sequential(nn.Conv2d(1, dim, 3, 2), nn.ReLU(), nn.Conv2d(dim, dim, 3, 2), nn.ReLU())
    project = nn.Linear(dim * 19, dim)
    encoder = ConformerEncoder(
        LAYERS, dim, encoders.INNER, encoders.HEADS, encoders.KERNEL, dropout=0.1, attention_type="RoPEMHA"
    )
    head, quantizer = nn.Linear(dim, CODES), RandomProjectionQuantizer(BINS * 4, 16, CODES)
    modules = nn.ModuleList([front_end, project, encoder, head]).train()
    given = features()

    def turn() -> float:
        modules.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            time = (FRAMES - 3) // 4
            targets = quantizer(given[:, : 4 * time].reshape(BATCH, time, 4 * BINS))
            masked = compute_mask((BATCH, time, BINS), [time] * BATCH, SHARE / SPAN, SPAN)
            wide = (masked[:, None] * 4 + torch.arange(4)).flatten()
            noisy = given.clone()
            noisy[:, wide] = torch.normal(0.0, 0.1, (BATCH, len(wide), BINS))
            maps = front_end(noisy[:, None])
            frames = encoder(project(maps.transpose(1, 2).flatten(2)))[0]
            logits = head(frames)[:, masked].flatten(0, 1)
            nn.functional.cross_entropy(logits.float(), targets[:, masked].flatten()).backward()  # type: ignore[no-untyped-call]
        return SECONDS

    return turn
