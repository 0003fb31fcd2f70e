"""FLEURS's layout, spoken by eSpeak NG: 42 languages of the seven groups, sentence ids parallel across languages.

`data/<code>/{train,dev,test}.tsv`, `data/<code>/audio/{train,dev,test}.tar.gz`, as in the distribution 2.0.0, and a
`metadata.tsv` with what the real one does not tell: speaker, place, accent, group. The splits share neither sentences
nor speakers. Each job makes some utterances of one language's split, so that memory does not grow with the corpus.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from masr.config import option
from masr.errors import near
from masr.io.atomic import atomic_path, atomic_write
from masr.synth import numbers
from masr.synth.audio_out import join_pieces, tar_piece, wav_bytes
from masr.synth.espeak import speak
from masr.synth.fleurs_languages import LANGUAGES, Language
from masr.synth.microphone import record
from masr.synth.seeding import digest_of, generator_of
from masr.synth.speakers import SPLITS, Speaker, cast
from masr.types import Int16Array

MEAN_SEC = 2.92
"""What a sentence takes on average over the languages; turns hours into utterances."""
SHARE = {"train": 30 / 42, "dev": 4 / 42, "test": 8 / 42}
MIN_SPEAKERS = {"train": 15, "dev": 2, "test": 4}
UTTS_PER_SPEAKER = 40
"""In a large corpus; a small one has `MIN_SPEAKERS` with fewer each."""
UTTS_PER_JOB = 500
PARTS = ".parts"


@dataclass(frozen=True)
class Config:
    """How much is spoken, by whom, and how clean it is. The defaults are `mini`."""

    hours: float = option(1.25, "speech over all languages and splits, to about 10 %")
    seed: int = option(0, "another seed gives other sentences, speakers and noise")
    languages: tuple[str, ...] = option((), "FLEURS codes to speak; empty for all 42")
    min_snr_db: float = option(15.0, "noise of the noisiest recordings, in dB below the speech")
    max_snr_db: float = option(40.0, "noise of the cleanest")
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


@dataclass(frozen=True)
class Fleurs:
    """Jobs `<code>.<split>.<number>`."""

    config: Config

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """Those of the config, in the table's order."""
        wanted = self.config.languages
        return tuple(language for language in LANGUAGES if not wanted or language.code in wanted)

    def num_utts(self, split: str) -> int:
        """Utterances of one language's split."""
        total = self.config.hours * 3600 / MEAN_SEC / len(self.languages)
        return max(2, round(total * SHARE[split]))

    def num_sentences(self, split: str) -> int:
        """About two thirds of them: every second sentence is recorded by two speakers."""
        return max(1, self.num_utts(split) * 2 // 3)

    def jobs(self) -> list[str]:
        """Every language, every split, `UTTS_PER_JOB` utterances at a time."""
        return [
            f"{language.code}.{split}.{number:05d}"
            for language in self.languages
            for split in SPLITS
            for number in range(self._num_pieces(split))
        ]

    def make(self, job: str, out: Path) -> None:
        """One piece of an archive, with its rows of the two tables beside it."""
        code, split, number = job.split(".")
        first = int(number) * UTTS_PER_JOB
        rows, facts = [], []
        with tar_piece(out / PARTS / f"{job}.tar") as archive:
            for line in self._lines(code, split, first, first + UTTS_PER_JOB):
                samples = self._recorded(line)
                archive.add(f"{split}/{line.file}.wav", wav_bytes(samples))
                rows.append(_row(line, len(samples)))
                facts.append(_facts(line, self._group(code)))
        atomic_write(out / PARTS / f"{job}.tsv", "".join(rows))
        atomic_write(out / PARTS / f"{job}.facts", "".join(facts))

    def finish(self, out: Path) -> None:
        """Joins the pieces; safe to repeat after it was stopped."""
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
        _join_text(facts, out / "metadata.tsv", "file\tspeaker\tloc\taccent\tgroup\n")
        shutil.rmtree(out / PARTS)

    @cached_property
    def _sentences(self) -> dict[str, list[tuple[int, str]]]:
        """Split -> (id, text), the same for every language."""
        count = sum(map(self.num_sentences, SPLITS))
        stream = iter(enumerate(numbers.sentences(count, self.config.seed), start=1))
        return {split: [next(stream) for _ in range(self.num_sentences(split))] for split in SPLITS}

    def _num_pieces(self, split: str) -> int:
        return -(-self.num_utts(split) // UTTS_PER_JOB)

    def _group(self, code: str) -> str:
        return next(language.group for language in LANGUAGES if language.code == code)

    def _lines(self, code: str, split: str, first: int, last: int) -> Iterator[Line]:
        """Utterances first..last-1 of a language's split."""
        dialects = next(language.dialects for language in LANGUAGES if language.code == code)
        num_speakers = max(MIN_SPEAKERS[split], self.num_utts(split) // UTTS_PER_SPEAKER)
        speakers = cast(code, split, dialects, num_speakers, self.config.seed)
        sentences = self._sentences[split]
        for utt in range(first, min(last, self.num_utts(split))):
            repeat, place = divmod(utt, len(sentences))
            number, text = sentences[place]
            file = str(digest_of(self.config.seed, "file", code, split, utt) % 10**20).zfill(20)
            yield Line(file, number, text, speakers[(place + repeat) % len(speakers)])

    def _recorded(self, line: Line) -> Int16Array:
        voice = line.speaker.voice
        spoken = speak(numbers.as_spoken(line.text, voice.language), voice)
        rng = generator_of(self.config.seed, "recording", line.file)
        snr_db = rng.uniform(self.config.min_snr_db, self.config.max_snr_db)
        return record(spoken.samples, rng, snr_db, self.config.colour, rng.uniform(-32.0, -20.0))


def _row(line: Line, num_samples: int) -> str:
    """FLEURS's seven columns."""
    words = numbers.words(line.text)
    columns = (line.sentence, f"{line.file}.wav", line.text, words, numbers.spaced(words), num_samples)
    return "\t".join(map(str, (*columns, line.speaker.gender))) + "\n"


def _facts(line: Line, group: str) -> str:
    dialect = line.speaker.dialect
    return f"{line.file}\t{line.speaker.name}\t{dialect.loc}\t{dialect.accent}\t{group}\n"


def _join_text(sources: list[Path], path: Path, header: str = "") -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(header.encode())
        for source in sources:
            stream.write(source.read_bytes())
