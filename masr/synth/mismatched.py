"""Five test sets that no training saw, as lhotse manifests: other rooms, microphones, accents and ways to speak.

- headset: meetings of two, each participant's own microphone (as AMI's individual headsets)
- farfield: meetings, one microphone in a live room (as AMI's single distant microphone)
- accented: short utterances of far accents and of foreigners, through a thin codec (as Common Voice)
- talk: one speaker's long recordings, cut into segments (as TED-LIUM)
- dinner: people who talk at the same time in a noisy kitchen (as CHiME-6)

What is spoken of differs from the books (`english_words.SPOKEN`), and so does the way of speaking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from masr.maths.room_impulse import Room, convolve, draw_point, draw_room, impulse_response
from masr.synth.acoustics import (
    add_noise,
    as_float,
    at_level,
    babble,
    band,
    coloured_noise,
    low_bit_rate,
    mix,
)
from masr.synth.english import TOPICS, normalise, paragraph, side
from masr.synth.espeak import SAMPLE_RATE, Voice, speak
from masr.synth.manifests import Rows, write_recording
from masr.synth.readers import FAR, NEAR
from masr.synth.recording import Samples
from masr.synth.seeding import generator_of
from masr.synth.speakers import FEMALE, MALE, Dialect

FOREIGN = (
    Dialect("fr", "french", 48.86, 2.35),
    Dialect("nl", "dutch", 52.37, 4.90),
    Dialect("it", "italian", 41.90, 12.50),
    Dialect("cy", "welsh", 52.13, -3.78),
)
"""Voices that read English with the letters' values of their own language, and are still near it: a third to a half
of their phones differ. Other languages' differ by more, or turn into plain English (hi, ta, ru, el)."""


@dataclass(frozen=True, slots=True)
class Set:
    """How one of the sets sounds."""

    topic: str
    num_speakers: int
    """How many people talk in one recording."""
    recording_sec: float
    gap_sec: tuple[float, float]
    """Silence between turns; below zero they overlap."""
    words: tuple[int, int]
    """Fewest and most words of a turn."""
    snr_db: tuple[float, float]
    rt60_sec: tuple[float, float]
    words_per_min: tuple[int, int]


SETS = {
    "headset": Set("meeting", 2, 60.0, (0.1, 1.2), (4, 18), (22.0, 32.0), (0.0, 0.0), (160, 230)),
    "farfield": Set("meeting", 4, 60.0, (0.0, 0.8), (4, 18), (8.0, 16.0), (0.35, 0.65), (160, 230)),
    "accented": Set("news", 1, 60.0, (0.3, 0.6), (5, 14), (12.0, 30.0), (0.0, 0.0), (130, 190)),
    "talk": Set("lecture", 1, 110.0, (0.3, 1.0), (14, 30), (18.0, 28.0), (0.25, 0.45), (150, 200)),
    "dinner": Set("dinner", 4, 60.0, (-1.2, 0.5), (3, 14), (3.0, 10.0), (0.45, 0.8), (170, 240)),
}
PREFIXES = tuple(SETS)
_HEADSET_LEAK_DB = -28.0
"""How loud the others are in one's own headset."""


@dataclass(frozen=True, slots=True)
class Person:
    """One who speaks."""

    name: str
    gender: str
    dialect: Dialect
    voice: Voice


@dataclass(frozen=True, slots=True)
class Turn:
    """What one person says, and when."""

    person: Person
    text: str
    samples: Samples
    start: int
    """Where the turn begins, in samples."""

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


def num_jobs(prefix: str, seconds: float) -> int:
    """How many recordings (of `accented`: sessions of short ones) make up the time."""
    return max(2, round(seconds / SETS[prefix].recording_sec))


