"""CCA alone of 40,000 frames of width 768, against QR of the frames."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from race import Race, Runner


def race() -> Race:
    spec = importlib.util.spec_from_file_location("canonical", Path(__file__).with_name("canonical_correlations.py"))
    if spec is None or spec.loader is None:
        raise ImportError("the race beside this one")
    all_three = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(all_three)
    vars(all_three).update(FRAMES=40_000, WIDTH=768)
    runners = [
        Runner("masr, CCA", lambda: all_three.turn_of(lambda: all_three.ours_of("cca"))),
        Runner("CCA by QR of the frames, numpy", lambda: all_three.turn_of(all_three.by_qr), 4.0),
    ]
    return Race("CCA, 40,000 x 768", "frames", runners, lambda: all_three.check(["cca"]))
