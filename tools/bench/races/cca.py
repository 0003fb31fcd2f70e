"""CCA alone of 40,000 frames of width 768, against QR of the frames."""

from __future__ import annotations

from race import Race, Runner, open_copy


def race() -> Race:
    all_three = open_copy("canonical_correlations")
    vars(all_three).update(FRAMES=40_000, WIDTH=768)
    runners = [
        Runner("masr, CCA", lambda: all_three.turn_of(lambda: all_three.ours_of("cca"))),
        Runner("CCA by QR of the frames, numpy", lambda: all_three.turn_of(all_three.by_qr), 4.0),
    ]
    return Race("CCA, 40,000 x 768", "frames", runners, lambda: all_three.check(["cca"]))
