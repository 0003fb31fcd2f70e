"""A bank of impulse responses, made or read once: a function of its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masr.config import option, seed_option
from masr.data.samples import Samples
from masr.errors import DataError
from masr.io.datadir import DataDir
from masr.types import FloatArray


@dataclass(frozen=True)
class RoomsConfig:
    """Impulse responses of simulated rooms, or from a data directory."""

    share: float = option(0.0, "share of the utterances that are put into a room")
    folder: Path | None = option(None, "data directory of impulse responses; null simulates rooms")
    num_responses: int = option(32, "responses to draw from, made or read once, before the first step")
    min_rt60_sec: float = option(0.15, "reverberation time of simulated rooms, at least")
    max_rt60_sec: float = option(0.6, "at most")
    max_response_sec: float = option(1.0, "longer responses of the folder are cut")
    seed: int = seed_option("of the rooms, and of the choice among the folder's responses")

    def __post_init__(self) -> None:
        check_share("rooms", self.share)
        if not 0.05 <= self.min_rt60_sec <= self.max_rt60_sec <= 2:
            raise ValueError("rooms: min_rt60_sec and max_rt60_sec lie between 0.05 and 2, in this order")
        if self.num_responses < 1 or self.max_response_sec <= 0:
            raise ValueError("rooms: num_responses and max_response_sec must be positive")


def check_share(what: str, share: float) -> None:
    """ValueError where `share` is not between 0 and 1."""
    if not 0 <= share <= 1:
        raise ValueError(f"{what}: share must be between 0 and 1")


def responses_of(config: RoomsConfig, sample_rate: int) -> FloatArray:
    """(R, K) responses, zeros behind the shorter ones; each begins at its direct sound, and its peak is 1."""
    found = _simulated(config, sample_rate) if config.folder is None else _recorded(config, sample_rate)
    bank = np.zeros((len(found), max(len(response) for response in found)), dtype=np.float32)
    for row, response in enumerate(found):
        bank[row, : len(response)] = response / np.abs(response).max()
    return bank


def _simulated(config: RoomsConfig, sample_rate: int) -> list[FloatArray]:
    """Responses of simulated rooms of usual proportions."""
    from masr.maths.room_impulse import SAMPLE_RATE, draw_point, draw_room, impulse_response

    generator = np.random.default_rng([config.seed, 0x726F6F6D])
    found = []
    for _ in range(config.num_responses):
        room = draw_room(generator, float(generator.uniform(config.min_rt60_sec, config.max_rt60_sec)))
        response = impulse_response(room, draw_point(generator, room), draw_point(generator, room))
        found.append(_at_rate(np.asarray(response, dtype=np.float32), SAMPLE_RATE, sample_rate))
    return found


def _at_rate(response: FloatArray, rate: int, wanted_rate: int) -> FloatArray:
    if rate == wanted_rate:
        return response
    import soxr

    converted: FloatArray = soxr.resample(response, rate, wanted_rate)
    return converted


def _recorded(config: RoomsConfig, sample_rate: int) -> list[FloatArray]:
    """Responses of the folder: all of them, or as many as were asked for."""
    if config.folder is None:
        raise ValueError("there is no folder to read")
    data = DataDir.open(config.folder)
    samples = Samples(data, sample_rate)
    places = np.arange(len(data))
    if len(places) > config.num_responses:
        generator = np.random.default_rng([config.seed, 0x72656164])
        places = np.sort(generator.choice(len(data), config.num_responses, replace=False))
    found = []
    for place in places.tolist():
        response = samples.read(place, 0, int(samples.num_samples[place]))
        direct = int(np.abs(response).argmax())
        if not response[direct]:
            raise DataError(f"{config.folder}: {data.utts[place]} is silent, so it is no impulse response")
        # What sounds before the direct sound is the recording's delay: it would shift speech against its labels.
        found.append(response[direct : direct + round(config.max_response_sec * sample_rate)])
    if not found:
        raise DataError(f"{config.folder} has no impulse responses")
    return found
