"""What a decoder says of a recording, as Python users get it: text, words in seconds, and the next best texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from masr.inference.hypothesis import Hypothesis, Word


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and where it was heard."""

    text: str
    start_sec: float
    end_sec: float
    confidence: float
    """Geometric mean, over its units, of the highest probability that the unit has in its frames."""


@dataclass(frozen=True, slots=True)
class RankedText:
    """One reading of a recording; scores are natural logarithms."""

    text: str
    score: float
    """What texts are ranked by: acoustic score, weighted language model, word scores."""
    acoustic_score: float
    language_model_score: float
    """Without its weight; 0 where there is no language model."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, as far as the model heard it."""

    text: str
    """Empty where no word was heard."""
    words: tuple[TimedWord, ...]
    ranking: tuple[RankedText, ...]
    """The best texts, all different, the one above first; a single one without a beam search."""


def transcript(best: Sequence[Hypothesis], frame_shift_sec: float) -> Transcript:
    """The transcript of a decoder's hypotheses, the best of which comes first."""
    ranking = tuple(RankedText(one.text, one.score, one.acoustic, one.language) for one in best)
    return Transcript(best[0].text, tuple(_timed(word, frame_shift_sec) for word in best[0].words), ranking)


def _timed(word: Word, shift: float) -> TimedWord:
    return TimedWord(word.text, round(word.first_frame * shift, 6), round(word.end_frame * shift, 6), word.confidence)
