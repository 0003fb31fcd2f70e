"""Beam search over CTC emissions by flashlight-text, with and without a lexicon.

Where words end in a lexicon search. Units with a space spell a word with the space behind it, and one frame of certain
space after the last frame ends the last word. Units whose first piece marks a word need no space, but flashlight takes
a word's last unit for one frame only; so a word may also end with a unit of ours, which no text has and which scores
as blank does. A word may then end at once or at the first blank behind it, two ways that must not be added up:
sum_paths is off there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from masr.inference.decode_config import LOWEST, DecodingConfig, checked
from masr.inference.hypothesis import Hypothesis, Run, Word, WordCutter, collapse, evenly_timed
from masr.inference.language_model import LN10, flashlight, open_language_model, unknown_words
from masr.inference.lexicon import Lexicon, read_lexicon
from masr.types import FloatArray, IntArray, Units
from masr.units.vocabulary import BLANK_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_UNKNOWN = float("-inf")


class Beam:
    """The likeliest texts by their emissions, lexicon and language model."""

    def __init__(self, config: DecodingConfig, units: Units) -> None:
        self.config, self.units = config, units
        self._cutter = WordCutter(units)
        self.lexicon = None if config.lexicon is None else read_lexicon(config.lexicon, units, config.unspellable)
        self.not_in_model: tuple[str, ...] = ()
        """Words of the lexicon, or units, that the language model does not know."""
        self._model = self._open_model()
        self._ending = units.size if self._cutter.space is None else self._cutter.space
        self._search = self._free() if self.lexicon is None else self._of_words(self.lexicon)

    def decode(self, emissions: FloatArray) -> list[Hypothesis]:
        """The best `num_best` texts that differ; where no word fits, an empty one."""
        emissions = checked(emissions, self.units)
        if not len(emissions):
            return [Hypothesis("", 0.0, 0.0, 0.0, (), ())]
        searched, starts = _merged(emissions, self.config.sure_blank)
        padded = searched if self.lexicon is None else self._padded(searched)
        results = self._search.decode(padded.ctypes.data, *padded.shape)
        if self.lexicon is not None:
            return self._distinct([self._of_lexicon(self.lexicon, result, starts, emissions) for result in results])
        return self._distinct([self._of_units(*best, starts, emissions) for best in self._texts(results, len(starts))])

    def _distinct(self, ranked: list[Hypothesis]) -> list[Hypothesis]:
        """The best hypothesis of each text."""
        found: dict[str, Hypothesis] = {}
        for hypothesis in sorted(ranked, key=lambda hypothesis: _rank(hypothesis.score, hypothesis.text)):
            found.setdefault(hypothesis.text, hypothesis)
        kept = list(found.values())[: self.config.num_best]
        return kept or [Hypothesis("", float(LOWEST), float(LOWEST), 0.0, (), ())]

    def _texts(self, results: Sequence[Any], frames: int) -> list[tuple[Any, float]]:
        """The best result of each text with the score of the text, which several sequences of units may spell."""
        best: dict[str, tuple[Any, float]] = {}
        for result in results:
            text = self._spelled(run.unit for run in collapse(result.tokens[1 : frames + 1]))
            known = best.get(text)
            if known is None:
                best[text] = (result, result.score)
            elif self.config.sum_paths:
                best[text] = (known[0], float(np.logaddexp(known[1], result.score)))
        ranked = sorted(best, key=lambda text: _rank(best[text][1], text))
        return [best[text] for text in ranked[: self.config.num_best]]

    def _spelled(self, ids: Iterable[int]) -> str:
        return " ".join(self.units.decode(list(ids)).split())

    def _open_model(self) -> Any:
        config = self.config
        if config.language_model is None:
            return flashlight().ZeroLM()
        words: Sequence[str] = self.units.tokens
        if self.lexicon is not None and config.model_of == "words":
            words = self.lexicon.words
        model = open_language_model(config.language_model, words)
        self.not_in_model = tuple(word for word in unknown_words(model, words) if words is not self.units.tokens)
        return model

    def _free(self) -> Any:
        module, config = flashlight(), self.config
        options = module.LexiconFreeDecoderOptions(
            beam_size=config.beam_size,
            beam_size_token=min(config.units_per_frame, self.units.size),
            beam_threshold=config.beam_threshold,
            lm_weight=config.lm_weight * LN10,
            sil_score=0.0,
            log_add=config.sum_paths,
            criterion_type=module.CriterionType.CTC,
        )
        return module.LexiconFreeDecoder(options, self._model, BLANK_ID, BLANK_ID, [])

    def _of_words(self, lexicon: Lexicon) -> Any:
        module, config = flashlight(), self.config
        spaced = self._cutter.space is not None
        of_units = config.language_model is not None and config.model_of == "units"
        options = module.LexiconDecoderOptions(
            beam_size=config.beam_size,
            beam_size_token=min(config.units_per_frame, self.units.size) + (not spaced),
            beam_threshold=config.beam_threshold,
            lm_weight=config.lm_weight * LN10,
            word_score=config.word_score,
            unk_score=_NO_UNKNOWN,
            sil_score=0.0,
            log_add=config.sum_paths and spaced,
            criterion_type=module.CriterionType.CTC,
        )
        trie = module.Trie(self.units.size + 1, self._ending)
        start = self._model.start(False)
        for place, spellings in enumerate(lexicon.spellings):
            score = 0.0 if of_units else self._model.score(start, place)[1]
            for spelling in self._ended(spellings):
                trie.insert(spelling, place, score)
        trie.smear(module.SmearingMode.MAX)
        return module.LexiconDecoder(options, trie, self._model, self._ending, BLANK_ID, -1, [], of_units)

    def _ended(self, spellings: Iterable[tuple[int, ...]]) -> list[list[int]]:
        """Spellings, each with the unit that ends a word behind it."""
        found = []
        for spelling in spellings:
            found.append([*spelling, self._ending])
            if self._cutter.space is None:
                found.append([*spelling])
        return found

    def _padded(self, emissions: FloatArray) -> FloatArray:
        """Emissions with one more frame, in which a word can only end, and without a space a column for that."""
        space = self._cutter.space
        last = np.full((1, emissions.shape[1]), LOWEST, dtype=np.float32)
        last[0, BLANK_ID if space is None else space] = 0
        taller = np.concatenate([emissions, last])
        if space is not None:
            return taller
        return np.ascontiguousarray(np.concatenate([taller, taller[:, BLANK_ID : BLANK_ID + 1]], axis=1))

    def _of_units(self, result: Any, score: float, starts: IntArray, emissions: FloatArray) -> Hypothesis:
        """The hypothesis of a result of the search over units; `score` is that of its text."""
        runs = collapse(_path(result, starts, len(emissions)))
        ids = tuple(run.unit for run in runs)
        words = self._cutter.words(runs, emissions)
        return Hypothesis(self._spelled(ids), score, result.emittingModelScore, result.lmScore * LN10, ids, words)

    def _of_lexicon(self, lexicon: Lexicon, result: Any, starts: IntArray, emissions: FloatArray) -> Hypothesis:
        """The hypothesis of a result of the search over words, whose last one may end in the frame that we add."""
        frames = [*starts.tolist(), len(emissions)]
        ends = [(frame, place) for frame, place in zip(frames, result.words[1:]) if place >= 0]
        runs = [run for run in collapse(_path(result, starts, len(emissions))) if run.unit != self._ending]
        words = tuple(_timed(lexicon, runs, ends, emissions))
        text, ids = " ".join(word.text for word in words), tuple(run.unit for run in runs)
        return Hypothesis(text, result.score, result.emittingModelScore, result.lmScore * LN10, ids, words)


def _rank(score: float, text: str) -> tuple[float, str]:
    """A key that sorts the best text first; of texts that score the same up to rounding, by the alphabet."""
    return -round(score, 6), text


def _merged(emissions: FloatArray, sure: float) -> tuple[FloatArray, IntArray]:
    """Frames to search, and where each begins: neighbours that are surely blank are one, whose blank is their product.

    What is left out are paths through another unit there, less than 1 - `sure` of the probability of each frame.
    """
    blank = emissions[:, BLANK_ID] > math.log(sure)
    new = ~blank
    new[0] = True
    new[1:] |= ~blank[:-1]
    starts = np.flatnonzero(new)
    sums = np.add.reduceat(emissions[:, BLANK_ID], starts)
    merged = np.diff(np.append(starts, len(emissions))) > 1
    searched = emissions[starts]
    searched[merged] = LOWEST
    searched[merged, BLANK_ID] = sums[merged]
    return searched, starts


def _path(result: Any, starts: IntArray, frames: int) -> IntArray:
    """(frames,) the unit of every frame; flashlight's path has a frame before the first and one behind the last."""
    searched = np.asarray(result.tokens[1 : len(starts) + 1], dtype=np.int64)
    return np.repeat(searched, np.diff(np.append(starts, frames)))


def _timed(lexicon: Lexicon, runs: list[Run], ends: list[tuple[int, int]], emissions: FloatArray) -> Iterable[Word]:
    """Words of the lexicon; one ends at the frame of its last unit or of what stands behind it."""
    first = 0
    for frame, place in ends:
        group = []
        while first < len(runs) and runs[first].first_frame <= frame:
            group.append(runs[first])
            first += 1
        if group:
            yield from evenly_timed([lexicon.words[place]], group, emissions)
