"""The largest micro-batch that fits: near the edge, asked for seldom, and nothing of the run changed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from masr.errors import ConfigError, TrainingError
from masr.training import assemble
from masr.training.distributed import World
from masr.training.find_batch import find_batch, most_that_fits, repeated
from masr.training.preflight import estimate, longest_of
from masr.training.run import Run
from small import tiny

MIB = 1 << 20


@pytest.mark.parametrize("edge", [0, 1, 2, 3, 7, 8, 9, 100, 1000, 12345])
def test_it_is_within_five_percent_of_the_edge(edge: int) -> None:
    asked: list[int] = []

    def fits(count: int) -> bool:
        asked.append(count)
        return count <= edge

    found, tries = most_that_fits(fits)
    assert found <= edge <= max(found, found * 1.05)
    assert tries == len(asked) == len(set(asked)) <= 22


def test_without_an_edge_it_ends() -> None:
    assert most_that_fits(lambda _: True) == (1 << 16, 17)


def small_run(folder: Path, mib: float) -> Run:
    run = tiny.make_run(folder, memory_gib=mib / 1024)
    return replace(run, config=replace(run.config, batching=replace(run.config.batching, batch_frames=100_000)))


@pytest.mark.slow
def test_what_is_found_fits_and_little_more_does_not(tmp_path: Path) -> None:
    run = small_run(tmp_path, 24)
    batch = tiny.whole_batch(1, 1, 6)
    before = {name: value.clone() for name, value in run.objective.state_dict().items()}
    found = find_batch(run, [batch])
    some = longest_of(batch, 6)
    assert found.longest == int(batch.lengths.max())
    count = found.frames // found.longest
    fitting, more = (estimate(run, repeated(some, n)) for n in (count, int(count * 1.2)))
    assert fitting.activations + fitting.fixed <= 24 * MIB < more.activations + more.fixed
    assert all(torch.equal(value, before[name]) for name, value in run.objective.state_dict().items())
    assert not run.optimizer.state and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_it_says_can_be_typed(tmp_path: Path) -> None:
    run = small_run(tmp_path, 24)
    found = find_batch(run, [tiny.whole_batch(1, 1, 6)])
    said = found.render()
    assert f"--set training.accumulate={found.micro_batches}" in said
    assert (found.micro_batches - 1) * found.frames < 100_000 <= found.micro_batches * found.frames
    assert f"--set batching.batch_frames={found.frames}" in said


def test_one_utterance_that_is_too_much_is_refused(tmp_path: Path) -> None:
    run = small_run(tmp_path, 0.1)
    with pytest.raises(TrainingError, match="a single utterance of") as caught:
        find_batch(run, [tiny.whole_batch(1, 1, 6)])
    assert "batching.max_frames" in caught.value.fix


def test_it_is_for_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "join_world", lambda _: nullcontext(World(0, 2)))
    config: Any = SimpleNamespace(device="cpu")
    with pytest.raises(ConfigError, match="2 processes were started") as caught:
        assemble.find_batch_of(config, tmp_path, assemble.Rooms(*[lambda *_: None] * 4))
    assert "without a launcher" in caught.value.fix
