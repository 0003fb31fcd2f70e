"""What batches are balanced by, and what may stand beside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from masr.data.batch_config import Config
from masr.data.collate import Labels
from masr.errors import ConfigError
from masr.training.batches import balanced_by, heard

UTTS = [f"u{n}" for n in range(8)]
LABELS = {
    "utt2lang": Labels(None, [], np.array([0, 0, 0, 1, 1, 1, -1, -1])),
    "spk": Labels(None, [], np.array([0, 1, 0, 1, -1, 0, 1, 0])),
}
KEPT = np.array([True, False, True, True, True, True, True, True])


def config(learned: str | None, accumulate: int = 1, **batching: Any) -> Any:
    objective = SimpleNamespace(config=SimpleNamespace(learned=learned))
    training = SimpleNamespace(accumulate=accumulate)
    return SimpleNamespace(objective=objective, training=training, batching=Config(**batching), seed=0)


DATA: Any = SimpleNamespace(utts=UTTS)


def test_without_a_label_to_learn_all_that_is_kept_is_heard() -> None:
    given = config(None, stream="spk")
    assert heard(given, DATA, LABELS, None) is None
    assert heard(given, DATA, LABELS, KEPT) is KEPT
    assert balanced_by(given, DATA, LABELS) is LABELS["spk"].ids


@pytest.mark.parametrize(("shots", "count"), [(0, 6), (2, 4)])
def test_what_is_not_learnt_from_does_not_come_in_as_unlabelled(shots: int, count: int) -> None:
    given = config("utt2lang", stream="spk", shots=shots)
    found = heard(given, DATA, LABELS, None)
    assert found is not None and found.sum() == count and not found[6:].any()
    both = heard(given, DATA, LABELS, KEPT)
    assert both is not None and both.tolist() == (found & KEPT).tolist()


def test_without_a_stream_the_labels_that_are_learnt_say_what_is_drawn() -> None:
    given = config("utt2lang")
    assert heard(given, DATA, LABELS, KEPT) is KEPT
    assert balanced_by(given, DATA, LABELS).tolist() == LABELS["utt2lang"].ids.tolist()
    assert balanced_by(config(None), DATA, LABELS) is None


def test_each_micro_batch_has_two_utterances_of_a_label() -> None:
    given = config(None, accumulate=3, stream="spk", utterances_per_label=6)
    assert balanced_by(given, DATA, LABELS) is LABELS["spk"].ids
    with pytest.raises(ConfigError, match=r"accumulate 3 .* two utterances") as caught:
        balanced_by(config(None, accumulate=3, stream="spk", utterances_per_label=5), DATA, LABELS)
    assert caught.value.fix == "set batching.utterances_per_label to 6, or training.accumulate to 1"
