"""Uniform span masks, 64 utterances of 1500 encoded frames, spans of 10 at wav2vec 2.0's chance of 0.065."""

from __future__ import annotations

from race import Race, Runner, Turn

BATCH, TIME, SPAN, SHARE = 64, 1500, 10, 0.49


def ours() -> Turn:
    import torch

    from masr.masking.spans import Config, build
    from masr.maths.keyed_random import combine

    torch.set_num_threads(1)
    masker = build(Config(share=SHARE, span=SPAN))
    lengths, places, step = torch.full((BATCH,), TIME), torch.arange(BATCH), 0

    def turn() -> float:
        nonlocal step
        step += 1
        masker.mask(lengths, combine(0, step, places))
        return float(BATCH)

    return turn


def transformers() -> Turn:
    from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

    def turn() -> float:
        _compute_mask_indices((BATCH, TIME), 0.065 * SPAN, SPAN)
        return float(BATCH)

    return turn


def check() -> str:
    """The race is for the same share."""
    import torch

    from masr.masking.spans import Config, build

    mask = build(Config(share=SHARE, span=SPAN)).mask(torch.full((BATCH,), TIME), torch.arange(BATCH))
    shares = [float(mask.float().mean())]
    try:
        from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices
    except ImportError:
        return f"share of masked frames {shares[0]:.3f}"
    shares.append(float(_compute_mask_indices((BATCH, TIME), 0.065 * SPAN, SPAN).mean()))
    return f"share of masked frames {shares[0]:.3f}, transformers' {shares[1]:.3f}"


def race() -> Race:
    runners = [
        Runner("masr spans, keyed noise", ours),
        Runner("transformers _compute_mask_indices", transformers, 3.0),
    ]
    return Race("Uniform span masks, 64 x 1500", "masks", runners, check)
