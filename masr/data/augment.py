"""Noise and rooms in training batches: which, how loud and where are functions of an utterance's key.

Responses and made noise are applied on the device, a batch at a time; noise of a data directory is read by the
processes that read the speech.

Shapes: B utterances, S samples, R rooms, K samples of a response.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from masr.config import option
from masr.data.rooms import RoomsConfig, check_share, responses_of
from masr.data.samples import Samples
from masr.features.mixing import convolved, mixed, pink_response, reverberant
from masr.io.datadir import DataDir
from masr.maths.keyed_random import normal, uniform
from masr.types import FloatArray

_ROOM, _NOISE, _HISS, _PICK = 60, 61, 62, 63
_PINK_TAPS = 4096


@dataclass(frozen=True)
class NoiseConfig:
    """Noise from a data directory, or made; speech of the training data itself is a directory like any other."""

    share: float = option(0.0, "share of the utterances that noise is added to")
    folder: Path | None = option(None, "data directory of noise or of other speech; null makes the noise")
    colour: Literal["pink", "white"] = option("pink", "of noise that is made: pink falls by 3 dB an octave")
    num_voices: int = option(1, "utterances of the folder that are added up; 3 to 7 of speech make babble")
    min_snr_db: float = option(5.0, "speech over noise, at least")
    max_snr_db: float = option(20.0, "speech over noise, at most")
    min_cover: float = option(1.0, "share of an utterance over which noise sounds, at least")
    max_cover: float = option(1.0, "at most; WavLM mixes other speech into up to half an utterance: 0 to 0.5")

    def __post_init__(self) -> None:
        check_share("noise", self.share)
        if self.min_snr_db > self.max_snr_db:
            raise ValueError("noise: min_snr_db is above max_snr_db")
        if not 0 <= self.min_cover <= self.max_cover <= 1:
            raise ValueError("noise: min_cover and max_cover are shares of an utterance, in this order")
        if self.num_voices < 1:
            raise ValueError("noise: num_voices must be at least 1")


class Augmentation:
    """Waveforms into rooms, then into noise."""

    def __init__(self, noise: NoiseConfig, rooms: RoomsConfig, sample_rate: int, device: torch.device) -> None:
        self.noise, self.rooms = noise, rooms
        self.responses = torch.from_numpy(responses_of(rooms, sample_rate)).to(device) if rooms.share else None
        self.pink = pink_response(_PINK_TAPS, device)

    @torch.no_grad()
    def __call__(self, waveforms: Tensor, lengths: Tensor, keys: Tensor, noise: Tensor | None) -> Tensor:
        """(B, S) waveforms, (B,) lengths, (B,) keys, (B, S) what was read of the noise's folder -> (B, S) waveforms."""
        if self.responses is not None:
            draws = uniform(keys, 2, _ROOM)
            rows = (draws[:, 0] < self.rooms.share).nonzero()[:, 0]
            if len(rows):
                which = (draws[rows, 1] * len(self.responses)).long()
                heard = reverberant(waveforms[rows], lengths[rows], self.responses[which])
                waveforms = waveforms.index_copy(0, rows, heard)
        if noise is None and self.noise.folder is not None:
            return waveforms
        rows = noisy(keys, self.noise).nonzero()[:, 0]
        if len(rows):
            other = self.made(keys[rows], waveforms.shape[1]) if noise is None else noise[rows]
            heard = self.with_noise(waveforms[rows], lengths[rows], keys[rows], other)
            waveforms = waveforms.index_copy(0, rows, heard)
        return waveforms

    def made(self, keys: Tensor, num_samples: int) -> Tensor:
        """(B,) -> (B, S) noise that belongs to the utterances."""
        hiss = normal(keys, num_samples, _HISS)
        return convolved(hiss, self.pink.expand(len(hiss), -1)) if self.noise.colour == "pink" else hiss

    def with_noise(self, waveforms: Tensor, lengths: Tensor, keys: Tensor, noise: Tensor) -> Tensor:
        """(B, S) with all of the noise, each row at its own level and over its own stretch."""
        config, draws = self.noise, uniform(keys, 4, _NOISE)
        snr_db = config.min_snr_db + draws[:, 1] * (config.max_snr_db - config.min_snr_db)
        cover = config.min_cover + draws[:, 2] * (config.max_cover - config.min_cover)
        count = (cover * lengths).round().long()
        first = (draws[:, 3] * (lengths - count + 1)).long()
        place = torch.arange(waveforms.shape[1], device=waveforms.device)
        covered = (place >= first[:, None]) & (place < (first + count)[:, None])
        return mixed(waveforms, lengths, noise, snr_db, covered)


def noisy(keys: Tensor, config: NoiseConfig) -> Tensor:
    """(B,) -> (B,) true where noise is added."""
    return uniform(keys, 4, _NOISE)[:, 0] < config.share


class NoiseSource:
    """The noise's data directory, read at places that the speech's keys say."""

    def __init__(self, folder: Path, config: NoiseConfig, sample_rate: int) -> None:
        self.config = config
        self.data = DataDir.open(folder)
        self.samples = Samples(self.data, sample_rate)

    def read(self, utts: tuple[str, ...], keys: Tensor, lengths: Tensor) -> Tensor:
        """(B,) utterances, keys and samples -> (B, S); zero where an utterance stays without noise."""
        found = torch.zeros(len(utts), int(lengths.max()))
        draws = uniform(keys, 2 * self.config.num_voices, _PICK).double().view(len(utts), -1, 2).numpy()
        for row in noisy(keys, self.config).nonzero()[:, 0].tolist():
            size = int(lengths[row])
            for which, where in draws[row]:
                found[row, :size] += torch.from_numpy(self.voice(utts[row], float(which), float(where), size))
        return found

    def voice(self, utt: str, which: float, where: float, size: int) -> FloatArray:
        """(size,) of one other utterance, its power 1: a window of a longer one, a shorter one again and again."""
        count = len(self.data)
        place = int(which * count)
        if self.data.utts[place] == utt:
            place = (place + 1) % count
        known = int(self.samples.num_samples[place])
        if known > size:
            heard = self.samples.read(place, int(where * (known - size + 1)), size)
        else:
            whole = self.samples.read(place, 0, known)
            heard = np.resize(np.roll(whole, -int(where * known)), size)
        level = float(np.sqrt(np.mean(np.square(heard, dtype=np.float64))))
        return np.asarray(heard / level if level > 0 else heard, dtype=np.float32)
