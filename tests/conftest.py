"""What tests of several rooms start from: a small corpus of tones in four languages, and a run that has ended on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

LANGUAGES = ("eng", "hin", "nob", "urd")
settings.register_profile("masr", max_examples=40)  # as many as find a broken line; a test that needs more says so
settings.load_profile("masr")


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/train (32 utterances) and data/dev (8), their features, and exp/units with codes."""
    import soundfile

    from masr.cli.main import main
    from masr.io.datadir import write_datadir

    root = tmp_path_factory.mktemp("spoken é")
    for split, count, first in (("train", 32, 0), ("dev", 8, 100)):
        tables: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "utt2spk", "utt2lang", "text")}
        for n in range(first, first + count):
            random = np.random.default_rng(n)
            size = int(random.integers(9_000, 16_000))
            tone = np.sin(np.arange(size) * (0.02 + 0.03 * (n % 4)) * (1 + 0.1 * random.random()))
            samples = 0.2 * tone + 0.02 * random.standard_normal(size)
            utt, path = f"s{n // 2:03d}-u{n:03d}", root / f"u{n}.wav"
            soundfile.write(path, samples, 16000, subtype="PCM_16")
            row = (str(path), f"s{n // 2:03d}", LANGUAGES[n % 4], "two plus two")
            for name, value in zip(tables, row, strict=True):
                tables[name][utt] = value
        write_datadir(root / "data" / split, tables)
        assert main(["features", str(root / "data" / split), "--set", "features.num_bins=24"]) == 0
    units = ["--set", "units.name=characters", "--set", "streams=[{name: language}, {name: lang}]"]
    train, dev = (str(root / "data" / split) for split in ("train", "dev"))
    assert main(["units", train, str(root / "exp" / "units"), "--also", dev, *units]) == 0
    (root / "run.yaml").write_text(CONF.format(root=root), encoding="utf-8")
    return root


CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
codes: "{root}/exp/units"
encoder: {{num_bins: 24, dim: 16, num_layers: 2, num_heads: 2, feed_forward_dim: 32, dropout: 0.1}}
objective: {{num_codes: 16, code_dim: 4}}
streams:
  - {{name: language, projection_dim: 8, label_drop: 0.2, warmup_steps: 0}}
  - {{name: lang, mining: label, projection_dim: 8, warmup_steps: 0}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200, stream: language, labels_per_batch: 4}}
training: {{max_steps: 4, log_every: 2, validate_every: 2, save_every: 2, tensorboard: false}}
"""


@pytest.fixture(scope="session")
def trained(spoken: Path) -> Path:
    """The folder of a run of four steps on that corpus."""
    from masr.cli.main import main

    assert main(["train", str(spoken / "run.yaml"), str(spoken / "exp" / "run")]) == 0
    return spoken / "exp" / "run"
