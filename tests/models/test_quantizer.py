"""Labels of the random projection against the definition, code by code, at sizes on both ways of finding the best."""

from __future__ import annotations

import pytest
import torch

from masr.models.quantizer import RandomProjection


@pytest.mark.parametrize("num_codes", [1, 5, 128, 250, 640])
def test_the_label_is_the_nearest_code(num_codes: int) -> None:
    module = RandomProjection(12, 6, num_codes, 2, seed=3)
    frames = torch.randn(700, 12, generator=torch.Generator().manual_seed(0))
    labels = module(frames)
    assert labels.shape == (700, 2)
    assert labels.dtype == torch.int64
    for book in range(2):
        projected = torch.nn.functional.normalize(frames.double() @ module.projection[book].double(), dim=1)
        distances = torch.cdist(projected, module.codes[book].double())
        chosen = distances.gather(1, labels[:, book : book + 1])[:, 0]
        torch.testing.assert_close(chosen, distances.amin(dim=1), atol=1e-6, rtol=0)
    assert module(frames[:0]).shape == (0, 2)
