"""What a search for text is told, and the emissions that it takes: log-probabilities of every unit in every frame.

Shapes: T frames, V units.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from masr.config import option
from masr.errors import DecodingError
from masr.inference.lexicon import Unspellable
from masr.types import FloatArray, Units

_TOLERANCE = 1e-2
"""How far the logarithm of a frame's sum may lie from 0: half precision passes, logits do not."""
LOWEST = np.float32(-1e4)
"""Stands for the logarithm of 0, which the search cannot add."""


@dataclass(frozen=True)
class DecodingConfig:
    """How emissions become text."""

    search: Literal["greedy", "beam"] = option("beam", "the likeliest unit of each frame, or the likeliest text")
    beam_size: int = option(50, "hypotheses that are kept from frame to frame")
    units_per_frame: int = option(10, "likeliest units of a frame that are tried; all of them where they are fewer")
    sure_blank: float = option(0.999, "frames whose blank is likelier are searched as one frame; 1 searches each")
    beam_threshold: float = option(25.0, "how far below the best a hypothesis may score, in natural logarithms")
    sum_paths: bool = option(True, "add up paths of the same text, as CTC defines it; false takes the best path")
    lexicon: Path | None = option(None, "words that may be written, one a line, or with spellings behind a tab")
    unspellable: Unspellable = option("error", "a word of the lexicon that the units cannot spell: error or drop")
    language_model: Path | None = option(None, "n-gram model, ARPA or KenLM's binary")
    model_of: Literal["words", "units"] = option("words", "what it counts; words need a lexicon")
    lm_weight: float = option(0.5, "factor on the language model's natural log-probability")
    word_score: float = option(0.0, "added for each word of the lexicon; more writes more and shorter words")
    num_best: int = option(5, "hypotheses that are kept of an utterance")
    frame_shift_sec: float | None = option(None, "seconds from frame to frame. Empty: the file frame_shift says it")

    def __post_init__(self) -> None:
        for name in ("beam_size", "units_per_frame", "num_best"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be 1 or more")
        if not 0.5 <= self.sure_blank <= 1:
            raise ValueError("sure_blank: is a probability between 0.5 and 1")
        if not self.beam_threshold > 0:
            raise ValueError("beam_threshold: must be more than 0")
        if self.frame_shift_sec is not None and not self.frame_shift_sec > 0:
            raise ValueError("frame_shift_sec: must be more than 0")
        if self.search == "greedy" and (self.lexicon or self.language_model):
            raise ValueError("search: greedy takes neither a lexicon nor a language model; choose beam")
        if self.language_model and self.model_of == "words" and self.lexicon is None:
            raise ValueError("model_of: a model of words needs a lexicon; without one choose units")


def checked(emissions: FloatArray, units: Units) -> FloatArray:
    """The emissions as the search needs them; DecodingError where they are no log-probabilities of these units."""
    if emissions.ndim != 2 or emissions.shape[1] != units.size:
        raise DecodingError(
            f"emissions are {emissions.shape}, and there are {units.size} units",
            why="the model was trained with other units",
            fix="give the units folder of the model's training",
        )
    if np.isnan(emissions).any():
        raise DecodingError("emissions hold NaN", why="the model diverged, or its input was broken")
    found = np.maximum(np.ascontiguousarray(emissions, dtype=np.float32), LOWEST)
    with np.errstate(over="ignore", divide="ignore"):
        sums: FloatArray = np.log(np.exp(found).sum(axis=1))
    if len(sums) and float(np.abs(sums).max()) > _TOLERANCE:
        raise DecodingError(
            f"emissions are no log-probabilities: those of a frame sum to {_shown(sums)}, not 1",
            why="they may be logits, or were stored with too few bits",
            fix="write log_softmax of the output layer, as float32",
        )
    return found


def _shown(sums: FloatArray) -> str:
    return f"exp({float(sums[np.abs(sums).argmax()]):.3g})"
