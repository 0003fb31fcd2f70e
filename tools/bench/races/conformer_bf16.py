"""What bf16 autocast gives our own Conformer on this machine; the aim wants AMX."""

from __future__ import annotations

import encoders
from race import Race, Runner

SIZE = encoders.Size(batch=8, frames=250, layers=4)


def race() -> Race:
    amx = encoders.has_amx()
    runners = [
        Runner("masr, rotary, bf16", lambda: encoders.masr(SIZE, "rotary", bf16=True)),
        Runner("masr, rotary, float32", lambda: encoders.masr(SIZE, "rotary"), 1.8 if amx else None),
        Runner("masr, relative, float32", lambda: encoders.masr(SIZE, "relative")),
    ]
    note = "" if amx else "; without AMX here, so nothing is promised"
    return Race(f"Conformer 4 x 256, bf16 against float32, forward + backward, 8 x 250{note}", "frames", runners)
