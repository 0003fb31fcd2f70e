"""Whole training steps of egs/fleurs, as the loop takes them: objective, streams, clipping, guard, optimiser.

A batch is 12 utterances of noise, of 1 to 8 s, two in each of six languages; no data directory is read.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from unittest import mock

from race import Turn

UTTERANCES, SHORTEST_SEC, LONGEST_SEC = 12, 1, 8


def step(name: str, padded: bool = False) -> Turn:
    """Of a configuration; `padded`: with every utterance padded to the longest, as encoders that know no groups do."""
    import torch

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from gpu_check import built

    from masr.models import by_length

    torch.set_num_threads(1)
    device = torch.device("cpu")
    folder = tempfile.TemporaryDirectory(prefix="masr_bench_")
    config = built.configured(name, "training.tensorboard=false", "training.precision=float32")
    objective = built.objective_of(config, device)
    run = built.run_of(config, objective, Path(folder.name), device)
    lengths = torch.linspace(SHORTEST_SEC * 100, LONGEST_SEC * 100, UTTERANCES).long()
    batch = built.batch_of(lengths[torch.randperm(UTTERANCES)], objective.encoder, device)
    done = 0

    def one_group(lengths: list[int]) -> list[list[int]]:
        return [list(range(len(lengths)))]

    def turn(kept: tempfile.TemporaryDirectory[str] = folder) -> float:  # noqa: ARG001 (it has to live as long)
        nonlocal done
        with mock.patch.object(by_length, "groups_of", one_group if padded else by_length.groups_of):
            built.move(run, batch, done)
        done += 1
        return float(lengths.sum()) / 100

    return turn
