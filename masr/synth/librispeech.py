"""LibriSpeech's layout, spoken by eSpeak NG: read English with exact phone alignments, and five mismatched test sets.

    LibriSpeech/<split>/<reader>/<chapter>/<reader>-<chapter>-<utterance>.flac, <reader>-<chapter>.trans.txt
    LibriSpeech/SPEAKERS.TXT, CHAPTERS.TXT, BOOKS.TXT
    alignments/<split>/<reader>/<chapter>/<reader>-<chapter>-<utterance>.TextGrid
    mismatched/<prefix>_{recordings,supervisions}_test.jsonl.gz, mismatched/audio/<prefix>/
    metadata.tsv

The splits share neither readers nor texts; the parts called `other` are faster, noisier and in accents further from
the American one. A job is one reader, or one recording of a mismatched set.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from masr.config import option, seed_option
from masr.files import parse_json
from masr.io.atomic import atomic_write
from masr.synth import mismatched
from masr.synth.acoustics import add_noise, as_float, at_level
from masr.synth.alignment import Alignment, align
from masr.synth.english import TOPICS, normalise, paragraph, side
from masr.synth.espeak import SAMPLE_RATE, speak
from masr.synth.manifests import write_manifests
from masr.synth.readers import SPLITS, Reader, num_readers, reader
from masr.synth.recording import channel, to_int16
from masr.synth.seeding import generator_of
from masr.synth.textgrid import textgrid
from masr.types import Int16Array

PARTS = ".parts"
CHAPTER_SEC = 150.0
SHORTEST_SEC, LONGEST_SEC = 2.0, 12.0
MISMATCHED_SHARE = 0.23
"""Share of the hours that the mismatched sets have; the rest is the splits' (`readers.SPLITS`)."""
_TITLES = {topic: f"Tales of the {topic.capitalize()}" for topic in TOPICS}


@dataclass(frozen=True)
class Config:
    """How much is read, and how alike the channels are. The defaults are `mini`."""

    hours: float = option(1.15, "speech over all splits and mismatched sets, to about 10 %")
    seed: int = seed_option("another seed gives other readers, sentences, rooms and noise")
    colour: float = option(0.15, "how much the channels of chapters differ; 0 for none")
    mismatched: bool = option(True, "whether the five mismatched test sets are made too")

    def __post_init__(self) -> None:
        """Refuses what cannot be spoken."""
        if not self.hours > 0:
            raise ValueError("hours: must be above 0")


