"""Errors of a million words, from two lists of sentences to one count a sentence: Levenshtein's distance of words."""

from __future__ import annotations

import importlib

from race import Race, Runner, Turn, open_copy

wer = open_copy("wer")


def ours() -> Turn:
    from masr.scoring.wer.coded import words_of
    from masr.scoring.wer.edits import count_edits

    def turn() -> float:
        count_edits(words_of(wer.REFS, wer.HYPS), "equal")
        return float(wer.TOTAL)

    return turn


def rapidfuzz() -> Turn:
    """Its distance of each pair, in a loop, as there is no call for many pairs of lists."""
    distance = importlib.import_module("rapidfuzz.distance").Levenshtein.distance

    def turn() -> float:
        sum(distance(ref.split(), hyp.split()) for ref, hyp in zip(wer.REFS, wer.HYPS, strict=True))
        return float(wer.TOTAL)

    return turn


def check() -> str:
    """Both count the same errors."""
    from masr.scoring.wer.coded import words_of
    from masr.scoring.wer.edits import count_edits

    found = int(count_edits(words_of(wer.REFS[:2000], wer.HYPS[:2000]), "equal")[:, 1:].sum())
    try:
        distance = importlib.import_module("rapidfuzz.distance").Levenshtein.distance
    except ImportError:
        return "rapidfuzz is not installed, so equality with it was not checked"
    expected = sum(
        distance(ref.split(), hyp.split()) for ref, hyp in zip(wer.REFS[:2000], wer.HYPS[:2000], strict=True)
    )
    if found != expected:
        raise RuntimeError(f"ours counts {found} errors, rapidfuzz {expected}")
    return f"{found} errors in 2,000 sentences by both"


def race() -> Race:
    runners = [Runner("masr count_edits", ours), Runner("rapidfuzz, distances", rapidfuzz)]
    return Race("Errors of words, 1M words in 50k sentences, a tenth wrong", "words", runners, check)
