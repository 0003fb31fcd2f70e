"""Dhwani's layout, spoken by eSpeak NG: 15 Indian languages in long recordings, cut as the original pipeline cuts.

`raw_data/<language>/<id>.wav` are whole videos of several speakers, `data_refined/<language>/` what voice activity
detection, the limit on noise and the cutting leave of them, `urls/<language>.txt` the ids. `metadata.tsv` tells
speaker, gender and place of each refined file. The language of a folder is a weak label, as on the web: a few videos
are in another language. `weak_labels.tsv` says which, for analysis; nothing in the recipes reads it. The last videos of
each list are those that `test_videos.txt` names as test: none is in another language or too noisy.
"""

from __future__ import annotations

import shutil
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from masr.config import option, seed_option
from masr.errors import near
from masr.io.atomic import atomic_write
from masr.synth import numbers
from masr.synth.audio_out import SAMPLE_RATE, write_wav
from masr.synth.cutting import MIN_SNR_DB, cut, estimate_snr_db, find_speech, stretch_name
from masr.synth.dhwani_languages import LANGUAGES, Language
from masr.synth.espeak import speak
from masr.synth.microphone import record
from masr.synth.seeding import digest_of, generator_of
from masr.synth.speakers import GENDERS, SPLITS, Speaker, draw
from masr.types import Int16Array

WRONG_SHARE = 0.04
"""Share of videos that are in the list of a related language."""
NOISY_SHARE = 0.15
"""Share of videos that are too noisy for the pipeline: they stay in raw_data and in the lists, and are not refined."""
LONG_SHARE = 0.06
"""Share of turns that are so long that the pipeline cuts them."""
KEPT_SHARE = 0.75
"""Share of a video that is left on average, noisy videos and silences counted; turns hours into videos."""
OVERRUN_SEC = 8.0
"""A video ends with its last turn, on average so much after its time."""
TEST_VIDEOS = 8
"""The most videos of a list that `test_videos.txt` names; a corpus no larger than mini has four in nine."""
VIDEOS_PER_JOB = 6
PARTS = ".parts"
_ID_LETTERS = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True)
class Config:
    """How much is spoken and how clean it is. The defaults are `mini`."""

    hours: float = option(1.8, "refined speech over all languages, to about 10 %")
    seed: int = seed_option("another seed gives other videos")
    languages: tuple[str, ...] = option((), "lists to speak, by their names; empty for all 15")
    video_sec: float = option(24.0, "about how long a video is")
    min_snr_db: float = option(18.0, "noise of the noisiest videos that pass, in dB below the speech")
    max_snr_db: float = option(40.0, "noise of the cleanest")
    colour: float = option(0.2, "how much the channels differ; 0 for none")
    keep_raw: bool = option(True, "write raw_data too, which no later stage reads")

    def __post_init__(self) -> None:
        """Refuses what cannot be spoken."""
        known = [language.name for language in LANGUAGES]
        for name in self.languages:
            if name not in known:
                raise ValueError(f"languages: {name!r} is not spoken here: {near(name, known)}")
        if self.hours <= 0 or self.video_sec < 10:
            raise ValueError("hours must be above 0, and video_sec 10 or more")
        if not MIN_SNR_DB <= self.min_snr_db <= self.max_snr_db:
            raise ValueError(f"min_snr_db: must lie between the pipeline's limit of {MIN_SNR_DB:g} and max_snr_db")


def build(config: Config) -> Dhwani:
    """The corpus as jobs."""
    return Dhwani(config)


@dataclass(frozen=True, slots=True)
class Video:
    """One recording before it is spoken."""

    id: str
    listed: str
    """The list and folder it is in."""
    spoken: Language
    """The language that is spoken in it."""
    snr_db: float
    length_sec: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A speaker's stretch of a video, in samples."""

    speaker: Speaker
    start: int
    end: int


