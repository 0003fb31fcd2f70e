"""A bank of impulse responses, made or read once: a function of its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from masr.data.samples import Samples
from masr.errors import DataError
from masr.io.datadir import DataDir
from masr.types import FloatArray

if TYPE_CHECKING:
    from masr.data.augment import RoomsConfig


def responses_of(config: RoomsConfig, sample_rate: int) -> FloatArray:
    """(R, K) responses, zeros behind the shorter ones; each begins at its direct sound, and its peak is 1."""
    found = _simulated(config, sample_rate) if config.folder is None else _recorded(config, sample_rate)
    bank = np.zeros((len(found), max(len(response) for response in found)), dtype=np.float32)
    for row, response in enumerate(found):
        bank[row, : len(response)] = response / np.abs(response).max()
    return bank


def _simulated(config: RoomsConfig, sample_rate: int) -> list[FloatArray]:
    """Of rooms of usual proportions."""
    from masr.synth.rooms import SAMPLE_RATE, draw_point, draw_room, impulse_response

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
    """Of the folder: all of them, or as many as were asked for."""
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
