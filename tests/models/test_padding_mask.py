"""Hooks that keep padding out of convolutions and batch norms they did not write."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from masr.models.padding_mask import PaddingMask, zero_past_end

PADDING = torch.arange(12) >= torch.tensor([12, 5, 0])[:, None]


class Foreign(nn.Module):
    """As ESPnet has it: no word of lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv1d(3, 4, 5, padding=2)
        self.norm = nn.BatchNorm1d(4)
        self.point = nn.Conv1d(4, 4, 1)
        self.padding_mask = PaddingMask(self)

    def forward(self, maps: Tensor, padding: Tensor | None) -> Tensor:
        with self.padding_mask.over(padding):
            out: Tensor = self.point(self.norm(self.wide(maps)))
        return out


def test_padding_is_zero_before_a_convolution() -> None:
    model, maps = Foreign().eval(), torch.randn(3, 3, 12)
    together = model(maps, PADDING)
    torch.testing.assert_close(together[1, :, :5], model(maps[1:2, :, :5], None)[0])
    assert (model(maps, None)[1, :, :5] - together[1, :, :5]).abs().max() > 1e-3, "without it padding leaks"


def test_statistics_are_those_of_valid_frames() -> None:
    model, maps = Foreign().train(), torch.randn(3, 3, 12)
    with torch.no_grad():
        model(maps, PADDING)
        valid = torch.cat([model.wide(maps[:1])[0], model.wide(maps[1:2, :, :5])[0]], dim=1)
    torch.testing.assert_close(model.norm.running_mean, 0.1 * valid.mean(dim=1), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model.norm.running_var, 0.9 + 0.1 * valid.var(dim=1), atol=1e-6, rtol=1e-5)


def test_a_single_frame_is_normed_by_the_running_statistics() -> None:
    model, maps = Foreign().train(), torch.randn(1, 3, 1)
    before = model.norm.running_mean.clone()
    expected = copy.deepcopy(model).eval()(maps, None)
    torch.testing.assert_close(model(maps, None), expected)
    assert torch.equal(model.norm.running_mean, before)


def test_names_of_weights_stay_and_copies_have_a_silence_of_their_own() -> None:
    model = Foreign()
    assert set(model.state_dict()) == {
        *("wide.weight", "wide.bias", "point.weight", "point.bias", "norm.weight", "norm.bias"),
        *("norm.running_mean", "norm.running_var", "norm.num_batches_tracked"),
    }
    other = copy.deepcopy(model).eval()
    assert other.norm.padding_mask is other.padding_mask is not model.padding_mask
    maps = torch.randn(3, 3, 12)
    torch.testing.assert_close(other(maps, PADDING)[1, :, :5], other(maps[1:2, :, :5], None)[0])


def test_padding_is_forgotten_when_a_pass_fails() -> None:
    mask = PaddingMask(nn.Linear(1, 1))
    try:
        with mask.over(PADDING):
            raise KeyError
    except KeyError:
        assert mask.padding is None


def test_zeros_stand_past_the_end() -> None:
    out = zero_past_end(torch.ones(3, 4, 2), torch.tensor([4, 2, 0]))
    assert out[:, :, 0].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]
