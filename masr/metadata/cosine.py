"""Cosine similarities of codes, in one product of matrices.

Shapes: A, B samples; d width of a code. A row of NaN is a missing label.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """(A, d), (B, d) without gaps -> (A, B) cosines; NaN where a row is NaN."""
    return unit_rows(a) @ unit_rows(b).T


def cosine_of_known(a: Tensor, b: Tensor) -> Tensor:
    """As `cosine` for codes whose gaps are negative: over the features that both samples know.

    NaN also where they know none in common, or only zeros: there is nothing to compare.
    """
    known_a, known_b = _known(a), _known(b)
    full_a, full_b = torch.where(known_a > 0, a, 0.0), torch.where(known_b > 0, b, 0.0)
    squared = ((full_a**2) @ known_b.T) * (known_a @ (full_b**2).T)
    cosines = (full_a @ full_b.T) / squared.sqrt()
    return cosines.masked_fill(squared == 0, torch.nan)


def rescale(similarity: Tensor, floor: float) -> Tensor:
    """Similarities with `floor`..1 stretched to 0..1; what lies below becomes 0."""
    return ((similarity - floor) / (1.0 - floor)).clamp(0.0, 1.0)


def missing_pairs(a: Tensor, b: Tensor) -> Tensor:
    """(A, B) true where either label is missing."""
    return a[:, :1].isnan() | b[:, :1].isnan().T


def unit_rows(codes: Tensor) -> Tensor:
    """(B, d) rows brought to length 1; a row of zeros stays one, a row of NaN stays NaN."""
    return torch.nn.functional.normalize(codes, dim=1)


def _known(codes: Tensor) -> Tensor:
    """(B, d) 1 where a feature is known, else 0; NaN compares false, so a missing row knows nothing."""
    return (codes >= 0).to(codes.dtype)
