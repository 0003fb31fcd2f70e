"""Scores the phones of a file by fastabx, whenever a line comes in; says the error and the CPU seconds that it took.

usage: PYTHON tools/bench/fastabx_worker.py FILE.npz

For the race `abx_phones_fastabx`. PYTHON is 3.12 or later, with fastabx; nothing of masr is imported. The file has
`frames` (T, D), the items one after another, and for each item `end`, `context`, `speaker` and `phone`.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import polars as pl
import torch
from fastabx import Dataset, Score, Task
from fastabx.accessor import InMemoryAccessor


def main() -> None:
    with np.load(sys.argv[1], allow_pickle=False) as given:
        held = {name: given[name] for name in given.files}
    ends = held["end"].tolist()
    indices = dict(enumerate(zip([0, *ends[:-1]], ends, strict=True)))
    labels = pl.DataFrame({name: held[name] for name in ("context", "speaker", "phone")})
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        # Score changes the frames that it is given.
        accessor = InMemoryAccessor(indices, torch.from_numpy(held["frames"].copy()), torch.device("cpu"))
        task = Task(Dataset(labels=labels, accessor=accessor), on="phone", by=["context", "speaker"])
        error = Score(task, "angular", progress=False).collapse(levels=["context", "speaker"])
        print(json.dumps({"error": error, "cpu_sec": time.process_time() - started}), flush=True)


if __name__ == "__main__":
    main()