def make(prefix: str, index: int, seconds: float, seed: int, out: Path) -> Rows:
    """Writes one recording of a set of so many seconds under `out`; returns its lines of the two manifests."""
    plan = SETS[prefix]
    plan = replace(plan, recording_sec=min(plan.recording_sec, seconds / num_jobs(prefix, seconds)))
    rng = generator_of(seed, "mismatched", prefix, index)
    name = f"{prefix}{index:04d}"
    people = [_person(prefix, f"{name}s{place}", place + index, rng) for place in range(plan.num_speakers)]
    if prefix == "accented":
        return _clips(plan, people[0], rng, out)
    turns = _conversation(plan, people, rng)
    if prefix != "headset":
        return _written(prefix, name, _room(plan, turns, rng), turns, out)
    rows: Rows = {"recordings": [], "supervisions": []}
    for person in people:
        own = [turn for turn in turns if turn.person == person]
        if own:
            more = _written(prefix, person.name, _headset(plan, turns, person, rng), own, out)
            rows = {kind: rows[kind] + more[kind] for kind in rows}
    return rows


def _person(prefix: str, name: str, place: int, rng: np.random.Generator) -> Person:
    """A voice that no reader of the training split has."""
    plan = SETS[prefix]
    gender = "FEMALE" if place % 2 else "MALE"
    families = (FEMALE if gender == "FEMALE" else MALE)["test"]
    family = families[int(rng.integers(len(families)))]
    dialects: tuple[Dialect, ...] = NEAR + FAR
    if prefix == "accented":
        dialects = FOREIGN if place % 3 == 2 else FAR
    dialect = dialects[int(rng.integers(len(dialects)))]
    voice = Voice(
        dialect.voice,
        family[int(rng.integers(len(family)))],
        pitch=int(rng.integers(20, 81)),
        pitch_range=int(rng.integers(30, 91)),
        words_per_min=int(rng.integers(*plan.words_per_min)),
    )
    return Person(name, gender, dialect, voice)


def _said(topic: str, person: Person, num_words: tuple[int, int], rng: np.random.Generator) -> tuple[str, Samples]:
    count = int(rng.integers(num_words[0], num_words[1] + 1))
    text = side(lambda: paragraph(topic, rng, count), test=True)
    return text, at_level(as_float(speak(text, person.voice).samples), -26.0)


def _conversation(plan: Set, people: list[Person], rng: np.random.Generator) -> list[Turn]:
    """Turns until the recording is full; nobody talks over himself."""
    turns: list[Turn] = []
    free = {person.name: 0 for person in people}
    now = SAMPLE_RATE // 2
    last: Person | None = None
    while not turns or now < plan.recording_sec * SAMPLE_RATE:
        others = [person for person in people if person is not last] or people
        last = others[int(rng.integers(len(others)))]
        text, samples = _said(plan.topic, last, plan.words, rng)
        start = max(now, free[last.name])
        turns.append(Turn(last, text, samples, start))
        free[last.name] = start + len(samples) + SAMPLE_RATE // 4
        now = max(0, start + len(samples) + round(rng.uniform(*plan.gap_sec) * SAMPLE_RATE))
    return turns


def _track(turns: Iterable[Turn], num_samples: int) -> Samples:
    whole = np.zeros(num_samples)
    for turn in turns:
        whole[turn.start : turn.end] += turn.samples
    return whole


def _length(turns: list[Turn]) -> int:
    return max(turn.end for turn in turns) + SAMPLE_RATE // 2


def _headset(plan: Set, turns: list[Turn], person: Person, rng: np.random.Generator) -> Samples:
    """What a person's own close microphone hears: a narrow band, the others faintly behind."""
    own = _track((turn for turn in turns if turn.person == person), _length(turns))
    others = _track((turn for turn in turns if turn.person != person), _length(turns))
    leak = band(others, 0, 3000) * 10 ** (_HEADSET_LEAK_DB / 20)
    return add_noise(band(own + leak, 80, 7200), rng.uniform(*plan.snr_db), rng, "pink")


