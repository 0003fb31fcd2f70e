"""Conformer blocks on long utterances: 8 x 1000 encoded frames, forward and backward."""

from __future__ import annotations

import encoders
from race import Race, Runner

SIZE = encoders.Size(batch=8, frames=1000, layers=2)


def race() -> Race:
    runners = [
        Runner("masr, relative", lambda: encoders.masr(SIZE, "relative")),
        Runner("espnet2, latest rel_pos", lambda: encoders.espnet(SIZE), 1.7),
        Runner("transformers Wav2Vec2Conformer, relative", lambda: encoders.transformers(SIZE, "relative")),
    ]
    return Race("Conformer 2 x 256, relative positions, float32, forward + backward, 8 x 1000", "frames", runners)
