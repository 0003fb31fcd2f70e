"""Vectors of the last layer on waveforms of mixed lengths, beside transformers."""

from __future__ import annotations

import waveform_models
from race import Race, Runner


def race() -> Race:
    runners = [
        Runner("masr", lambda: waveform_models.masr("vectors")),
        Runner("transformers", lambda: waveform_models.transformers("vectors"), 1.5),
    ]
    return Race("Extraction, 6 x 256 behind 7 convolutions, 6 utterances of 1 to 6 s", "audio-s", runners)
