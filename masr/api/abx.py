"""`masr analyse abx` as a function: recordings of any source, a trained model's frames too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from masr.analysis.abx.groups import Options, score_groups, score_sources
from masr.analysis.abx.recordings import folder_of
from masr.analysis.abx.series import SeriesScores
from masr.analysis.abx.snippets import open_vectors
from masr.api.frames import open_sources
from masr.errors import UsageError
from masr.inference.frame_sources import KeptFrames
from masr.io.datadir import DataDir
from masr.io.layout import EMBEDDINGS, FRAMES


def score(
    sources: Sequence[str], rates: Sequence[float] | None, data: Path | None, options: Options
) -> list[SeriesScores]:
    """Each series at each length, of one source with labels, or of several that are a recording each."""
    return _one(sources[0], rates, data, options) if len(sources) == 1 else _several(sources, rates, data, options)


def _one(source: str, rates: Sequence[float] | None, data: Path | None, options: Options) -> list[SeriesScores]:
    """Frames, or vectors of utterances, each of which is then a snippet."""
    path, folder = Path(source), folder_of(source, data)
    if (path / EMBEDDINGS).is_file() and not (path / FRAMES).is_file():
        if options.snippets not in (None, "whole"):
            raise UsageError(f"{source} holds one vector for each utterance", fix="masr extract with --pool none")
        return score_groups(open_vectors(path), DataDir.open(folder or path), replace(options, snippets="whole"))
    (frames,) = open_sources([source], rates, data)
    if len(options.pools) > 1:
        frames = KeptFrames(frames)
    if folder is None:
        raise UsageError(f"{source} alone has nothing to be compared with", fix="give two arrays or more, or a folder")
    return score_groups(frames, DataDir.open(folder), options)


def _several(
    sources: Sequence[str], rates: Sequence[float] | None, data: Path | None, options: Options
) -> list[SeriesScores]:
    for option in ("by", "series", "pairs"):
        if getattr(options, option):
            raise UsageError(f"--{option} is for one source with labels, and these are {len(sources)}")
    if options.snippets and not rates:
        raise UsageError("--snippets of arrays needs to know their frames a second", fix="say it: --rate 50")
    return score_sources(open_sources(sources, rates, data), sources, bool(rates), options)
