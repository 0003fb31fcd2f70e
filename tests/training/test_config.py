"""Settings that contradict each other are refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.config import load
from masr.errors import ConfigError
from masr.plugins import resolve
from masr.training.config import TrainConfig

STREAMS = "streams: [{{name: language, warmup_steps: {warmup}, weight: {weight}}}]\ntraining: {{max_steps: 300}}\n"


@pytest.mark.parametrize(
    ("warmup", "weight", "refused"), [(400, 0.2, True), (300, 0.2, True), (75, 0.2, False), (400, 0, False)]
)
def test_mining_that_never_gets_hard_is_refused(tmp_path: Path, warmup: int, weight: float, refused: bool) -> None:
    path = tmp_path / "conf.yaml"
    path.write_text(STREAMS.format(warmup=warmup, weight=weight))
    if not refused:
        assert load(TrainConfig, path, resolve=resolve).streams[0].common.warmup_steps == warmup
        return
    with pytest.raises(ConfigError, match=f"warms up for {warmup} steps of 300; set warmup_steps to 75"):
        load(TrainConfig, path, resolve=resolve)
