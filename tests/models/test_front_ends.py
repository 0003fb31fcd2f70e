"""Front ends: what is stacked, what is dropped, what does not go together."""

from __future__ import annotations

import pytest
import torch

from masr.models.front_ends import Stacking, build_front_end, check_front_end, embedded, silenced


def test_frames_are_stacked_in_order() -> None:
    stacking = Stacking(3, 6, 2)
    torch.nn.init.eye_(stacking.out.weight)
    torch.nn.init.zeros_(stacking.out.bias)
    features = torch.arange(15.0).view(1, 5, 3)
    assert torch.equal(stacking(features), torch.arange(12.0).view(1, 2, 6))
    assert stacking.num_encoded(torch.tensor([0, 1, 2, 5])).tolist() == [0, 0, 1, 2]
    assert stacking(features[:, :1]).shape == (1, 1, 6)


def test_the_sequence_is_as_long_as_its_longest_utterance() -> None:
    front_end = build_front_end("linear", 3, 4, 1, "layer")
    frames, lengths = embedded(front_end, torch.randn(2, 9, 3), torch.tensor([5, 4]))
    assert frames.shape == (2, 5, 4)
    assert lengths.tolist() == [5, 4]
    assert embedded(front_end, torch.randn(1, 9, 3), torch.tensor([0]))[0].shape == (1, 1, 4)


def test_padding_becomes_silent() -> None:
    out = silenced(torch.ones(3, 4, 2), torch.tensor([4, 2, 0]))
    assert out[:, :, 0].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("kind", "factor"), [("conv", 1), ("linear", 320), ("waveform", 4)])
def test_what_does_not_go_together_is_refused(kind: str, factor: int) -> None:
    with pytest.raises(ValueError, match=f"a {kind} front end has subsampling .*, not {factor}"):
        check_front_end(kind, factor)  # type: ignore[arg-type]
