"""Linear CKA of 100,000 frames of width 768 with 100,000 others, by bfloat16 products."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from race import Race, Runner


def race() -> Race:
    spec = importlib.util.spec_from_file_location("linear_cka", Path(__file__).with_name("linear_cka.py"))
    if spec is None or spec.loader is None:
        raise ImportError("the race beside this one")
    single = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(single)
    runners = [
        Runner("masr, bfloat16", lambda: single.ours("bfloat16")),
        Runner("pytorch-cka, float32", single.pytorch_cka, 2.2),
        Runner("torch-cka, float32", single.torch_cka, 2.2),
    ]
    return Race("Linear CKA, 100,000 x 768, bfloat16", "frames", runners, single.check)
