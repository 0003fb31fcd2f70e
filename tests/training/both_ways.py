"""Trains every named objective for ten steps as it is and compiled: `python both_ways.py OUT BACKEND NAME ...`.

Prints one line of JSON: the losses by objective, the breaks in the compiled graphs, and how many graphs there were.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import torch._dynamo
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.plugins import open_plugin
from masr.training.loop import train
from masr.training.run import Reader
from masr.types import Batch
from small import tiny

CLUSTERS = 12
SIZES = {"num_codes": 16, "code_dim": 8, "num_clusters": CLUSTERS, "num_distractors": 10}


def objective(name: str) -> nn.Module:
    """A small one, with the same weights every time."""
    torch.manual_seed(0)
    module = open_plugin("objectives", name)
    fields = {f.name for f in dataclasses.fields(module.Config)}
    config = module.Config(**{key: value for key, value in SIZES.items() if key in fields})
    small = ConformerConfig(num_bins=16, dim=16, num_layers=2, num_heads=2, feed_forward_dim=24, dropout=0.0)
    built: nn.Module = module.build(config, build_conformer(small), build_spans(SpansConfig(share=0.4, span=3)))
    return built


def labelled(read: Reader) -> Reader:
    """The same batches, with a cluster for every encoded frame."""

    def clusters(batch: Batch) -> Batch:
        lengths = ((batch.lengths - 3) // 2 + 1 - 3) // 2 + 1
        places = torch.arange(int(lengths.max()))
        targets = batch.features[:, 4 * places].abs().argmax(dim=2) % CLUSTERS
        return dataclasses.replace(batch, targets=targets.masked_fill(places >= lengths[:, None], -1))

    def changed(first: int) -> Iterator[tuple[Batch, ...]]:
        for micro_batches in read(first):
            yield tuple(clusters(batch) for batch in micro_batches)

    return changed


def losses(folder: Path, name: str, compiled: bool) -> list[float]:
    """Losses of ten steps."""
    run = tiny.make_run(folder, objective(name), max_steps=10, compile=compiled)
    train(tiny.with_data(run, labelled(tiny.batches()), tiny.nothing))
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def main() -> int:
    """Every objective both ways."""
    torch.set_num_threads(1)
    out, backend, found = Path(sys.argv[1]), sys.argv[2], {}
    compiled = nn.Module.compile
    nn.Module.compile = lambda module: compiled(module, backend=backend)  # type: ignore[method-assign, assignment]
    for name in sys.argv[3:]:
        both = {way: losses(out / name / way, name, way == "compiled") for way in ("eager", "compiled")}
        counters = torch._dynamo.utils.counters
        graphs = [counters["stats"]["unique_graphs"]]
        found[name] = {**both, "breaks": list(counters["graph_break"]), "graphs": graphs}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
