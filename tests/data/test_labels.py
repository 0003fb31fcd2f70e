from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from masr.data.labels import Column, Corruption, corrupted, label_set, labels_of
from masr.io.datadir import DataDir, write_datadir
from masr.metadata.label import Config, build

UTTS = [f"s{n:05d}-u" for n in range(4000)]


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    lang = {utt: "abcd"[n % 4] for n, utt in enumerate(UTTS)}
    lang[UTTS[1]], lang[UTTS[2]] = "unknown", ""
    del lang[UTTS[3]]
    loc = {UTTS[3]: "d", UTTS[0]: "x"}
    write_datadir(tmp_path, {"utt2spk": {utt: utt[:6] for utt in UTTS}, "utt2lang": lang, "utt2loc": loc})
    return DataDir.open(tmp_path)


def test_the_first_table_that_knows_speaks(data: DataDir) -> None:
    assert Column(data, ["utt2lang", "utt2loc"])[:6] == ["a", None, None, "d", "a", "b"]
    assert Column(data, ["utt2loc", "utt2gone", "utt2lang"])[:4] == ["x", None, None, "d"]
    assert label_set([Column(data, ["utt2lang"]), Column(data, ["utt2loc"])]) == {c: i for i, c in enumerate("abcdx")}


def test_text_and_number_agree_and_cross_to_another_process(data: DataDir) -> None:
    column = Column(data, ["utt2lang"])
    numbers = label_set([column])
    found = labels_of(column, build(Config("lang")), numbers, Corruption(0.3, 0.2, seed=5))
    again = copy.deepcopy(found)  # through __reduce__, as to a reading process
    for place in range(200):
        label = found.values[place]
        assert again.values[place] == label
        assert found.ids[place] == (-1 if label is None else numbers[label])


@pytest.mark.parametrize(("noise", "drop"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.5), (0.5, 0.3), (1.0, 0.0), (0.0, 1.0)])
def test_shares_are_those_asked_for(noise: float, drop: float) -> None:
    truth = np.arange(4000) % 4
    truth[:100] = -1
    worse = corrupted(truth, UTTS, Corruption(noise, drop, seed=1))
    assert (worse[:100] == -1).all()
    missing, wrong = worse[100:] < 0, (worse != truth)[100:] & (worse[100:] >= 0)
    assert missing.mean() == pytest.approx(drop, abs=0.03)
    assert wrong.mean() == pytest.approx(noise * (1 - drop), abs=0.03)
    if noise == 1:
        steps = np.bincount((worse - truth)[100:] % 4, minlength=4)
        assert steps[0] == 0
        assert steps[1:].min() > 1150


def test_what_is_wrong_is_a_function_of_seed_stream_and_utterance() -> None:
    truth = np.arange(4000) % 4
    rule = Corruption(0.3, 0.2, seed=1, number=0)
    worse = corrupted(truth, UTTS, rule)
    assert np.array_equal(worse, corrupted(truth, UTTS, rule))
    part = slice(1000, 3000)
    assert np.array_equal(worse[part], corrupted(truth[part], UTTS[part], rule))
    for other in (Corruption(0.3, 0.2, 2, 0), Corruption(0.3, 0.2, 1, 1)):
        assert not np.array_equal(worse, corrupted(truth, UTTS, other))


def test_a_corpus_of_one_label_has_no_other() -> None:
    assert (corrupted(np.zeros(50, np.int64), UTTS[:50], Corruption(noise=1.0)) == 0).all()
