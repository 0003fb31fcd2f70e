"""Pangloss's layout, spoken by eSpeak NG: recordings that differ in one thing at a time.

    <name>.wav, <name>.xml      sound, and its annotation in the collection's XML
    metadata.tsv                file, series, condition, speaker, genre, content

- conditions: one tale, told seven times by one speaker, each time under another recording condition
- styles: one singer's narrative and song styles, and a chant half-way between
- elicitation: word lists asked of several speakers, some with the same words

The language is Mandarin, from pinyin: it stands in for the tone languages of the real series. A corpus longer than
MINUTES holds further sets of the three series, by other speakers with other texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from masr.config import option, seed_option
from masr.io.atomic import atomic_write
from masr.maths.room_impulse import draw_point, draw_room, room
from masr.synth import mandarin
from masr.synth.acoustics import add_noise, as_float, at_level, band, low_bit_rate, tape, telephone
from masr.synth.audio_out import write_wav
from masr.synth.espeak import SAMPLE_RATE, Speech, Voice, speak
from masr.synth.mandarin import WORD_LISTS, Sentence
from masr.synth.recording import Samples, to_int16
from masr.synth.seeding import generator_of
from masr.synth.song import Style, sing

LANGUAGE, VOICE = "cmn", "cmn-latn-pinyin"
CONDITIONS = ("clean", "small_room", "large_room", "telephone", "noise", "low_bit_rate", "tape")
STYLES = ("narrative", "chant", "love_song", "work_song", "lament")
LISTS = ("animals", "animals", "body", "body", "house", "animals")
"""What each speaker of the elicitation is asked for: some pairs share it, some do not."""
SECONDS = {"conditions": 200.0, "styles": 190.0, "elicitation": 115.0}
"""Series -> length of a recording, which has about 9, or 5, snippets of 20 s."""
MINUTES = (
    len(CONDITIONS) * SECONDS["conditions"] + len(STYLES) * SECONDS["styles"] + len(LISTS) * SECONDS["elicitation"]
) / 60
"""One set of the three series."""

_PENTATONIC = (0, 2, 4, 7, 9, 12)
_SUNG = {
    "chant": Style(0.45, (1.0, 1.0, 1.5), (0, 2, 3, 5), 125.0, 0.15, amount=0.5),
    "love_song": Style(0.8, (1.0, 1.0, 2.0), _PENTATONIC, 165.0, 0.6),
    "work_song": Style(0.4, (1.0, 0.5, 1.0, 1.5), (0, 3, 5, 7), 110.0, 0.1, glide_sec=0.02),
    "lament": Style(1.2, (1.0, 2.0), (0, 1, 3, 5, 7), 140.0, 0.9, glide_sec=0.25),
}


@dataclass(frozen=True)
class Config:
    """How much is recorded. The defaults are `mini`."""

    hours: float = option(round(MINUTES / 60, 2), "speech over all recordings, to about 10 %")
    seed: int = seed_option("another seed gives other speakers, texts, melodies and noise")

    def __post_init__(self) -> None:
        """Refuses what cannot be spoken."""
        if not self.hours > 0:
            raise ValueError("hours: must be above 0")


def build(config: Config) -> Pangloss:
    """The corpus as jobs."""
    return Pangloss(config)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: what is in it, and how it was made."""

    name: str
    series: str
    condition: str
    speaker: str
    genre: str
    content: str

    @property
    def row(self) -> str:
        """The recording's line of metadata.tsv."""
        return "\t".join((self.name, self.series, self.condition, self.speaker, self.genre, self.content)) + "\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or a word, in samples."""

    sentence: Sentence
    start: int
    end: int


