"""When the frames of an encoder are."""

from __future__ import annotations

from typing import Any

import torch

_LONGEST_SIGHT = 10_000


def fewest_inputs(encoder: Any) -> int:
    """The fewest input frames, or samples, that give one encoded frame: what the first of them sees."""
    counts = encoder.num_encoded(torch.arange(1, _LONGEST_SIGHT))
    return int((counts >= 1).nonzero()[0, 0]) + 1


def middle_of_first(encoder: Any, input_sec: float, window_sec: float) -> float:
    """The middle of the first encoded frame, in seconds from the beginning of its utterance.

    `input_sec` parts input frames, or samples; `window_sec` is the sight of one feature frame, which lies whole in
    the utterance.
    """
    fewest = fewest_inputs(encoder)
    if encoder.num_bins == 1:
        return (fewest - 1) / 2 * input_sec
    return float((fewest - 1) // 2 * input_sec + window_sec / 2)
