"""A whole BEST-RQ step in float32."""

from __future__ import annotations

import best_rq_steps
from race import Race, Runner


def race() -> Race:
    runners = [
        Runner("masr best_rq", best_rq_steps.masr),
        Runner("speechbrain's parts", best_rq_steps.speechbrain, 1.8),
    ]
    return Race("BEST-RQ full step, 12 x 256, float32, dropout 0.1, a third masked, 8 x 10 s", "audio-s", runners)
