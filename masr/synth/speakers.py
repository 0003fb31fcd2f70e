"""Speakers: a voice variant of eSpeak NG, used at a pitch, a liveliness and a pace of the speaker's own.

Variants that sound alike form one family, and every family belongs to one split; so no speaker of a split can be
mistaken for one of another, whatever the number of speakers and the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from masr.synth.espeak import Voice
from masr.synth.seeding import generator_of

SPLITS = ("train", "dev", "test")
GENDERS = ("MALE", "FEMALE")

FEMALE: dict[str, tuple[tuple[str, ...], ...]] = {
    "train": (("Andrea",), ("aunty", "belinda", "f4", "linda"), ("anika",), ("steph", "steph2", "steph3")),
    "dev": (("f1",), ("shelby",)),
    "test": (("Annie",), ("grandma",)),
}
"""Split -> families of women's voices."""

MALE: dict[str, tuple[tuple[str, ...], ...]] = {
    "train": (
        ("Alex",),
        ("Andy", "AnxiousAndy"),
        ("Diogo", "Henrique", "Hugo", "michel", "miguel"),
        ("Jacky", "gustave", "marcelo"),
        ("Mario", "Michael"),
        ("Mr serious", "Tweaky", "john"),
        ("adam", "benjamin", "edward", "edward2"),
        ("antonio",),
        ("boris",),
        ("iven", "iven2", "iven3", "iven4"),
        ("klatt", "klatt2", "klatt3", "klatt4", "klatt5", "klatt6"),
        ("m1",),
        ("m2",),
        ("m5",),
        ("m7",),
        ("quincy", "rob", "robert"),
        ("travis",),
    ),
    "dev": (("Denis",), ("Lee",), ("david",), ("ian",), ("m3",), ("norbert",)),
    "test": (("Gene", "Gene2"), ("Marco",), ("Nguyen",), ("ed",), ("m4",), ("m6",), ("m8",), ("pablo", "pedro")),
}
"""Split -> families of men's voices. Robots, croaks and children are left out."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A voice of eSpeak NG and the place where people speak like that."""

    voice: str
    """eSpeak's code."""
    accent: str
    """Name of the dialect, for the metadata."""
    latitude: float
    longitude: float

    @property
    def loc(self) -> str:
        """The place as utt2loc holds it, in decimal degrees."""
        return f"{self.latitude:.2f} {self.longitude:.2f}"


@dataclass(frozen=True, slots=True)
class Speaker:
    """One person, and how the person speaks."""

    name: str
    gender: str
    """MALE or FEMALE, as FLEURS writes it."""
    dialect: Dialect
    voice: Voice


def cast(prefix: str, split: str, dialects: Sequence[Dialect], count: int, seed: int) -> list[Speaker]:
    """`count` speakers of one split, named `<prefix>_<split><number>`; dialects and genders take turns.

    The first n of them do not depend on `count`.
    """
    return [_member(prefix, split, dialects, number, seed) for number in range(count)]


def _member(prefix: str, split: str, dialects: Sequence[Dialect], number: int, seed: int) -> Speaker:
    turn, place = divmod(number, len(dialects))
    gender = GENDERS[(turn + place) % 2]
    rng = generator_of(seed, "speaker", prefix, split, number)
    return draw(f"{prefix}_{split}{number:04d}", gender, dialects[place], (split,), rng)


def draw(name: str, gender: str, dialect: Dialect, splits: Sequence[str], rng: np.random.Generator) -> Speaker:
    """A speaker with a voice of the families that belong to `splits`."""
    pools = FEMALE if gender == "FEMALE" else MALE
    families = [family for split in splits for family in pools[split]]
    family = families[int(rng.integers(len(families)))]
    voice = Voice(
        language=dialect.voice,
        variant=family[int(rng.integers(len(family)))],
        pitch=int(rng.integers(30, 71)),
        pitch_range=int(rng.integers(30, 76)),
        words_per_min=int(rng.integers(145, 196)),
    )
    return Speaker(name, gender, dialect, voice)
