"""A whole step of BEST-RQ with two streams of metadata, on utterances of mixed lengths."""

from __future__ import annotations

from race import Race, Runner
from recipe_steps import step


def race() -> Race:
    runners = [
        Runner("masr, BEST-RQ + MASR", lambda: step("best_rq_masr_25m")),
        Runner("the same, padded to the longest", lambda: step("best_rq_masr_25m", padded=True)),
        Runner("BEST-RQ alone", lambda: step("best_rq_25m"), 0.97),
    ]
    return Race("MASR whole step, 16 x 256, 12 utterances of 1 to 8 s", "audio-s", runners)