@dataclass(frozen=True)
class Dhwani:
    """Jobs `<language>.<number>`."""

    config: Config

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """The languages of the config, in the table's order."""
        wanted = self.config.languages
        return tuple(language for language in LANGUAGES if not wanted or language.name in wanted)

    @cached_property
    def num_test(self) -> int:
        """How many videos of each list `test_videos.txt` names: its last ones."""
        return min(TEST_VIDEOS, self._wanted_videos * 4 // 9)

    @cached_property
    def num_dealt(self) -> int:
        """How many videos of each list go to splits by a hash: at least one to each."""
        return max(3, self._wanted_videos - self.num_test)

    @property
    def num_videos(self) -> int:
        """How many videos are in each list."""
        return self.num_dealt + self.num_test

    @property
    def _wanted_videos(self) -> int:
        kept_sec = KEPT_SHARE * (self.config.video_sec + OVERRUN_SEC)
        return round(self.config.hours * 3600 / kept_sec / len(self.languages))

    def jobs(self) -> list[str]:
        """The names of all jobs: every language, `VIDEOS_PER_JOB` videos at a time."""
        pieces = range(-(-self.num_videos // VIDEOS_PER_JOB))
        return [f"{language.name}.{number:05d}" for language in self.languages for number in pieces]

    def make(self, job: str, out: Path) -> None:
        """Writes some videos of one list, raw and refined, and what the tables say of them."""
        name, number = job.split(".")
        first = int(number) * VIDEOS_PER_JOB
        facts = []
        for index in range(first, min(first + VIDEOS_PER_JOB, self.num_videos)):
            video = self.video(name, index)
            samples, turns = self._recorded(video)
            if self.config.keep_raw:
                write_wav(out / "raw_data" / name / f"{video.id}.wav", samples)
            for file, piece, speaker in _refined(video, samples, turns):
                write_wav(out / "data_refined" / name / f"{file}.wav", piece)
                facts.append(f"{file}\t{speaker.name}\t{speaker.gender.lower()}\t{speaker.dialect.loc}\n")
        atomic_write(out / PARTS / f"{job}.facts", "".join(facts))

    def finish(self, out: Path) -> None:
        """Writes the lists and the two tables."""
        wrong, test = [], []
        for language in self.languages:
            videos = [self.video(language.name, index) for index in range(self.num_videos)]
            atomic_write(out / "urls" / f"{language.name}.txt", "".join(f"{video.id}\n" for video in videos))
            test += [f"{video.id}\n" for video in videos[self.num_dealt :]]
            wrong += [f"{v.id}\t{v.listed}\t{v.spoken.name}\n" for v in videos if v.listed != v.spoken.name]
        facts = [(out / PARTS / f"{job}.facts").read_text() for job in self.jobs()]
        atomic_write(out / "metadata.tsv", "file\tspeaker\tgender\tloc\n" + "".join(facts))
        atomic_write(out / "test_videos.txt", "".join(test))
        atomic_write(out / "weak_labels.tsv", "video\tlisted\tspoken\n" + "".join(wrong))
        shutil.rmtree(out / PARTS)

    def video(self, name: str, index: int) -> Video:
        """The video at one place of a list."""
        rng = generator_of(self.config.seed, "video", name, index)
        language = next(language for language in LANGUAGES if language.name == name)
        checked = index >= self.num_dealt
        if rng.random() < WRONG_SHARE and not checked:
            language = next(other for other in LANGUAGES if other.name == language.relative)
        noisy = rng.random() < NOISY_SHARE and not checked
        snr_db = rng.uniform(0.0, 9.0) if noisy else rng.uniform(self.config.min_snr_db, self.config.max_snr_db)
        length_sec = self.config.video_sec * rng.uniform(0.6, 1.4)
        return Video(_video_id(self.config.seed, name, index), name, language, snr_db, length_sec)

    def _recorded(self, video: Video) -> tuple[Int16Array, list[Turn]]:
        rng = generator_of(self.config.seed, "recording", video.id)
        pieces: list[Int16Array] = [_silence(rng.uniform(0.4, 1.2))]
        turns: list[Turn] = []
        speakers = _speakers(video, rng)
        position, end = len(pieces[0]), int(video.length_sec * SAMPLE_RATE)
        while position < end:
            speaker = speakers[len(turns) % len(speakers)]
            speech = _turn(speaker, rng)
            turns.append(Turn(speaker, position, position + len(speech)))
            pieces += [speech, _silence(rng.uniform(0.6, 1.6))]
            position += len(speech) + len(pieces[-1])
        samples = np.concatenate(pieces)
        return record(samples, rng, video.snr_db, self.config.colour, rng.uniform(-32.0, -20.0)), turns


def _video_id(seed: int, name: str, index: int) -> str:
    """Eleven letters, digits, - and _; it may begin with any of them, as real ones do."""
    number = digest_of(seed, "id", name, index)
    return "".join(_ID_LETTERS[number >> 6 * place & 63] for place in range(11))


def _speakers(video: Video, rng: np.random.Generator) -> list[Speaker]:
    """One to three people of one town, at home in this video alone."""
    dialects = video.spoken.dialects
    dialect = dialects[int(rng.integers(len(dialects)))]
    count = int(rng.integers(1, 4))
    return [draw(f"{video.id}-{n}", GENDERS[int(rng.integers(2))], dialect, SPLITS, rng) for n in range(count)]


def _turn(speaker: Speaker, rng: np.random.Generator) -> Int16Array:
    """Sentences of one speaker; long turns are told without pausing for breath."""
    is_long = rng.random() < LONG_SHARE
    length_sec = rng.uniform(27.0, 42.0) if is_long else rng.uniform(2.0, 9.0)
    pieces: list[Int16Array] = []
    num_samples = 0
    while num_samples < length_sec * SAMPLE_RATE:
        text = numbers.sentence(rng, num_digits=10, min_digits=6)
        text = numbers.words(text) if is_long else text
        spoken = speak(numbers.as_spoken(text, speaker.voice.language), speaker.voice).samples
        pieces += [_trimmed(spoken), _silence(rng.uniform(0.05, 0.15))]
        num_samples += len(pieces[-2]) + len(pieces[-1])
    return np.concatenate(pieces[:-1])


def _trimmed(samples: Int16Array) -> Int16Array:
    """The samples without the silence at both ends."""
    heard = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    return samples[heard[0] : heard[-1] + 1] if len(heard) else samples


def _silence(length_sec: float) -> Int16Array:
    return np.zeros(int(length_sec * SAMPLE_RATE), np.int16)


def _refined(video: Video, samples: Int16Array, turns: list[Turn]) -> Iterator[tuple[str, Int16Array, Speaker]]:
    """What the pipeline keeps of a video: file name, samples, and who speaks most of it."""
    for number, (start, end) in enumerate(find_speech(samples)):
        stretch = samples[start:end]
        if estimate_snr_db(stretch) < MIN_SNR_DB:
            continue
        speaker = max(turns, key=lambda turn: min(end, turn.end) - max(start, turn.start)).speaker
        for file, piece in cut(stretch_name(number, video.id), stretch):
            yield file, piece, speaker
