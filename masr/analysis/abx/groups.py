"""Snippets of sources, group by group: utterances of one source that share a recording, or each source a recording."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from masr.analysis.abx.closeness import Distance
from masr.analysis.abx.series import Options as SeriesOptions
from masr.analysis.abx.series import SeriesScores, label_of_groups, score_series
from masr.analysis.abx.snippets import WHOLE, Pool, snippets_of, vectors_of
from masr.errors import UsageError
from masr.io.datadir import DataDir
from masr.io.datadir.recordings import recording_of
from masr.io.frames import Frames
from masr.io.layout import label_table
from masr.types import FloatArray

_LENGTHS_SEC = (1.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True)
class Options:
    """How recordings are cut and compared; each is an option of `masr analyse abx`."""

    snippets: str | None = None
    """Seconds, commas between them, or `whole`."""
    by: str | None = None
    """Recordings are these labels instead."""
    series: str | None = None
    """Labels that are compared apart."""
    pairs: str = ""
    """Kinds of labels: means of pairs that share one, and of those that do not."""
    pool: Sequence[Pool] | None = None
    """Each is scored by itself; None is `max` alone."""
    distance: Distance = "cosine"
    seed: int = 0

    @property
    def lengths_sec(self) -> list[float]:
        """Seconds of the snippets, in the order that they were given."""
        return list(_LENGTHS_SEC) if self.snippets is None else _lengths(self.snippets)

    @property
    def pools(self) -> list[Pool]:
        """How frames are pooled, one way after another."""
        return list(dict.fromkeys(self.pool or ("max",)))


def score_groups(frames: Frames, data: DataDir, options: Options) -> list[SeriesScores]:
    """Recordings are groups of utterances of one source."""
    utts = list(frames.utts or data.utts)
    table = data.labels(options.by) if options.by else recording_of(data)
    places = [place for place, utt in enumerate(utts) if table.get(utt, "") not in ("", "unknown")]
    groups = [table.get(utt, "") for utt in utts]
    kept = [groups[place] for place in places]
    kinds = {}
    for kind in filter(None, options.pairs.split(",")):
        kinds[kind] = label_of_groups(kept, _labels(data, kind, [utts[place] for place in places]), kind)
    series = _series(options.series, data, [utts[place] for place in places])
    of_groups = label_of_groups(kept, series, options.series or "series")
    found = []
    for pool in options.pools:
        vectors = snippets_of(frames, places, kept, options.lengths_sec, pool)
        scores = score_series(vectors, of_groups, kinds, SeriesOptions(options.distance, seed=options.seed))
        found += [replace(one, pool=pool) for one in scores]
    return found


def score_sources(
    parts: Sequence[Frames], sources: Sequence[str], is_timed: bool, options: Options
) -> list[SeriesScores]:
    """Each source is a recording: of frames where it is known when they are, or else of snippets."""
    names = _names(sources)
    if is_timed:
        scores = [replace(one, pool=pool) for pool in options.pools for one in _timed(names, parts, pool, options)]
    else:
        vectors = {WHOLE: {name: vectors_of(part) for name, part in zip(names, parts, strict=True)}}
        scores = _scored(vectors, options)
    return scores


def _timed(names: Sequence[str], parts: Sequence[Frames], pool: Pool, options: Options) -> list[SeriesScores]:
    """Recordings whose frames are cut and pooled."""
    vectors: dict[float, dict[str, FloatArray]] = {length: {} for length in options.lengths_sec}
    for name, part in zip(names, parts, strict=True):
        places = range(len(part.counts))
        found = snippets_of(part, places, [name] * len(places), options.lengths_sec, pool)
        for length in options.lengths_sec:
            vectors[length][name] = found[length][name]
    return _scored(vectors, options)


def _scored(vectors: Mapping[float, Mapping[str, FloatArray]], options: Options) -> list[SeriesScores]:
    """Each source is a recording of one series without a name."""
    names = {name: "" for by_name in vectors.values() for name in by_name}
    return score_series(vectors, names, {}, SeriesOptions(options.distance, seed=options.seed))


def _labels(data: DataDir, kind: str, utts: Sequence[str]) -> list[str]:
    table: Mapping[str, str] = data.labels(kind)
    return [table.get(utt, "") for utt in utts]


def _series(kind: str | None, data: DataDir, utts: Sequence[str]) -> list[str]:
    if kind is None and not data.has(label_table("series")):
        return [""] * len(utts)
    return _labels(data, kind or "series", utts)


def _lengths(text: str) -> list[float]:
    found = []
    for part in text.split(","):
        try:
            length = WHOLE if part.strip() == "whole" else float(part)
        except ValueError:
            length = math.nan
        if not length > 0:
            raise UsageError(f"--snippets: {part!r} is no length", fix="give seconds: --snippets 1,5,10,20")
        found.append(length)
    return list(dict.fromkeys(found))


def _names(sources: Sequence[str]) -> list[str]:
    """Names of files, or the whole paths where two are alike."""
    stems = [Path(source).stem for source in sources]
    if len(set(stems)) == len(stems):
        return stems
    if len(set(sources)) < len(sources):
        raise UsageError("a recording is given twice, and is as close to itself as can be")
    return list(sources)
