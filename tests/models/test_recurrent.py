"""Recurrent layers against torch's own packed sequences, and the side that each direction sees."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from masr.models.recurrent import Config, build, in_order, turned_places

LENGTHS = torch.tensor([11, 4, 7])


def test_turning_is_its_own_inverse_and_leaves_padding() -> None:
    places = turned_places(torch.tensor([3, 0, 5]), 5)
    assert places.tolist() == [[2, 1, 0, 3, 4], [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]
    frames = torch.randn(3, 5, 2)
    assert torch.equal(in_order(in_order(frames, places), places), frames)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_both_directions_equal_packed_sequences_of_torch(cell: str) -> None:
    torch.manual_seed(0)
    model = build(Config(num_bins=16, dim=16, num_layers=1, cell=cell, context="both", residual=False)).eval()  # type: ignore[arg-type]
    layer = model.layers[0]
    theirs = (nn.GRU if cell == "gru" else nn.LSTM)(16, 8, batch_first=True, bidirectional=True)
    state = dict(layer.forwards.state_dict())
    state |= {f"{name}_reverse": value for name, value in layer.backwards.state_dict().items()}
    theirs.load_state_dict(state)
    frames = torch.randn(3, 11, 16)
    packed = pack_padded_sequence(frames, LENGTHS, batch_first=True, enforce_sorted=False)
    with torch.no_grad():
        expected = pad_packed_sequence(theirs(packed)[0], batch_first=True)[0]
        torch.testing.assert_close(model.contextualise(frames, LENGTHS).frames, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("context", ["past", "future", "both"])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_frame_sees_its_side_alone(context: str, cell: str) -> None:
    torch.manual_seed(1)
    model = build(Config(num_bins=6, dim=8, num_layers=2, cell=cell, context=context))  # type: ignore[arg-type]
    features = torch.randn(3, 11, 6, requires_grad=True)
    model(features, LENGTHS).frames[2, 3].sum().backward()
    assert features.grad is not None
    seen = features.grad.abs().sum(dim=2) > 0
    wanted = [{"past": t <= 3, "future": 3 <= t < 7, "both": t < 7}[context] for t in range(11)]
    assert seen[2].tolist() == wanted
    assert not seen[:2].any()


def test_a_layer_is_added_to_its_input() -> None:
    model = build(Config(num_bins=4, dim=4, num_layers=2)).eval()
    for parameter in model.layers.parameters():
        nn.init.zeros_(parameter)
    frames = torch.randn(1, 5, 4)
    assert torch.equal(model.contextualise(frames, torch.tensor([5])).frames, frames)


def test_an_odd_width_has_no_halves() -> None:
    with pytest.raises(ValueError, match="dim must be even"):
        Config(dim=7, context="both")