@dataclass(frozen=True)
class Pangloss:
    """Jobs are the recordings' names."""

    config: Config

    @property
    def num_sets(self) -> int:
        """How often the three series are made."""
        return max(1, round(self.config.hours * 60 / MINUTES))

    def recordings(self) -> list[Recording]:
        """All recordings, in the order of metadata.tsv."""
        return [recording for number in range(1, self.num_sets + 1) for recording in _set_of(number)]

    def jobs(self) -> list[str]:
        """The names of all jobs, one for each recording."""
        return [recording.name for recording in self.recordings()]

    def make(self, job: str, out: Path) -> None:
        """Writes sound and annotation of one recording."""
        recording = next(recording for recording in self.recordings() if recording.name == job)
        number = recording.name.rpartition("_")[2]
        kind = recording.series.partition("_")[0]
        seconds = SECONDS[kind] * self.config.hours * 60 / (MINUTES * self.num_sets)
        rng = generator_of(self.config.seed, "pangloss", recording.name)
        make = {"conditions": self._told, "styles": self._sung, "elicitation": self._elicited}[kind]
        samples, segments = make(recording, number, seconds, rng)
        write_wav(out / f"{job}.wav", to_int16(at_level(samples, -24.0)))
        root = "WORDLIST" if kind == "elicitation" else "TEXT"
        atomic_write(out / f"{job}.xml", annotation(root, recording, segments))

    def finish(self, out: Path) -> None:
        """Writes metadata.tsv."""
        rows = "".join(recording.row for recording in self.recordings())
        atomic_write(out / "metadata.tsv", "file\tseries\tcondition\tspeaker\tgenre\tcontent\n" + rows)

    def _generator(self, *key: str) -> np.random.Generator:
        return generator_of(self.config.seed, "pangloss", *key)

    def _told(
        self, recording: Recording, number: str, seconds: float, rng: np.random.Generator
    ) -> tuple[Samples, list[Segment]]:
        """The tale, told a little otherwise and at another pace each time."""
        base = _voice("conditions", number, self.config.seed)
        pace = base.words_per_min + int(rng.integers(-8, 9))
        voice = Voice(base.language, base.variant, base.pitch + int(rng.integers(-3, 4)), base.pitch_range, pace)
        tale = mandarin.tale(200 + round(seconds), self._generator("tale", number))
        spoken = _spoken(mandarin.retold(tale, rng), voice, seconds, (0.3, 1.0), rng, _plain)
        return under(recording.condition, spoken[0], rng), spoken[1]

    def _sung(
        self, recording: Recording, number: str, seconds: float, rng: np.random.Generator
    ) -> tuple[Samples, list[Segment]]:
        """A recording of the styles by one singer in one room at one microphone: only the style differs."""
        voice = _voice("styles", number, self.config.seed)
        style = _SUNG.get(recording.genre)
        num_lines = 200 + round(seconds)
        lines = mandarin.song(num_lines, rng) if style and style.amount == 1 else mandarin.tale(num_lines, rng)
        perform: Perform = _plain if style is None else lambda speech, line_rng: sing(speech, style, line_rng)
        samples, segments = _spoken(lines, voice, seconds, (0.3, 1.0), rng, perform)
        session = self._generator("session", number)
        place = draw_room(session, 0.3)
        heard = room(samples, place, draw_point(session, place), draw_point(session, place))
        return add_noise(heard, 30.0, rng), segments

    def _elicited(
        self, recording: Recording, number: str, seconds: float, rng: np.random.Generator
    ) -> tuple[Samples, list[Segment]]:
        """A word list: every word twice, then the list once more."""
        voice = _voice(recording.speaker, number, self.config.seed)
        words = [word for word in WORD_LISTS[recording.content] for _ in range(2)]
        repeated = words * (1 + round(seconds / 20))
        samples, segments = _spoken(repeated, voice, seconds, (0.5, 1.1), rng, _plain)
        return add_noise(samples, rng.uniform(24.0, 34.0), rng), segments


Perform = Callable[[Speech, np.random.Generator], Samples]


def under(condition: str, samples: Samples, rng: np.random.Generator) -> Samples:
    """Speech as it sounds when it is recorded under one of `CONDITIONS`."""
    if condition in ("small_room", "large_room"):
        small = condition == "small_room"
        place = draw_room(rng, 0.35 if small else 0.9, small)
        samples = room(samples, place, draw_point(rng, place), draw_point(rng, place))
        return add_noise(samples, 32.0 if small else 26.0, rng)
    if condition == "telephone":
        return telephone(add_noise(samples, 32.0, rng))
    if condition == "noise":
        return add_noise(samples, 10.0, rng, "brown")
    if condition == "low_bit_rate":
        return low_bit_rate(band(add_noise(samples, 35.0, rng), 60, 5500), 10.0)
    if condition == "tape":
        return tape(samples, rng)
    return add_noise(samples, 40.0, rng)


