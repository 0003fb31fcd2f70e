"""What is said of speech whose language was asked for: the languages with their probabilities, the likeliest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masr.corpora.languages import english_name
from masr.errors import AudioError, CheckpointError, MasrError

if TYPE_CHECKING:
    from masr.inference.identify import Identified


@dataclass(frozen=True, slots=True)
class LanguageProbability:
    """A language, or another label that a model learnt, and how likely it is."""

    code: str
    """The label, as the training data have it."""
    name: str
    """In English, where the code is known; else the code."""
    probability: float
    """Calibrated on the validation data of the training."""


@dataclass(frozen=True, slots=True)
class Identification:
    """Which languages a recording may be in."""

    languages: tuple[LanguageProbability, ...]
    """The likeliest first."""
    num_windows: int
    """Pieces that it was cut into: one, unless it is longer than what the model saw in training."""

    @property
    def best(self) -> LanguageProbability:
        """The likeliest."""
        return self.languages[0]


def refusal(found: Identified) -> MasrError | None:
    """Why nothing can be said; None where something can."""
    if not found.num_encoded:
        return AudioError("too short: it gives no encoded frame")
    if all(map(math.isfinite, found.log_probabilities.tolist())):
        return None
    return CheckpointError("the model's output is not a number: its training diverged, or the features are broken")


def identification(found: Identified, languages: Sequence[str], top: int | None = None) -> Identification:
    """The likeliest `top` of all languages, or all of them."""
    order = (-found.log_probabilities).argsort(kind="stable")[:top].tolist()
    return Identification(
        tuple(
            LanguageProbability(languages[n], english_name(languages[n]), math.exp(float(found.log_probabilities[n])))
            for n in order
        ),
        found.num_windows,
    )