def _room(plan: Set, turns: list[Turn], rng: np.random.Generator) -> Samples:
    """What one microphone hears of everyone, each at a place in one room."""
    place = draw_room(rng, rng.uniform(*plan.rt60_sec))
    microphone = draw_point(rng, place)
    people = {turn.person.name: turn.person for turn in turns}
    heard = np.zeros(_length(turns))
    for name in people:
        response = impulse_response(place, draw_point(rng, place), microphone)
        track = _track((turn for turn in turns if turn.person.name == name), len(heard))
        # The direct sound has gain 1 at any distance: people speak up when they sit far; the room grows louder instead.
        heard += convolve(track, response) * 10 ** (rng.uniform(-4.0, 0.0) / 20)
    return mix(heard, _background(plan, place, len(heard), rng), rng.uniform(*plan.snr_db))


def _background(plan: Set, place: Room, num_samples: int, rng: np.random.Generator) -> Samples:
    """Noise of mean square 1: air conditioning; at dinner also a radio's voices and clattering dishes."""
    hum = coloured_noise(num_samples, rng, "brown")
    if plan.topic != "dinner":
        return hum
    voices = [_said("news", _person("dinner", f"radio{k}", k, rng), (20, 30), rng)[1] for k in range(3)]
    clatter = np.zeros(num_samples)
    for _ in range(num_samples // SAMPLE_RATE):
        start = int(rng.integers(max(1, num_samples - 4000)))
        length = min(int(rng.integers(400, 4000)), num_samples - start)
        ring = np.sin(2 * np.pi * rng.uniform(1500, 6000) * np.arange(length) / SAMPLE_RATE)
        clatter[start : start + length] += ring * np.exp(-np.arange(length) / (length / 5)) * rng.uniform(0.2, 1.0)
    far = impulse_response(place, draw_point(rng, place), draw_point(rng, place))
    clatter = convolve(clatter, far)
    clatter /= np.sqrt(np.mean(clatter**2))
    mixed: Samples = hum + 0.7 * babble(voices, num_samples, rng) + 0.5 * clatter
    return np.divide(mixed, float(np.sqrt(np.mean(mixed**2))))


def _written(prefix: str, name: str, samples: Samples, turns: list[Turn], out: Path) -> Rows:
    """Writes one long recording; its lines, and those of its segments, of the manifests."""
    recordings = [write_recording(prefix, name, samples, out)]
    supervisions = [
        _supervision(prefix, f"{turn.person.name}-{number:03d}", name, turn.text, turn.person, turn.start, turn.end)
        for number, turn in enumerate(sorted(turns, key=lambda turn: turn.start))
    ]
    return {"recordings": recordings, "supervisions": supervisions}


def _clips(plan: Set, person: Person, rng: np.random.Generator, out: Path) -> Rows:
    """Writes one person's short recordings, each a file of its own; their lines of the manifests."""
    rows: Rows = {"recordings": [], "supervisions": []}
    seconds, number = plan.recording_sec, 0
    while seconds > 0:
        topic = plan.topic if number % 2 else TOPICS[int(rng.integers(len(TOPICS)))]
        text, samples = _said(topic, person, plan.words, rng)
        padded = np.pad(samples, [round(rng.uniform(*plan.gap_sec) * SAMPLE_RATE) for _ in range(2)])
        noisy = add_noise(padded, rng.uniform(*plan.snr_db), rng, "pink")
        thin = low_bit_rate(band(noisy, 60, 6500), rng.uniform(24.0, 48.0))
        clip = f"{person.name}-{number:03d}"
        rows["recordings"].append(write_recording("accented", clip, thin, out))
        rows["supervisions"].append(_supervision("accented", clip, clip, text, person, 0, len(thin)))
        seconds -= len(thin) / SAMPLE_RATE
        number += 1
    return rows


def _supervision(
    prefix: str, utt: str, recording: str, text: str, person: Person, start: int, end: int
) -> dict[str, Any]:
    return {
        "id": utt,
        "recording_id": recording,
        "start": start / SAMPLE_RATE,
        "duration": (end - start) / SAMPLE_RATE,
        "channel": 0,
        "text": normalise(text),
        "language": "English",
        "speaker": person.name,
        "gender": person.gender.lower(),
        "custom": {"accent": person.dialect.accent, "loc": person.dialect.loc, "condition": prefix},
    }
