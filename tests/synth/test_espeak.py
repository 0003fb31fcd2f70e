from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import UsageError
from masr.synth.espeak import SAMPLE_RATE, Voice, languages, speak, variants

CASES = [
    ("12, 7.", Voice("hi", "m2")),
    ("hello world", Voice("en-us", "klatt3", 30, 70, 190)),
    ("9", Voice("vi", "f1")),
]

PROBE = """
import sys, hashlib
from masr.synth.espeak import Voice, speak
for text, voice in reversed({cases!r}):
    print(hashlib.sha256(speak(text, voice).samples.tobytes()).hexdigest())
"""


def test_the_same_words_sound_the_same_in_another_process_and_order() -> None:
    import hashlib

    here = [hashlib.sha256(speak(text, voice).samples.tobytes()).hexdigest() for text, voice in CASES]
    code = PROBE.format(cases=CASES)
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.split() == here[::-1]


def test_speaking_leaves_no_trace() -> None:
    """Every variant, one after the other, twice: what came before does not matter."""
    first = [speak("457", Voice("en", variant)).samples for variant in variants()]
    second = [speak("457", Voice("en", variant)).samples for variant in reversed(variants())]
    for variant, one, two in zip(variants(), first, reversed(second), strict=True):
        assert np.array_equal(one, two), variant


def test_phones_and_words_have_their_times() -> None:
    speech = speak("one two three", Voice("en-us"))
    duration_sec = len(speech.samples) / SAMPLE_RATE
    assert [word.label for word in speech.words] == ["one", "two", "three"]
    assert "".join(p.label for p in speech.phones).replace("ˈ", "") == "wʌntuːθɹiː"
    for spans in (speech.phones, speech.words):
        for before, after in itertools.pairwise(spans):
            assert before.end_sec == pytest.approx(after.start_sec, abs=1e-6)
        assert all(0 <= span.start_sec < span.end_sec <= duration_sec + 1e-3 for span in spans)


def test_a_slower_voice_takes_longer_and_a_higher_one_is_another() -> None:
    slow, fast = (speak("4711", Voice("de", words_per_min=wpm)).samples for wpm in (120, 240))
    assert len(slow) > 1.5 * len(fast)
    low, high = (speak("4711", Voice("de", pitch=pitch)).samples for pitch in (20, 80))
    assert not np.array_equal(low, high)


def test_samples_are_mono_int16_at_16_khz() -> None:
    samples = speak("7", Voice("sw")).samples
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    assert SAMPLE_RATE == 16000
    assert 0.2 * SAMPLE_RATE < len(samples) < 3 * SAMPLE_RATE


@pytest.mark.parametrize(
    ("voice", "near"),
    [(Voice("en-usa"), "en-us"), (Voice("en", "klat"), "klatt"), (Voice("no"), "")],
)
def test_an_unknown_voice_names_the_near_ones(voice: Voice, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        speak("1", voice)
    assert near in caught.value.fix


def test_what_nobody_can_say_is_refused() -> None:
    with pytest.raises(UsageError, match="spoke nothing"):
        speak("", Voice("en"))


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    """It speaks, or it says that it cannot; and the next request is served."""
    with contextlib.suppress(UsageError):
        speak(text, Voice("en"))
    assert len(speak("1", Voice("en")).samples)


def test_languages_and_variants_are_names() -> None:
    assert {"hr", "bs", "sr", "pt-br", "cmn", "yue", "vi-vn-x-south"} <= set(languages())
    assert {"m1", "f1", "klatt4", "Mr serious"} <= set(variants())
    assert "whisper" not in variants(), "breathy voices are noise that no seed controls"


def test_resampling_adds_no_noise_of_its_own() -> None:
    """This voice is one where rounding inside soxr, with its dither, gave other samples in every second call."""
    voice = Voice("hr", "f4", pitch=42, pitch_range=42, words_per_min=187)
    assert len({speak("73, 1947.", voice).samples.tobytes() for _ in range(30)}) == 1
