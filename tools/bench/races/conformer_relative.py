"""Conformer blocks with relative positions, forward and backward, 8 x 250 encoded frames."""

from __future__ import annotations

import encoders
from race import Race, Runner

SIZE = encoders.Size(batch=8, frames=250, layers=12)


def race() -> Race:
    runners = [
        Runner("masr, relative", lambda: encoders.masr(SIZE, "relative")),
        Runner("espnet2, latest rel_pos", lambda: encoders.espnet(SIZE), 1.15),
        Runner("transformers Wav2Vec2Conformer, relative", lambda: encoders.transformers(SIZE, "relative"), 1.15),
    ]
    return Race("Conformer 12 x 256, relative positions, float32, forward + backward, 8 x 250", "frames", runners)
