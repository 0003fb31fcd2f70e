"""A whole step of w2v-BERT on utterances of mixed lengths."""

from __future__ import annotations

from race import Race, Runner
from recipe_steps import step


def race() -> Race:
    runners = [
        Runner("masr, w2v-BERT", lambda: step("w2v_bert_25m")),
        Runner("the same, padded to the longest", lambda: step("w2v_bert_25m", padded=True)),
    ]
    return Race("w2v-BERT whole step, 12 utterances of 1 to 8 s", "audio-s", runners)