def build(config: Config) -> LibriSpeech:
    """The corpus as jobs."""
    return LibriSpeech(config)


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance as it was read."""

    utt: str
    text: str
    samples: Int16Array
    alignment: Alignment


@dataclass(frozen=True)
class LibriSpeech:
    """Jobs `<split>.<index of the reader>` and `mismatched.<prefix>.<index of the recording>`."""

    config: Config

    def jobs(self) -> list[str]:
        """The names of all jobs, by name: longest first would balance better, but this is plainer."""
        readers = [f"{split}.{index:05d}" for split in SPLITS for index in range(num_readers(split, self.config.hours))]
        return readers + self._mismatched_jobs()

    def make(self, job: str, out: Path) -> None:
        """Writes one reader's chapters, or one recording of a mismatched set."""
        if job.startswith("mismatched."):
            _, prefix, index = job.split(".")
            rows = mismatched.make(prefix, int(index), self._mismatched_sec, self.config.seed, out / "mismatched")
            atomic_write(out / PARTS / f"{job}.json", json.dumps(rows))
            return
        split, index = job.split(".")
        person = reader(split, int(index), self.config.seed)
        facts = self._read(person, out)
        atomic_write(out / PARTS / f"{job}.json", json.dumps(facts))

    def finish(self, out: Path) -> None:
        """Writes the tables of all readers, chapters and books, and the manifests."""
        facts = [
            parse_json((out / PARTS / f"{split}.{index:05d}.json").read_text(encoding="utf-8"))
            for split in SPLITS
            for index in range(num_readers(split, self.config.hours))
        ]
        facts.sort(key=lambda fact: int(fact["id"]))
        _write_tables(facts, out / "LibriSpeech")
        rows = sorted(row for fact in facts for row in fact["metadata"])
        header = "file\taccent\tloc\ttopic\n"
        atomic_write(out / "metadata.tsv", header + "".join("\t".join(row) + "\n" for row in rows))
        jobs = self._mismatched_jobs()
        for prefix in mismatched.PREFIXES if jobs else ():
            paths = [out / PARTS / f"{job}.json" for job in jobs if job.split(".")[1] == prefix]
            pieces = [parse_json(path.read_text(encoding="utf-8")) for path in paths]
            write_manifests(prefix, pieces, out / "mismatched")
        shutil.rmtree(out / PARTS)

    @property
    def _mismatched_sec(self) -> float:
        """Length of each of the five sets."""
        return self.config.hours * 3600 * MISMATCHED_SHARE / len(mismatched.PREFIXES)

    def _mismatched_jobs(self) -> list[str]:
        if not self.config.mismatched:
            return []
        return [
            f"mismatched.{prefix}.{index:05d}"
            for prefix in mismatched.PREFIXES
            for index in range(mismatched.num_jobs(prefix, self._mismatched_sec))
        ]

    def _read(self, person: Reader, out: Path) -> dict[str, Any]:
        """Writes audio, transcripts and alignments of a reader's chapters; what the tables say of them comes back."""
        chapters, metadata, total_sec = [], [], 0.0
        seconds = self.config.hours * 3600 * SPLITS[person.split].share
        seconds /= num_readers(person.split, self.config.hours)
        num_chapters = max(2 if seconds > 30 else 1, round(seconds / CHAPTER_SEC))
        for place in range(num_chapters):
            chapter = 100 * person.number + place
            topic = TOPICS[int(generator_of(self.config.seed, "topic", chapter).integers(len(TOPICS)))]
            folder = Path(person.split) / str(person.number) / str(chapter)
            lines = list(self._chapter(person, chapter, topic, seconds / num_chapters))
            _write_chapter(lines, folder, out)
            chapter_sec = sum(len(line.samples) for line in lines) / SAMPLE_RATE
            chapters.append((chapter, chapter_sec / 60, topic, place + 1))
            metadata += [(line.utt, person.dialect.accent, person.dialect.loc, topic) for line in lines]
            total_sec += chapter_sec
        return {
            "id": person.number,
            "sex": person.sex,
            "split": person.split,
            "minutes": total_sec / 60,
            "name": person.name,
            "chapters": chapters,
            "metadata": metadata,
        }

    def _chapter(self, person: Reader, chapter: int, topic: str, seconds: float) -> Iterator[Line]:
        """Utterances of one chapter, until it is long enough."""
        number = 0
        while seconds > 0:
            line = self._utterance(person, chapter, f"{person.number}-{chapter}-{number:04d}", topic)
            seconds -= len(line.samples) / SAMPLE_RATE
            number += 1
            yield line

    def _utterance(self, person: Reader, chapter: int, utt: str, topic: str) -> Line:
        """An utterance, drawn until its text has the wanted length, and every word of it can be found in the sound."""
        rng = generator_of(self.config.seed, "utterance", utt)
        plan = SPLITS[person.split]
        while True:
            num_words = max(4, round(rng.uniform(2.5, 11.0) * person.voice.words_per_min / 60))
            text = side(lambda: paragraph(topic, rng, num_words), plan.held_out)  # noqa: B023 (called at once)
            speech = speak(text, person.voice)
            if not SHORTEST_SEC <= len(speech.samples) / SAMPLE_RATE <= LONGEST_SEC:
                continue
            alignment = align(text, speech, person.dialect.voice)
            if alignment is not None:
                break
        # A chapter is read at one microphone; each utterance has its own noise.
        heard = channel(as_float(speech.samples), self._microphone(chapter), self.config.colour)
        noisy = add_noise(heard, rng.uniform(*plan.snr_db), rng)
        samples = to_int16(at_level(noisy, rng.uniform(-27.0, -21.0)))
        return Line(utt, normalise(text), samples, alignment)

    def _microphone(self, chapter: int) -> np.random.Generator:
        return generator_of(self.config.seed, "microphone", chapter)


def _write_chapter(lines: list[Line], folder: Path, out: Path) -> None:
    import soundfile

    audio, grids = out / "LibriSpeech" / folder, out / "alignments" / folder
    audio.mkdir(parents=True, exist_ok=True)
    grids.mkdir(parents=True, exist_ok=True)
    for line in lines:
        soundfile.write(audio / f"{line.utt}.flac", line.samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        tiers = {"words": line.alignment.words, "phones": line.alignment.phones}
        grid = textgrid(tiers, len(line.samples) / SAMPLE_RATE)
        (grids / f"{line.utt}.TextGrid").write_text(grid, encoding="utf-8")
    transcripts = "".join(f"{line.utt} {line.text}\n" for line in lines)
    name = "-".join(folder.parts[1:])
    (audio / f"{name}.trans.txt").write_text(transcripts, encoding="utf-8")


def _write_tables(facts: list[dict[str, Any]], folder: Path) -> None:
    """Writes SPEAKERS.TXT, CHAPTERS.TXT and BOOKS.TXT, with the columns of the real ones."""
    note = "; Embedded corpus: spoken by eSpeak NG, text from a grammar. No person read it.\n"
    speakers = [";ID  |SEX| SUBSET           |MINUTES| NAME\n"]
    chapters = [";ID    |READER|MINUTES| SUBSET           | PROJ.|BOOK ID| CH. TITLE | PROJECT TITLE\n"]
    books = [";ID  | TITLE | AUTHORS\n"]
    for fact in facts:
        subset = f"{fact['split']:<16}"
        speakers.append(f"{fact['id']:<4} | {fact['sex']} | {subset} | {fact['minutes']:<5.2f} | {fact['name']}\n")
        for chapter, minutes, topic, place in fact["chapters"]:
            book = TOPICS.index(topic) + 1
            cells = (f"{chapter:<6}", f"{fact['id']:<5}", f"{minutes:<6.2f}", subset, f"{book:<5}", f"{book:<5}")
            chapters.append(" | ".join((*cells, f"Chapter {place}", _TITLES[topic])) + "\n")
    books += [f"{number:<4} | {_TITLES[topic]} | a grammar\n" for number, topic in enumerate(TOPICS, start=1)]
    for name, lines in (("SPEAKERS", speakers), ("CHAPTERS", chapters), ("BOOKS", books)):
        atomic_write(folder / f"{name}.TXT", note + "".join(lines))
