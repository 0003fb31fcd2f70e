"""eSpeak NG as a function: text and a voice in, 16 kHz samples with exact phone and word times out.

The PyPI wheel carries library and voices, so nothing is installed and nothing is fetched. The same text and voice
give the same samples in every process and in every order: `espeak_process` says how.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from masr.errors import MissingPackageError, UsageError, near
from masr.types import Int16Array, Span

SAMPLE_RATE = 16000


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: eSpeak's language voice, one of its voice variants, and how the speaker uses it."""

    language: str
    """eSpeak's own code: hr, en-gb-scotland, pt-br, ..."""
    variant: str = ""
    """A file of voices/!v: m3, f2, Andy, ...; empty for the language's own voice."""
    pitch: int = 50
    """How high the voice is, 0 to 100."""
    pitch_range: int = 50
    """How far the pitch moves, 0 (monotone) to 100."""
    words_per_min: int = 160
    """How fast the voice speaks, 80 to 450 words a minute."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What was spoken."""

    samples: Int16Array
    """Mono samples at 16 kHz."""
    phones: tuple[Span, ...]
    """The phones in IPA, with stress marks; a pause is an empty label."""
    words: tuple[Span, ...]
    """The text's own words."""


def speak(text: str, voice: Voice) -> Speech:
    """`text`, spoken in `voice`."""
    name = voice.language + (f"+{voice.variant}" if voice.variant else "")
    if voice.variant and voice.variant not in variants():
        raise UsageError(f"no voice variant {voice.variant!r}", fix=near(voice.variant, variants()))
    request = {
        "text": text,
        "voice": name,
        "pitch": voice.pitch,
        "pitch_range": voice.pitch_range,
        "words_per_min": voice.words_per_min,
    }
    header, raw = _ask(request)
    if header.get("error") == "voice":
        raise UsageError(f"eSpeak NG has no voice {name!r}", fix=near(voice.language, languages()))
    if "error" in header or not raw or not any(label for _, label in header["phones"]):
        raise UsageError(f"eSpeak NG spoke nothing for {text!r} in {name!r}")
    rate = header["rate"]
    samples = np.frombuffer(raw, dtype=np.int16)
    duration_sec = len(samples) / rate
    phones = [(start, label) for start, label in header["phones"]]
    words = [(start, text[position : position + length]) for start, position, length in header["words"]]
    return Speech(_resample(samples, rate), _spans(phones, rate, duration_sec), _spans(words, rate, duration_sec))


@cache
def languages() -> tuple[str, ...]:
    """The codes that `Voice.language` takes: the names of eSpeak's own voice files."""
    return tuple(sorted(p.name.lower() for p in (_data() / "lang").rglob("*") if p.is_file()))


@cache
def variants() -> tuple[str, ...]:
    """The names that `Voice.variant` takes; breathy ones are left out, for their noise is seeded by the clock."""
    files = (_data() / "voices" / "!v").iterdir()
    return tuple(sorted(p.name for p in files if b"\nbreath" not in p.read_bytes()))


def _loader() -> Any:
    try:
        import espeakng_loader
    except ImportError:
        raise MissingPackageError(
            "eSpeak NG is not installed",
            why="the embedded corpora are spoken by it",
            fix="pip install espeakng-loader",
        ) from None
    return espeakng_loader


def _data() -> Path:
    return Path(_loader().get_data_path())


@cache
def _process() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to and from this process's own eSpeak NG."""
    script = Path(__file__).with_name("espeak_process.py")
    command = [sys.executable, "-I", "-S", str(script), str(_loader().get_library_path()), str(_data())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    assert process.stdin is not None
    assert process.stdout is not None
    first = process.stdout.readline()
    if not first or json.loads(first)["rate"] <= 0:
        raise MissingPackageError(
            f"eSpeak NG found no voices in {_data()}", fix="pip install --force-reinstall espeakng-loader"
        )
    return process.stdin, process.stdout


def _ask(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    requests, answers = _process()
    requests.write(json.dumps(request).encode() + b"\n")
    requests.flush()
    header: dict[str, Any] = json.loads(answers.readline())
    return header, answers.read(header.get("bytes", 0))


def _spans(starts: list[tuple[int, str]], rate: int, duration_sec: float) -> tuple[Span, ...]:
    if not starts:
        return ()
    ends = [sample / rate for sample, _ in starts[1:]] + [duration_sec]
    return tuple(
        Span(label, sample / rate, end)
        for (sample, label), end in zip(starts, ends, strict=True)
        if end > sample / rate
    )


def _resample(samples: Int16Array, rate: int) -> Int16Array:
    """Samples at 16 kHz, by way of floats: where soxr itself rounds to int16, it dithers with a seed of the clock."""
    import soxr

    resampled = soxr.resample(samples.astype(np.float32), rate, SAMPLE_RATE)
    rounded: Int16Array = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
    return rounded
