"""The nearest of 500 centres for 100,000 frames of width 768, by bfloat16 products, close calls again in float32."""

from __future__ import annotations

from race import Race, Runner, open_copy


def race() -> Race:
    single = open_copy("kmeans_labels")
    runners = [
        Runner("masr, bfloat16", lambda: single.turn_of(lambda: single.of_ours(True))),
        Runner("masr, float32", lambda: single.turn_of(single.of_ours)),
        Runner("faiss-cpu, float32", single.faiss_turn, 2.5),
    ]
    return Race("Nearest of 500 centres, 100,000 x 768, bfloat16", "frames", runners, single.check)
