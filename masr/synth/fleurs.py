"""FLEURS's layout, spoken by eSpeak NG: 42 languages of the seven groups, sentence ids parallel across languages.

`data/<code>/{train,dev,test}.tsv`, `data/<code>/audio/{train,dev,test}.tar.gz`, as in the distribution 2.0.0, and a
`metadata.tsv` with what the real one does not tell: speaker, place, accent, group, and in `medium` the family of the
language and the recording condition. The splits share neither sentences
nor speakers. Each job makes some utterances of one language's split, so that memory does not grow with the corpus.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from masr.config import option, seed_option
from masr.errors import near
from masr.io.atomic import atomic_path, atomic_write
from masr.synth import fleurs_sizes, numbers
from masr.synth.audio_out import join_pieces, tar_piece, wav_bytes
from masr.synth.conditions import condition_of, record_in
from masr.synth.espeak import speak
from masr.synth.fleurs_languages import LANGUAGES, Language
from masr.synth.fleurs_sizes import Size
from masr.synth.microphone import record
from masr.synth.seeding import digest_of, generator_of
from masr.synth.speakers import SPLITS, Speaker, cast
from masr.types import Int16Array

SIZES = {"medium": ("size=medium", "hours=5.1")}
"""What `masr corpus` builds beside mini and large: changes to the defaults of `Config`."""
UTTS_PER_SPEAKER = 40
"""Utterances of each speaker of a large corpus; a small one has `min_speakers` of its size, with fewer each."""
UTTS_PER_JOB = 500
PARTS = ".parts"


@dataclass(frozen=True)
class Config:
    """How much is spoken, by whom, and how clean it is. The defaults are `mini`."""

    hours: float = option(1.54, "speech over all languages and splits, to about 10 %")
    size: Literal["mini", "medium"] = option("mini", "digits alone, or words too, in four recording conditions")
    seed: int = seed_option("another seed gives other sentences, speakers and noise")
    languages: tuple[str, ...] = option((), "FLEURS codes to speak; empty for all 42")
    min_snr_db: float = option(15.0, "mini: noise of the noisiest recordings, in dB below the speech")
    max_snr_db: float = option(40.0, "mini: noise of the cleanest")
    colour: float = option(0.15, "how much the channels differ; 0 for none")

    def __post_init__(self) -> None:
        """Refuses what cannot be spoken."""
        known = [language.code for language in LANGUAGES]
        for code in self.languages:
            if code not in known:
                raise ValueError(f"languages: {code!r} is not spoken here: {near(code, known)}")
        if self.hours <= 0:
            raise ValueError("hours: must be above 0")
        if self.min_snr_db > self.max_snr_db:
            raise ValueError("min_snr_db: is above max_snr_db")
        if self.size != "mini" and (self.min_snr_db, self.max_snr_db) != (15.0, 40.0):
            raise ValueError(
                f"min_snr_db, max_snr_db: in {self.size} the recording condition says how much noise there is"
            )


def build(config: Config) -> Fleurs:
    """The corpus as jobs."""
    return Fleurs(config)


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance before it is spoken."""

    file: str
    sentence: int
    text: str
    speaker: Speaker
    condition: str
    """One of `CONDITIONS`; empty in mini."""


