"""What Python users load: beside the encoder of all tests a run that names languages, and one that writes text."""

from __future__ import annotations

from pathlib import Path

import pytest

CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
codes: "{root}/exp/units"
init: "{init}"
data: {{num_workers: 0}}
training: {{log_every: 10, validate_every: 10, tensorboard: false}}
"""
LID = (
    CONF
    + """\
objective: {{name: lid, pooling: statistics}}
batching: {{batch_frames: 1600, max_frames: 60}}
optim: {{peak_lr: 1e-2, warmup_steps: 4}}
"""
)
CTC = (
    CONF
    + """\
objective: {{name: ctc}}
batching: {{batch_frames: 3200, max_frames: 200}}
optim: {{peak_lr: 1e-2, warmup_steps: 4, schedule: constant}}
"""
)


def train(spoken: Path, trained: Path, name: str, conf: str, steps: int) -> Path:
    from masr.cli.main import main

    (spoken / f"{name}.yaml").write_text(conf.format(root=spoken, init=trained), encoding="utf-8")
    out = spoken / "exp" / name
    assert main(["train", str(spoken / f"{name}.yaml"), str(out), "--max-steps", str(steps)]) == 0
    return out


@pytest.fixture(scope="session")
def identifying(spoken: Path, trained: Path) -> Path:
    """A run that tells the four languages of the corpus apart."""
    return train(spoken, trained, "api_lid", LID, 20)


@pytest.fixture(scope="session")
def transcribing(spoken: Path, trained: Path) -> Path:
    """A run that writes what all of the corpus says: two plus two."""
    return train(spoken, trained, "api_ctc", CTC, 60)
