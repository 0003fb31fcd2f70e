"""Pangloss: field recordings of rare languages, each a wav with its XML annotation beside it.

    <name>.wav
    <name>.xml          TEXT of S(entences) or WORDLIST of W(ords), each with AUDIO start and end in seconds
    metadata.tsv        where somebody wrote down more: file, series, condition, speaker, genre, ...

An utterance is a segment of its recording; a recording without annotation is one utterance. The column `series`
of metadata.tsv makes the splits; without it there is one, `all`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from masr.config import option
from masr.corpora.ids import safe_id
from masr.corpora.pangloss_xml import Annotation, Segment, read_annotation
from masr.corpora.sidecar import read_sidecar
from masr.errors import CorpusError
from masr.types import Corpus, Part, Problem, Utterance

SERIES = "series"
ALL = "all"
LAYOUT = """SOURCE/
    <name>.wav
    <name>.xml          (TEXT or WORDLIST; folders below SOURCE are searched too)
    metadata.tsv        (optional: file<TAB>series<TAB>condition<TAB>speaker<TAB>genre)"""


@dataclass(frozen=True)
class Config:
    """How the annotations are read."""

    form: str = option("", "kindOf of the FORM that becomes `text`, such as phono or ortho; empty: the first")
    language: str = option("", "ISO 639-3 code where an annotation does not say it")
    channel: int | None = option(None, "which channel to take of every recording, counted from 0; empty: must be mono")


@dataclass(frozen=True)
class Pangloss:
    """The corpus as its files say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a recording."""
        if not source.is_dir():
            raise _no_layout(source, "there is no such folder")
        sidecar = read_sidecar(source)
        files = sorted(p for p in source.rglob("*") if p.suffix.lower() in (".wav", ".xml") and not p.is_dir())
        wavs = [p for p in files if p.suffix.lower() == ".wav"]
        if not wavs:
            names = sorted(p.name for p in source.iterdir())[:5]
            raise _no_layout(source, f"no .wav in it; it holds {', '.join(names) or 'nothing'}")
        parts, taken = [], set()
        stems = {p.with_suffix("") for p in wavs}
        for path in [p for p in files if p.suffix.lower() == ".wav" or p.with_suffix("") not in stems]:
            split = safe_id(sidecar.get(path.stem, {}).get(SERIES, ALL))
            name = safe_id(str(path.relative_to(source).with_suffix("")))
            while (split, name) in taken:
                name += "_"
            taken.add((split, name))
            parts.append(Part(split, name, path))
        return sorted(parts, key=lambda part: (part.split, part.name))

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: the segments of one recording."""
        if part.source.suffix.lower() == ".xml":
            yield Problem(str(part.source), "annotation without audio: no wav of the same name")
            return
        path = _annotation_of(part.source)
        if path is None:
            yield self._whole(part.source)
            return
        try:
            annotation = read_annotation(path)
        except CorpusError as error:
            yield Problem(str(path), f"bad annotation: {error.what.removeprefix(f'{path}: ')}")
            return
        if not annotation.segments:
            yield Problem(str(path), "empty annotation")
        seen: set[str] = set()
        for segment in annotation.segments:
            where = f"{path}:{segment.id}"
            if segment.id in seen:
                yield Problem(where, "duplicate id: kept the first")
            elif segment.start_sec is None or segment.end_sec is None:
                yield Problem(where, "segment without times")
            elif not 0 <= segment.start_sec < segment.end_sec:
                yield Problem(where, f"segment times: {segment.start_sec} to {segment.end_sec} s")
            else:
                seen.add(segment.id)
                yield self._segment(part.source, annotation, segment)

    def _segment(self, audio: Path, annotation: Annotation, segment: Segment) -> Utterance:
        recording = safe_id(audio.stem)
        return Utterance(
            utt=f"{recording}-{safe_id(segment.id)}",
            speaker=recording,
            audio=audio,
            text=self._text(segment),
            labels=self._labels(annotation.language),
            recording=recording,
            start_sec=segment.start_sec,
            end_sec=segment.end_sec,
            channel=self.config.channel,
        )

    def _whole(self, audio: Path) -> Utterance:
        name = safe_id(audio.stem)
        return Utterance(name, name, audio, labels=self._labels(""), channel=self.config.channel)

    def _labels(self, language: str) -> dict[str, str]:
        language = language or self.config.language
        return {"lang": language} if language else {}

    def _text(self, segment: Segment) -> str | None:
        wanted = [text for kind, text in segment.forms if not self.config.form or kind == self.config.form]
        return next((text for text in wanted if text), None)


def build(config: Config) -> Corpus:
    """The corpus."""
    return Pangloss(config)


def _annotation_of(audio: Path) -> Path | None:
    """The XML of the recording's own name, in either case."""
    for suffix in (".xml", ".XML"):
        path = audio.with_suffix(suffix)
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            return path
    return None


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold Pangloss recordings: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="put each resource's wav and XML side by side under one name",
    )
