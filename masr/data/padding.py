"""Arrays of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from masr.types import FloatArray


def padded(rows: Sequence[FloatArray]) -> tuple[Tensor, Tensor]:
    """(S, F) or (S,) each -> (B, S, F) or (B, S) with zeros past the ends and S at least 1, (B,) lengths."""
    lengths = torch.tensor([len(row) for row in rows])
    together = torch.zeros(len(rows), max(1, int(lengths.max())), *rows[0].shape[1:])
    for row, values in enumerate(rows):
        # a copy: what is mapped from a file cannot be written to, and torch would warn
        together[row, : len(values)] = torch.from_numpy(np.array(values, dtype=np.float32))
    return together, lengths