@dataclass(frozen=True)
class Fleurs:
    """Jobs `<code>.<split>.<number>`."""

    config: Config

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """The languages of the config, in the table's order."""
        wanted = self.config.languages
        return tuple(language for language in LANGUAGES if not wanted or language.code in wanted)

    @cached_property
    def size(self) -> Size:
        """What is said in this size of the corpus, and by how many."""
        return fleurs_sizes.SIZES[self.config.size]

    def num_utts(self, split: str) -> int:
        """How many utterances a language's split has."""
        total = self.config.hours * 3600 / self.size.mean_sec / len(self.languages)
        return max(2, round(total * self.size.share[split]))

    def num_sentences(self, split: str) -> int:
        """Sentences of a split, about two thirds of its utterances: every second one is recorded by two speakers."""
        return max(1, self.num_utts(split) * 2 // 3)

    def jobs(self) -> list[str]:
        """The names of all jobs: every language, every split, `UTTS_PER_JOB` utterances at a time."""
        return [
            f"{language.code}.{split}.{number:05d}"
            for language in self.languages
            for split in SPLITS
            for number in range(self._num_pieces(split))
        ]

    def make(self, job: str, out: Path) -> None:
        """Writes one piece of an archive, with its rows of the two tables beside it."""
        code, split, number = job.split(".")
        language = _language(code)
        first = int(number) * UTTS_PER_JOB
        rows, facts = [], []
        with tar_piece(out / PARTS / f"{job}.tar") as archive:
            for line in self._lines(code, split, first, first + UTTS_PER_JOB):
                samples = self._recorded(line)
                archive.add(f"{split}/{line.file}.wav", wav_bytes(samples))
                rows.append(_row(line, len(samples)))
                facts.append(self._facts(line, language))
        atomic_write(out / PARTS / f"{job}.tsv", "".join(rows))
        atomic_write(out / PARTS / f"{job}.facts", "".join(facts))

    def finish(self, out: Path) -> None:
        """Joins the pieces of all archives and tables; may be repeated after it was stopped."""
        for language in self.languages:
            for split in SPLITS:
                pieces = [f"{language.code}.{split}.{n:05d}" for n in range(self._num_pieces(split))]
                folder = out / "data" / language.code
                _join_text([out / PARTS / f"{piece}.tsv" for piece in pieces], folder / f"{split}.tsv")
                archive = folder / "audio" / f"{split}.tar.gz"
                if not archive.exists():
                    join_pieces([out / PARTS / f"{piece}.tar" for piece in pieces], archive)
                for piece in pieces:
                    (out / PARTS / f"{piece}.tar").unlink(missing_ok=True)
        facts = [out / PARTS / f"{job}.facts" for job in self.jobs()]
        columns = [
            "file",
            "speaker",
            "loc",
            "accent",
            "group",
            *(("family", "condition") if self.size.conditions else ()),
        ]
        _join_text(facts, out / "metadata.tsv", "\t".join(columns) + "\n")
        shutil.rmtree(out / PARTS)

    @cached_property
    def _sentences(self) -> dict[str, list[tuple[int, Any]]]:
        """Split -> (id, meaning), the same for every language."""
        count = sum(map(self.num_sentences, SPLITS))
        stream = iter(enumerate(self.size.meanings(count, self.config.seed), start=1))
        return {split: [next(stream) for _ in range(self.num_sentences(split))] for split in SPLITS}

    def _num_pieces(self, split: str) -> int:
        return -(-self.num_utts(split) // UTTS_PER_JOB)

    def _lines(self, code: str, split: str, first: int, last: int) -> Iterator[Line]:
        """Utterances first..last-1 of a language's split."""
        language = _language(code)
        num_speakers = max(self.size.min_speakers[split], self.num_utts(split) // UTTS_PER_SPEAKER)
        speakers = cast(code, split, language.dialects, num_speakers, self.config.seed)
        sentences = self._sentences[split]
        for utt in range(first, min(last, self.num_utts(split))):
            repeat, place = divmod(utt, len(sentences))
            number, meaning = sentences[place]
            text = self.size.say(meaning, language, self.config.seed)
            file = str(digest_of(self.config.seed, "file", code, split, utt) % 10**20).zfill(20)
            condition = condition_of(utt, self.config.seed, code, split) if self.size.conditions else ""
            yield Line(file, number, text, speakers[(place + repeat) % len(speakers)], condition)

    def _recorded(self, line: Line) -> Int16Array:
        voice = line.speaker.voice
        spoken = speak(numbers.as_spoken(line.text, voice.language), voice)
        rng = generator_of(self.config.seed, "recording", line.file)
        if line.condition:
            return record_in(line.condition, spoken.samples, rng, self.config.colour, rng.uniform(-32.0, -20.0))
        snr_db = rng.uniform(self.config.min_snr_db, self.config.max_snr_db)
        return record(spoken.samples, rng, snr_db, self.config.colour, rng.uniform(-32.0, -20.0))

    def _facts(self, line: Line, language: Language) -> str:
        """The row of metadata.tsv."""
        dialect = line.speaker.dialect
        more = (language.family, line.condition) if self.size.conditions else ()
        return "\t".join((line.file, line.speaker.name, dialect.loc, dialect.accent, language.group, *more)) + "\n"


def _language(code: str) -> Language:
    return next(language for language in LANGUAGES if language.code == code)


def _row(line: Line, num_samples: int) -> str:
    """An utterance's row in FLEURS's seven columns."""
    words = numbers.words(line.text)
    columns = (line.sentence, f"{line.file}.wav", line.text, words, numbers.spaced(words), num_samples)
    return "\t".join(map(str, (*columns, line.speaker.gender))) + "\n"


def _join_text(sources: list[Path], path: Path, header: str = "") -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(header.encode())
        for source in sources:
            stream.write(source.read_bytes())
