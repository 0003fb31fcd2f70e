"""Confidence that asks no model: how loud a frame is, and whether it is loud enough to be speech.

Shapes: B utterances, T encoded frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_QUIET, _LOUD = 0.05, 0.95
_SPEECH_DB = 30.0
"""As masr/corpora/listening.py has it: what lies further below the loudest frame is a pause."""
_SMOOTHED_SEC = 0.2


def scaled_energy(energy: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) natural logarithms of power, (B,) -> (B, T) float32 in [0, 1].

    (e - q) / (r - q), cut to [0, 1], where q and r are the quantiles .05 and .95 of the utterance's own frames, as one
    click must not make all else quiet; 0.5 where all of them are alike. Past an utterance's end it is 0.
    """
    inside = torch.arange(energy.shape[1], device=energy.device) < lengths[:, None]
    own = energy.float().masked_fill(~inside, torch.nan)
    edges = torch.tensor([_QUIET, _LOUD], device=energy.device)
    quiet, loud = own.nanquantile(edges, dim=1, keepdim=True)
    scaled = torch.where(loud > quiet, (own - quiet) / (loud - quiet), 0.5).clamp(0.0, 1.0)
    return scaled.masked_fill(~inside, 0.0)


def voice_activity(energy: Tensor, lengths: Tensor, frame_sec: float) -> Tensor:
    """(B, T) natural logarithms of power, (B,) -> (B, T) float32 in [0, 1].

    1 where a frame lies at most 30 dB below the loudest of its utterance, else 0; then the mean over the frames whose
    middles are at most a tenth of a second away and inside the utterance.
    """
    inside = torch.arange(energy.shape[1], device=energy.device) < lengths[:, None]
    loudest = energy.masked_fill(~inside, -torch.inf).amax(dim=1, keepdim=True)
    active = (energy >= loudest - _SPEECH_DB * math.log(10) / 10) & inside
    reach = math.floor(_SMOOTHED_SEC / 2 / frame_sec + 1e-6)
    together = torch.stack([active, inside]).float()
    around = torch.nn.functional.avg_pool1d(together, 2 * reach + 1, stride=1, padding=reach)
    found = around[0] / around[1].clamp(min=1e-9)
    return found.clamp(0.0, 1.0).masked_fill(~inside, 0.0)


def frame_power(power: Tensor, lengths: Tensor, first: int, factor: int, time: int) -> Tensor:
    """(B, S) power of input frames, or samples, -> (B, T) natural logarithms of what encoded frames have of it.

    Encoded frame n has the mean of `factor` inputs from `first + n * factor` on.
    """
    inside = torch.arange(power.shape[1], device=power.device) < lengths[:, None]
    wanted = first + time * factor
    known = power.double().masked_fill(~inside, 0.0)[:, :wanted]
    known = torch.nn.functional.pad(known, (0, wanted - known.shape[1]))[:, first:].contiguous()
    found: Tensor = known.view(len(known), time, factor).mean(dim=2)
    return found.clamp(min=1e-20).log().float()
