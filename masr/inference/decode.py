"""Decoding of CTC emissions: log-probabilities of every unit in every frame become text.

`greedy` takes the likeliest unit of each frame. `beam` searches for the likeliest text with flashlight's decoder, over
units alone or over the words of a lexicon, with an n-gram language model of either. docs/asr.md says which to take.

Shapes: T frames, V units.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from masr.inference.beam import Beam
from masr.inference.decode_config import DecodingConfig, checked
from masr.inference.hypothesis import Hypothesis, WordCutter, collapse
from masr.types import FloatArray, Units


class Decoder(Protocol):
    """Emissions of one utterance become hypotheses, the best first."""

    def decode(self, emissions: FloatArray) -> list[Hypothesis]:
        """(T, V) natural log-probabilities, blank first; never an empty list."""
        ...


def build_decoder(config: DecodingConfig, units: Units) -> Decoder:
    """The decoder that the config names."""
    if config.search == "greedy":
        return Greedy(units)
    return Beam(config, units)


def notes_of(decoder: Decoder) -> list[str]:
    """What a reader has to know of the lexicon and the language model."""
    lexicon, unknown = getattr(decoder, "lexicon", None), getattr(decoder, "not_in_model", ())
    lines = []
    if lexicon is not None:
        lines.append(f"lexicon: {len(lexicon.words):,} words")
        if lexicon.dropped:
            first = ", ".join(lexicon.dropped[:5])
            lines.append(f"  {len(lexicon.dropped):,} words cannot be spelled in units: left out ({first})")
    if unknown:
        lines.append(f"  {len(unknown):,} words are unknown to the language model ({', '.join(unknown[:5])})")
    return lines


class Greedy:
    """The best path: no search, no model, one hypothesis."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self._cutter = WordCutter(units)

    def decode(self, emissions: FloatArray) -> list[Hypothesis]:
        """The hypothesis of the likeliest path."""
        emissions = checked(emissions, self.units)
        path = emissions.argmax(axis=1)
        score = float(emissions.max(axis=1, initial=-np.inf).sum(dtype=np.float64)) if len(path) else 0.0
        runs = collapse(path.tolist())
        ids = tuple(run.unit for run in runs)
        text = " ".join(self.units.decode(ids).split())
        return [Hypothesis(text, score, score, 0.0, ids, self._cutter.words(runs, emissions))]
