"""A scorer asked in every step gives what it would have stored, and what does not fit is refused at the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from masr.api import frame_scorer, read_units
from masr.cli.main import main
from masr.config import loads
from masr.errors import ConfigError, MasrError
from masr.io.ark import read_array
from masr.io.datadir import read_table
from masr.plugins import build, resolve
from masr.training.assemble import Rooms, assemble, with_features
from masr.training.config import TrainConfig
from masr.training.distributed import World
from masr.training.run import Run

ENCODER = "encoder: {{num_bins: 24, dim: 16, num_layers: 1, num_heads: 2, feed_forward_dim: 32}}"
CTC = (
    """\
train: "{root}/data/train"
dev: null
codes: "{root}/exp/units"
data: {{num_workers: 0}}
init: null
objective: {{name: ctc}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 2, tensorboard: false}}
"""
    + ENCODER
)
GUIDED = (
    """\
train: "{root}/data/train"
dev: "{root}/data/dev"
codes: "{root}/exp/units"
scorer: "{scorer}"
masking: {{name: ask2mask, share: 0.4, span: 4}}
objective: {{num_codes: 16, code_dim: 4}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 2, validate_every: 2, tensorboard: false}}
"""
    + ENCODER
)


@pytest.fixture(scope="module")
def listener(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CTC run of two steps, normalised by its own training data."""
    out = tmp_path_factory.mktemp("listener")
    (out / "ctc.yaml").write_text(CTC.format(root=spoken), encoding="utf-8")
    assert main(["train", str(out / "ctc.yaml"), str(out / "run")]) == 0
    return out / "run"


def config(spoken: Path, listener: Path, *changes: str) -> TrainConfig:
    text = GUIDED.format(root=spoken, scorer=listener)
    return with_features(loads(TrainConfig, text, "test", list(changes), resolve=resolve), resolve)


def assembled(given: TrainConfig, out: Path) -> Run:
    return assemble(given, out, World(), Rooms(resolve, build, read_units, frame_scorer))


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("data.source=waveform", "data.noise.share=1.0"),
        ("data.time_masks=2", "data.bin_masks=2", "data.normalise=utterance"),
        ("scorer_measure=margin", "scorer_exclude_blank=true"),
    ],
)
def test_what_is_scored_in_training_equals_what_is_stored(
    spoken: Path, listener: Path, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    """Whatever else happens to the batch: the scorer hears the speech as it is, normalised by its own statistics."""
    if "data.noise.share=1.0" in changes:
        changes = (*changes, f'data.noise.folder="{spoken}/data/dev"')
    options = [] if "scorer_measure=margin" not in changes else ["--measure", "margin", "--exclude-blank"]
    data = spoken / "data"
    for split in ("train", "dev"):
        assert main(["confidence", str(listener), str(data / split), str(tmp_path / split), *options]) == 0
    given = config(spoken, listener, *changes)
    run = assembled(given, tmp_path / "run")
    for batches, split in ((run.data.training(0), "train"), (run.data.validation(0), "dev")):
        stored = {utt: read_array(e) for utt, e in read_table(tmp_path / split / "confidence.scp").items()}
        seen = 0
        for batch in (batch for micro in batches for batch in micro):
            assert batch.confidence is not None and not batch.confidence.requires_grad
            lengths = run.objective.encoder.num_encoded(batch.lengths)  # type: ignore[operator,union-attr]
            assert batch.confidence.shape == (len(batch.utts), int(lengths.max()))
            for utt, row, size in zip(batch.utts, batch.confidence.numpy(), lengths.tolist(), strict=True):
                np.testing.assert_allclose(
                    row[:size], stored[utt], atol=1e-4 if "data.source=waveform" in changes else 5e-6
                )
                assert not row[size:].any()
                seen += 1
        assert seen >= 8


def test_a_run_guided_by_its_scorer_ends_and_tells_of_it(spoken: Path, listener: Path, tmp_path: Path) -> None:
    (tmp_path / "guided.yaml").write_text(GUIDED.format(root=spoken, scorer=listener), encoding="utf-8")
    assert main(["train", str(tmp_path / "guided.yaml"), str(tmp_path / "run")]) == 0
    assert '"masked_confidence"' in (tmp_path / "run" / "metrics.jsonl").read_text()
    more = ["--set", "training.max_steps=3"]
    assert main(["train", str(tmp_path / "guided.yaml"), str(tmp_path / "run"), *more]) == 0


def test_a_run_is_not_gone_on_with_under_another_scorer(
    spoken: Path, listener: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "guided.yaml").write_text(GUIDED.format(root=spoken, scorer=tmp_path / "scorer"), encoding="utf-8")
    command = ["train", str(tmp_path / "guided.yaml"), str(tmp_path / "run")]
    import shutil

    shutil.copytree(listener, tmp_path / "scorer")
    assert main(command) == 0
    from safetensors.torch import load_file, save_file

    weights = load_file(listener / "model.safetensors")
    save_file(
        {name: w + 0.1 if name == "output.bias" else w for name, w in weights.items()},
        tmp_path / "scorer" / "model.safetensors",
    )
    (tmp_path / "scorer" / "digests.json").unlink(missing_ok=True)  # those of the weights that were there before
    assert main([*command, "--set", "training.max_steps=3"]) == 2
    assert "scorer (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("encoder.subsampling=2",), "every 40 ms, and the encoder makes a frame every 20 ms"),
        (("data.source=waveform", "features={name: log_mel, num_bins: 24, shift_ms: 12.5}"), "every 50 ms"),
        (("confidence=somewhere",), "both confidence and scorer are set"),
    ],
)
def test_what_does_not_fit_is_refused(
    spoken: Path, listener: Path, tmp_path: Path, changes: tuple[str, ...], words: str
) -> None:
    with pytest.raises(MasrError, match=words):
        assembled(config(spoken, listener, *changes), tmp_path)


def test_other_features_and_statistics_that_are_not_read_are_refused(spoken: Path, listener: Path) -> None:
    scorer = frame_scorer(listener, "cpu")
    given = config(spoken, listener)
    assert given.features is not None
    scorer.check_input(given.data, given.features, 16000)
    other = replace(given.features, config=replace(given.features.config, low_hz=50.0))
    with pytest.raises(ConfigError, match="was trained on other features than are read"):
        scorer.check_input(given.data, other, 16000)
    with pytest.raises(ConfigError, match="takes 16000 samples a second, and the data are read at 8000"):
        scorer.check_input(replace(given.data, source="waveform"), given.features, 8000)
    scorer.emitter.model.norm = "speaker"
    with pytest.raises(ConfigError, match="wants its input normalised by speaker"):
        scorer.check_input(given.data, given.features, 16000)
    assert torch.is_grad_enabled()
