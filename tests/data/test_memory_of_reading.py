"""What reading holds: a few numbers for each utterance of the corpus, and nothing more however long it goes on."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from masr.data.batch_config import Config as BatchingConfig
from masr.data.batching import Batches
from masr.data.collate import Known, Order, Steps
from masr.data.dataset import Config, Input, lengths_of
from masr.data.labels import Column, label_set, labels_of
from masr.io.ark import ArchiveWriter
from masr.io.datadir import DataDir
from masr.metadata.label import Config as LabelConfig
from masr.metadata.label import build

pytestmark = pytest.mark.slow

FEW, MANY = 1_000, 9_000
MOST_BYTES = 80
"""Of one more utterance: its length three times, its place twice, its label, its share of a batch. Its id alone, its
entry of feats.scp and its label as text would take 300."""


def corpus(root: Path, size: int) -> Path:
    """A data directory whose utterances all have the same frames and the same audio."""
    soundfile.write(root / "x.wav", np.full(9_600, 0.1), 16000, subtype="PCM_16")
    with ArchiveWriter(root / "feats.ark") as archive:
        archive.append("x", np.zeros((60, 2), np.float32))
    utts = [f"s{n // 10:07d}-an-utterance-with-a-long-name-{n:08d}" for n in range(size)]
    tables = {
        "feats.scp": lambda n: archive.rows["x"],
        "wav.scp": lambda n: root / "x.wav",
        "utt2dur": lambda n: (20 + n * 7919 % 41) / 100,
        "utt2num_frames": lambda n: 20 + n * 7919 % 41,
        "utt2lang": lambda n: "abc"[n % 3],
        "utt2spk": lambda n: utts[n][:8],
    }
    for name, value in tables.items():
        (root / name).write_text("".join(f"{utt} {value(n)}\n" for n, utt in enumerate(utts)), encoding="utf-8")
    return root


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def opened(folder: Path, source: str) -> Steps:
    """As a run opens it, with one stream; the first step is read."""
    data = DataDir.open(folder)
    column = Column(data, ["utt2lang"])
    labels = {"lang": labels_of(column, build(LabelConfig("lang")), label_set([column]))}
    config = Config(source=source, num_workers=0)
    batching = BatchingConfig(batch_frames=1000, min_frames=1, max_frames=60)
    batches = Batches(lengths_of(config, data, 16000), batching, 0)
    steps = Steps(Input(folder, config), Order(batches, 0), Known(labels))
    assert len(steps[0][0].utts) > 10
    return steps


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("source", ["archives", "samples"])
def test_a_larger_corpus_costs_a_few_numbers_an_utterance(tmp_path: Path, source: str) -> None:
    costs = []
    for size in (FEW, FEW, MANY):  # the first time modules are loaded and caches are filled
        folder = tmp_path / f"{len(costs)}"
        folder.mkdir()
        corpus(folder, size)
        DataDir.open(folder)  # writes the index
        before = held()
        steps = opened(folder, source)
        costs.append(held() - before)
        del steps
    assert 8 < (costs[2] - costs[1]) / (MANY - FEW) < MOST_BYTES


@pytest.mark.usefixtures("traced")
def test_reading_on_holds_nothing_more(tmp_path: Path) -> None:
    steps = opened(corpus(tmp_path, FEW), "archives")
    ids_bytes = sum(map(sys.getsizeof, steps[0][0].utts))
    for step in range(30):
        steps[step]
    before = held()
    for step in range(30, 180):
        steps[step]
    assert held() - before < 150 * ids_bytes / 10
