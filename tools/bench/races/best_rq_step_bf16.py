"""A whole BEST-RQ step under bf16 autocast; the aim against speechbrain's float32 wants AMX."""

from __future__ import annotations

import best_rq_steps
import encoders
from race import Race, Runner


def race() -> Race:
    runners = [
        Runner("masr best_rq, bf16", lambda: best_rq_steps.masr(bf16=True)),
        Runner("speechbrain's parts, float32", best_rq_steps.speechbrain, 3.0 if encoders.has_amx() else None),
        Runner("speechbrain's parts, bf16", lambda: best_rq_steps.speechbrain(bf16=True)),
        Runner("masr best_rq, float32", best_rq_steps.masr),
    ]
    note = "" if encoders.has_amx() else "; without AMX here, so nothing is promised"
    return Race(f"BEST-RQ full step, 12 x 256, bf16, dropout 0.1, a third masked, 8 x 10 s{note}", "audio-s", runners)
