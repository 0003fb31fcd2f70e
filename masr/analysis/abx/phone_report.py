"""Phone ABX: errors of each condition as lines for people, JSON, and a matrix of phones for `masr report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from masr.analysis.abx.conditions import Outcome
from masr.analysis.abx.phones import PhoneErrors
from masr.io.atomic import atomic_write
from masr.io.figure import Axis, Heatmap
from masr.io.figure_file import write_figure
from masr.io.json_file import write_json
from masr.io.layout import FIGURE_SUFFIX
from masr.io.provenance import write_provenance


def show(outcome: Outcome) -> None:
    """Prints it."""
    print(render(outcome))


def render(outcome: Outcome) -> str:
    """A line for each condition, then the pairs that are told apart worst."""
    items, context = outcome.items, outcome.options.context
    lines = [f"{len(items)} phones of {len(items.phone_names)} kinds by {len(items.speaker_names)} speakers"]
    if outcome.options.borders != "middle":
        lines[0] += f", frames as {outcome.options.borders} takes them"
    for speakers, one in outcome.found.items():
        error = f"{one.error.value_text(2):>6} %  {one.error.interval_text(2)}"
        lines.append(
            f"  {speakers} speakers, {context} context: error {error}  of "
            f"{one.num_cells:,} cells, {one.num_triplets:,} triplets, {one.num_speakers} speakers"
        )
        worst = sorted(_pairs(one), key=lambda pair: -pair[2])[:5]
        lines.append("    worst: " + ", ".join(f"{a} for {b} {100 * error:.0f} %" for a, b, error in worst))
    if items.num_without_frames:
        lines.append(f"  {items.num_without_frames} phones left out: no frame lies in them")
    if items.num_without_utterance:
        lines.append(f"  {items.num_without_utterance} phones left out: their utterances have no frames")
    return "\n".join(lines)


def _pairs(one: PhoneErrors) -> list[tuple[str, str, float]]:
    rows, columns = np.nonzero(~np.isnan(one.pairs))
    return [(one.phones[i], one.phones[j], float(one.pairs[i, j])) for i, j in zip(rows, columns)]


def as_json(outcome: Outcome, frames: str) -> dict[str, Any]:
    """Every figure; `frames` is the word that named them."""
    options, items = outcome.options, outcome.items
    return {
        "frames": frames,
        "phones": str(options.phones),
        "context": options.context,
        "distance": options.distance,
        "borders": options.borders,
        "max_items": options.max_items,
        "max_speakers": options.max_speakers,
        "seed": options.seed,
        "num_items": len(items),
        "without_frames": items.num_without_frames,
        "without_utterance": items.num_without_utterance,
        "conditions": {
            speakers: {
                **one.error.as_json(value="error"),
                "num_cells": one.num_cells,
                "num_triplets": one.num_triplets,
                "num_speakers": one.num_speakers,
                "pairs": {f"{a} {b}": error for a, b, error in _pairs(one)},
            }
            for speakers, one in outcome.found.items()
        },
    }


def write(folder: Path, outcome: Outcome, frames: str) -> None:
    """phone_abx.json, and for each condition phone_abx.<speakers>.<context>.tsv and .figure.json."""
    context = outcome.options.context
    for speakers, one in outcome.found.items():
        stem = f"phone_abx.{speakers}.{context}"
        lines = ["phone\tother\terror", *(f"{a}\t{b}\t{error:.6f}" for a, b, error in _pairs(one))]
        atomic_write(folder / f"{stem}.tsv", "\n".join(lines) + "\n")
        figure = Heatmap(
            f"Phone ABX error, {speakers} speakers, {context} context",
            one.pairs,
            one.phones,
            one.phones,
            x=Axis("phone of B"),
            y=Axis("phone of A and X"),
            unit="share",
            low=0.0,
            high=0.5,
            note=f"mean {one.error.value_text(2)} %",
        )
        write_figure(folder / f"{stem}{FIGURE_SUFFIX}", figure)
    write_provenance(folder)
    write_json(folder / "phone_abx.json", as_json(outcome, frames))
