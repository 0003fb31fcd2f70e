"""k-means of 100,000 frames of width 768 into 500 clusters, by bfloat16 products, close calls again in float32."""

from __future__ import annotations

from race import Race, Runner, open_copy


def race() -> Race:
    single = open_copy("kmeans")
    runners = [
        Runner("masr, bfloat16", lambda: single.turn_of(lambda: single.settled(True))),
        Runner("masr, float32", lambda: single.turn_of(single.settled)),
        Runner("faiss-cpu, float32", single.faiss_turn, 2.5),
    ]
    return Race(
        "k-means, 100,000 x 768, 500 clusters, 5 steps, bfloat16", "frames", runners, lambda: single.check(True)
    )
