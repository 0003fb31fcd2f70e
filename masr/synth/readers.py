"""Who reads the embedded LibriSpeech: accents of English, voice variants, pitch and pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from masr.synth.english_words import NAMES, PLACES
from masr.synth.espeak import Voice
from masr.synth.seeding import generator_of
from masr.synth.speakers import FEMALE, MALE, Dialect

NEAR = (
    Dialect("en-us", "american", 39.83, -98.58),
    Dialect("en-us-nyc", "new_york", 40.71, -74.01),
    Dialect("en-gb-x-rp", "received", 51.51, -0.13),
    Dialect("en", "british", 52.36, -1.17),
)
FAR = (
    Dialect("en-gb-scotland", "scottish", 55.95, -3.19),
    Dialect("en-gb-x-gbclan", "lancastrian", 53.76, -2.70),
    Dialect("en-gb-x-gbcwmd", "west_midlands", 52.48, -1.90),
    Dialect("en-029", "caribbean", 18.11, -77.30),
)
"""What the recordings called `other` are read in."""


@dataclass(frozen=True, slots=True)
class Split:
    """How one part of the corpus is read."""

    share: float
    """Its share of the hours of all parts."""
    min_readers: int
    families: str
    """Whose voices: a key of `speakers.FEMALE` and `MALE`."""
    half: int | None
    """Every second family of them, from this one on; None for all."""
    dialects: tuple[Dialect, ...]
    words_per_min: tuple[int, int]
    snr_db: tuple[float, float]
    held_out: bool
    """Whether its sentences are kept out of training."""


SPLITS = {
    "train-clean-100": Split(0.56, 24, "train", None, NEAR * 3 + FAR, (135, 195), (22.0, 45.0), False),
    "dev-clean": Split(0.045, 4, "dev", 0, NEAR, (135, 195), (22.0, 45.0), True),
    "dev-other": Split(0.045, 4, "dev", 1, FAR, (175, 230), (8.0, 20.0), True),
    "test-clean": Split(0.06, 6, "test", 0, NEAR, (135, 195), (22.0, 45.0), True),
    "test-other": Split(0.06, 6, "test", 1, FAR, (175, 230), (8.0, 20.0), True),
}
MINUTES_PER_READER = 25.0
"""Minutes of each reader, as in the real corpus; small ones have `min_readers` who read less."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One person, in one split only."""

    number: int
    """The reader's id."""
    name: str
    sex: str
    """The reader's sex, F or M."""
    split: str
    dialect: Dialect
    voice: Voice


def num_readers(split: str, hours: float) -> int:
    """Readers of a split when all parts have so many hours; each has something to read, even in a corpus of minutes."""
    plan = SPLITS[split]
    minutes = hours * plan.share * 60
    return max(min(plan.min_readers, max(2, round(minutes * 3))), round(minutes / MINUTES_PER_READER))


def reader(split: str, index: int, seed: int) -> Reader:
    """The index-th reader of a split; does not depend on how many there are."""
    plan = SPLITS[split]
    rng = generator_of(seed, "reader", split, index)
    dialect = plan.dialects[index % len(plan.dialects)]
    sex = "FM"[(index + index // len(plan.dialects)) % 2]
    voice = Voice(
        language=dialect.voice,
        variant=_variant(plan, sex, index, int(rng.integers(1 << 30))),
        pitch=int(rng.integers(25, 76)),
        pitch_range=int(rng.integers(30, 81)),
        words_per_min=int(rng.integers(*plan.words_per_min)),
    )
    names = [n.capitalize() for n in NAMES["FM".index(sex) :: 2]]
    surnames = [p.capitalize() for p in PLACES]
    name = f"{names[int(rng.integers(len(names)))]} {surnames[int(rng.integers(len(surnames)))]} {index + 1}"
    # Ids of all splits lie mixed, as in the real corpus, and never meet.
    number = 11 + len(SPLITS) * index + list(SPLITS).index(split)
    return Reader(number, name, sex, split, dialect, voice)


def _variant(plan: Split, sex: str, index: int, draw: int) -> str:
    families: Sequence[Sequence[str]] = (FEMALE if sex == "F" else MALE)[plan.families]
    if plan.half is not None:
        families = families[plan.half :: 2]
    family = families[index % len(families)]
    return family[draw % len(family)]
