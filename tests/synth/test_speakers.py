from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.synth import espeak
from masr.synth.seeding import generator_of
from masr.synth.speakers import FEMALE, GENDERS, MALE, SPLITS, Dialect, cast, draw

TOWNS = [Dialect("en-us", "a", 1.0, -2.0), Dialect("en", "b", 3.5, 4.25), Dialect("en-029", "c", 0.0, 0.0)]


def voices(split: str) -> list[str]:
    return [voice for pool in (FEMALE, MALE) for family in pool[split] for voice in family]


def test_no_variant_belongs_to_two_splits_or_two_families() -> None:
    every = [voice for split in SPLITS for voice in voices(split)]
    assert len(every) == len(set(every))
    assert set(every) <= set(espeak.variants())


def test_numbered_variants_stay_with_their_family() -> None:
    family_of = {v: family for pool in (FEMALE, MALE) for s in SPLITS for family in pool[s] for v in family}
    for one, other in itertools.combinations(family_of, 2):
        if one.rstrip("0123456789") == other.rstrip("0123456789") and not one.startswith(("m", "f")):
            assert family_of[one] == family_of[other], (one, other)


def test_genders_are_those_of_the_voice_files() -> None:
    """Where a file says one; most men's files do not."""
    for voice in espeak.variants():
        lines = (espeak._data() / "voices" / "!v" / voice).read_text(errors="replace").splitlines()
        said = [line.split()[1].lower() for line in lines if line.startswith("gender")]
        for pool, gender in ((FEMALE, "female"), (MALE, "male")):
            if said and any(voice in family for split in SPLITS for family in pool[split]):
                assert said == [gender], voice


@given(st.integers(0, 5), st.integers(1, 30))
def test_splits_share_no_voice(seed: int, count: int) -> None:
    used = [{s.voice.variant for s in cast("xx", split, TOWNS, count, seed)} for split in SPLITS]
    for one, other in itertools.combinations(used, 2):
        assert not one & other


def test_more_speakers_begin_with_the_same_ones() -> None:
    assert cast("xx", "train", TOWNS, 30, 7)[:9] == cast("xx", "train", TOWNS, 9, 7)
    assert cast("xx", "train", TOWNS, 9, 7) != cast("xx", "train", TOWNS, 9, 8)


@pytest.mark.parametrize("num_towns", [1, 2, 3])
def test_every_dialect_has_both_genders(num_towns: int) -> None:
    crowd = cast("xx", "test", TOWNS[:num_towns], 2 * num_towns, 0)
    assert {(s.dialect, s.gender) for s in crowd} == set(itertools.product(TOWNS[:num_towns], GENDERS))
    assert len({s.name for s in crowd}) == len(crowd)
    for speaker in crowd:
        pool = FEMALE if speaker.gender == "FEMALE" else MALE
        assert any(speaker.voice.variant in family for family in pool["test"])
        assert speaker.voice.language == speaker.dialect.voice


def test_a_speaker_may_come_from_every_split() -> None:
    drawn = {draw("x", "MALE", TOWNS[0], SPLITS, generator_of(n)).voice.variant for n in range(300)}
    assert all(drawn & set(voices(split)) for split in SPLITS)


def test_a_place_is_written_in_degrees() -> None:
    assert [town.loc for town in TOWNS] == ["1.00 -2.00", "3.50 4.25", "0.00 0.00"]


def test_every_voice_speaks() -> None:
    for variant in itertools.chain.from_iterable(map(voices, SPLITS)):
        speech = espeak.speak("7", espeak.Voice("en-us", variant))
        assert abs(speech.samples.astype(int)).max() > 1000, variant
