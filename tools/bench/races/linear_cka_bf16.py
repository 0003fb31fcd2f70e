"""Linear CKA of 100,000 frames of width 768 with 100,000 others, by bfloat16 products."""

from __future__ import annotations

from race import Race, Runner, open_copy


def race() -> Race:
    single = open_copy("linear_cka")
    runners = [
        Runner("masr, bfloat16", lambda: single.ours("bfloat16")),
        Runner("pytorch-cka, float32", single.pytorch_cka, 2.2),
        Runner("torch-cka, float32", single.torch_cka, 2.2),
    ]
    return Race("Linear CKA, 100,000 x 768, bfloat16", "frames", runners, single.check)
