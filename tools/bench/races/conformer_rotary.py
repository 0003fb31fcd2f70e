"""Conformer blocks with rotary positions, forward and backward, 8 x 250 encoded frames."""

from __future__ import annotations

import encoders
from race import Race, Runner

SIZE = encoders.Size(batch=8, frames=250, layers=12)


def race() -> Race:
    runners = [
        Runner("masr, rotary", lambda: encoders.masr(SIZE, "rotary")),
        Runner("transformers Wav2Vec2Conformer, rotary", lambda: encoders.transformers(SIZE, "rotary"), 1.05),
        Runner("speechbrain, RoPE", lambda: encoders.speechbrain(SIZE), 1.05),
        Runner("espnet2, latest rel_pos", lambda: encoders.espnet(SIZE), 1.3),
    ]
    return Race("Conformer 12 x 256, rotary positions, float32, forward + backward, 8 x 250", "frames", runners)
