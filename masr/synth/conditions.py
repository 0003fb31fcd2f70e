"""Where a recording was made: in a studio, in a room that rings, over a telephone, beside something loud."""

from __future__ import annotations

import numpy as np

from masr.maths.room_impulse import draw_point, draw_room, room
from masr.synth.acoustics import add_noise, as_float, at_level, telephone
from masr.synth.microphone import NOISES
from masr.synth.recording import Samples, channel, to_int16
from masr.synth.seeding import generator_of
from masr.types import Int16Array

SNR_DB = {"studio": (35.0, 45.0), "room": (25.0, 35.0), "phone": (25.0, 35.0), "noise": (0.0, 10.0)}
"""Condition -> how many dB the noise lies below the speech, in the noisiest and in the cleanest recordings."""
CONDITIONS = tuple(SNR_DB)
RT60_SEC = (0.3, 0.6)


def condition_of(number: int, *key: str | int) -> str:
    """The condition of utterance `number` of a series: every four in a row have all four, in an order of their own."""
    block, place = divmod(number, len(CONDITIONS))
    return CONDITIONS[int(generator_of("condition", *key, block).permutation(len(CONDITIONS))[place])]


def record_in(
    condition: str, samples: Int16Array, rng: np.random.Generator, colour: float, level_db: float
) -> Int16Array:
    """`samples` as they sound under a condition, at `level_db` re full scale; as many as they were.

    `colour` is the strength of the channel's echo taps, as in `microphone.record`.
    """
    speech = channel(as_float(samples), rng, colour)
    if condition == "room":
        speech = _in_a_room(speech, rng)
    heard = add_noise(speech, rng.uniform(*SNR_DB[condition]), rng, NOISES[int(rng.integers(len(NOISES)))])
    if condition == "phone":
        # At the level of a talker on a line: the steps of mu-law are as fine as the speech is loud.
        heard = telephone(at_level(heard, -20.0))
    return to_int16(at_level(heard, level_db))


def _in_a_room(speech: Samples, rng: np.random.Generator) -> Samples:
    place = draw_room(rng, rng.uniform(*RT60_SEC))
    return room(speech, place, draw_point(rng, place), draw_point(rng, place))
