"""Speech in rooms and in noise, whole batches at a time; where an utterance ends, nothing is heard of its padding.

Shapes: B utterances, S samples, K samples of a response.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_PIECE_ELEMENTS = 1 << 22
"""Most samples that are convolved at a time: their spectra take six times as much."""
_SHORTEST_FFT = 1 << 12


def inside(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """(B, S), (B,) -> (B, S) true within an utterance."""
    return torch.arange(waveforms.shape[1], device=waveforms.device) < lengths[:, None]


def power(waveforms: Tensor, places: Tensor) -> Tensor:
    """(B, S), (B, S) which samples -> (B,) float64 their mean square; 0 of none."""
    energy = waveforms.double().square().masked_fill(~places, 0.0).sum(dim=1)
    return energy / places.sum(dim=1).clamp(min=1)


def convolved(waveforms: Tensor, responses: Tensor) -> Tensor:
    """(B, S), (B, K) -> (B, S): each through its own response, cut to its own length.

    Blocks begin at an utterance's first sample and are as long as K alone makes them, so that an utterance meets the
    same operations whatever its padding.
    """
    size = responses.shape[1]
    points = max(_SHORTEST_FFT, 1 << (2 * size - 1).bit_length())
    rows = max(1, _PIECE_ELEMENTS // max(1, waveforms.shape[1]))
    pieces = zip(torch.split(waveforms, rows), torch.split(responses, rows), strict=True)
    return torch.cat([_overlap_add(piece, of_piece, points) for piece, of_piece in pieces])


def _overlap_add(waveforms: Tensor, responses: Tensor, points: int) -> Tensor:
    count, size = waveforms.shape
    step = points - responses.shape[1] + 1
    blocks = functional.pad(waveforms, (0, -size % step)).view(count, -1, step)
    spectra = torch.fft.rfft(blocks, points) * torch.fft.rfft(responses, points)[:, None]
    heard: Tensor = torch.fft.irfft(spectra, points)
    out, tails = heard[:, :, :step].contiguous(), heard[:, :-1, step:]
    out[:, 1:, : tails.shape[2]] += tails
    return out.view(count, -1)[:, :size]


def reverberant(waveforms: Tensor, lengths: Tensor, responses: Tensor) -> Tensor:
    """(B, S), (B,), (B, K) -> (B, S) as loud as before, its peaks within [-1, 1]."""
    places = inside(waveforms, lengths)
    heard = convolved(waveforms, responses).masked_fill(~places, 0.0)
    before, after = power(waveforms, places), power(heard, places)
    gain = torch.where(after > 0, before / after.clamp(min=1e-30), 0.0).sqrt()
    return within_range(heard * gain.to(heard.dtype)[:, None])


def mixed(waveforms: Tensor, lengths: Tensor, noise: Tensor, snr_db: Tensor, covered: Tensor) -> Tensor:
    """(B, S), (B,), (B, S), (B,), (B, S) where noise sounds -> (B, S), its peaks within [-1, 1].

    The ratio is that of the whole utterance's power to the noise's where it sounds. Silence, of either, stays as it is.
    """
    places = inside(waveforms, lengths)
    covered = covered & places
    speech, other = power(waveforms, places), power(noise, covered)
    wanted = speech * 10 ** (-snr_db.double() / 10)
    gain = torch.where(other > 0, wanted / other.clamp(min=1e-30), 0.0).sqrt().to(waveforms.dtype)
    return within_range(waveforms + (noise * gain[:, None]).masked_fill(~covered, 0.0))


def within_range(waveforms: Tensor) -> Tensor:
    """(B, S) with utterances that would be clipped turned down as a whole."""
    peak = waveforms.abs().amax(dim=1, keepdim=True)
    return waveforms / peak.clamp(min=1.0)


def pink_response(num_taps: int, device: torch.device) -> Tensor:
    """(num_taps,) what makes white noise fall by 3 dB an octave: the series of (1 - 1 / z) ** -0.5."""
    place = torch.arange(1, num_taps, dtype=torch.float64)
    taps = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod((place - 0.5) / place, dim=0)])
    return taps.float().to(device)
