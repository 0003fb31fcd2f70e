"""Conformer blocks with rotary positions on long utterances: 8 x 1000 encoded frames, forward and backward."""

from __future__ import annotations

import encoders
from race import Race, Runner

SIZE = encoders.Size(batch=8, frames=1000, layers=2)


def race() -> Race:
    runners = [
        Runner("masr, rotary", lambda: encoders.masr(SIZE, "rotary")),
        Runner("espnet2, latest rel_pos", lambda: encoders.espnet(SIZE), 3.3),
        Runner("transformers Wav2Vec2Conformer, rotary", lambda: encoders.transformers(SIZE, "rotary")),
        Runner("speechbrain, RoPE", lambda: encoders.speechbrain(SIZE)),
    ]
    return Race("Conformer 2 x 256, rotary positions, float32, forward + backward, 8 x 1000", "frames", runners)
