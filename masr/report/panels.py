"""Matrices side by side as one SVG file, all on one scale of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from masr.analysis.similarity.matrix import mean_matrix
from masr.errors import UsageError
from masr.io.figure import Heatmap
from masr.report.picture import Chart


def read_panels(given: Sequence[Sequence[str]]) -> list[Chart]:
    """A chart of each title and the tables behind it: one matrix, or the mean of several, as of several seeds."""
    figures = []
    for title, *files in given:
        if not files:
            raise UsageError(f"--panel {title} has no matrix", fix="--panel TITLE FILE...")
        matrix = mean_matrix([Path(file) for file in files])
        figures.append(Heatmap(title, matrix.values, matrix.names, matrix.names))
    return on_one_scale(figures)


def on_one_scale(figures: Sequence[Heatmap]) -> list[Chart]:
    """The charts, their colours from the smallest value of all, or 0 where none is below, to the largest, or 1."""
    low = min(0.0, *(float(one.values.min()) for one in figures))
    high = max(1.0, *(float(one.values.max()) for one in figures))
    return [Chart(one.title, replace(one, low=low, high=high)) for one in figures]