def annotation(root: str, recording: Recording, segments: list[Segment]) -> str:
    """The XML of a TEXT with S(entences), or a WORDLIST with W(ords)."""
    unit = "W" if root == "WORDLIST" else "S"
    title = f"{recording.genre}, {recording.condition}, {recording.speaker} (embedded: spoken by eSpeak NG)"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<{root} id={quoteattr(recording.name)} xml:lang="{LANGUAGE}">',
        "  <HEADER>",
        f'    <TITLE xml:lang="en">{escape(title)}</TITLE>',
        f"    <SOUNDFILE href={quoteattr(recording.name + '.wav')}/>",
        "  </HEADER>",
    ]
    for number, segment in enumerate(segments, start=1):
        start, end = (f"{place / SAMPLE_RATE:.4f}" for place in (segment.start, segment.end))
        lines += [
            f'  <{unit} id="{unit}{number:04d}">',
            f'    <AUDIO start="{start}" end="{end}"/>',
            f'    <FORM kindOf="phono">{escape(segment.sentence.pinyin)}</FORM>',
            f'    <TRANSL xml:lang="en">{escape(segment.sentence.english)}</TRANSL>',
            f"  </{unit}>",
        ]
    return "\n".join([*lines, f"</{root}>"]) + "\n"


def _set_of(number: int) -> list[Recording]:
    """The 18 recordings of one set; the first set's series have no number."""
    suffix = "" if number == 1 else f"_{number}"
    tag = f"{number:03d}"
    told = [
        Recording(f"tale_{c}_{tag}", f"conditions{suffix}", c, f"teller{tag}", "narrative", f"tale{tag}")
        for c in CONDITIONS
    ]
    sung = [Recording(f"style_{s}_{tag}", f"styles{suffix}", "studio", f"singer{tag}", s, s) for s in STYLES]
    asked = [
        Recording(f"list_{p}_{w}_{tag}", f"elicitation{suffix}", "booth", f"informant{tag}{p}", "elicitation", w)
        for p, w in zip("abcdef", LISTS, strict=True)
    ]
    return told + sung + asked


_VARIANTS = ("m1", "f4", "m7", "Andrea", "m3", "belinda", "adam", "f1", "Alex", "linda", "m4", "shelby")


def _voice(who: str, number: str, seed: int) -> Voice:
    """A speaker of one set; those of one series have different variants."""
    rng = generator_of(seed, "pangloss", "voice", who, number)
    place = ord(who[-1]) if who.startswith("informant") else len(who)
    if who == "styles":
        # The singer's pitch range must leave room for the songs.
        return Voice(VOICE, ("m3", "m1", "m7")[int(rng.integers(3))], 45, 60, 140)
    variant = _VARIANTS[(place + int(number)) % len(_VARIANTS)]
    return Voice(VOICE, variant, int(rng.integers(35, 66)), int(rng.integers(40, 71)), int(rng.integers(125, 156)))


def _plain(speech: Speech, rng: np.random.Generator) -> Samples:  # noqa: ARG001 (as every `Perform`)
    return as_float(speech.samples)


def _spoken(
    lines: list[Sentence],
    voice: Voice,
    seconds: float,
    gap_sec: tuple[float, float],
    rng: np.random.Generator,
    perform: Perform,
) -> tuple[Samples, list[Segment]]:
    """Samples and segments of lines that are spoken one after another until the time is full."""
    pieces = [np.zeros(SAMPLE_RATE // 2)]
    segments: list[Segment] = []
    now = len(pieces[0])
    for line in lines:
        if segments and now >= seconds * SAMPLE_RATE:
            break
        samples = at_level(perform(speak(line.pinyin, voice), rng), -24.0)
        pause = np.zeros(round(rng.uniform(*gap_sec) * SAMPLE_RATE))
        segments.append(Segment(line, now, now + len(samples)))
        pieces += [samples, pause]
        now += len(samples) + len(pause)
    return np.concatenate(pieces), segments
