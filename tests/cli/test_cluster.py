from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from masr.cli.main import main
from masr.io.ark import read_array
from masr.io.datadir import read_table

HUBERT = ["--set", "objective={name: hubert, num_clusters: 12, width: 8}"]


@pytest.fixture(scope="module")
def clusters(spoken: Path) -> Path:
    out = spoken / "exp" / "clusters"
    data = [str(spoken / "data" / "train"), str(out), "--also", str(spoken / "data" / "dev")]
    assert main(["cluster", *data, "--clusters", "12", "--conf", str(spoken / "run.yaml")]) == 0
    return out


def test_every_encoded_frame_has_a_cluster(spoken: Path, clusters: Path) -> None:
    rows = read_table(clusters / "targets.scp")
    for split in ("train", "dev"):
        for utt, count in read_table(spoken / "data" / split / "utt2num_frames").items():
            labels = read_array(rows[utt])
            assert len(labels) == ((int(count) - 3) // 2 + 1 - 3) // 2 + 1
            assert ((labels >= 0) & (labels < 12) & (labels == np.rint(labels))).all()


def test_a_label_is_that_of_the_frame_in_the_middle(spoken: Path, clusters: Path) -> None:
    from safetensors.torch import load_file

    from masr.features.mfcc import Config, build
    from masr.io.audio import read_audio

    utt, path = next(iter(read_table(spoken / "data" / "train" / "wav.scp").items()))
    samples = torch.from_numpy(read_audio(path))
    frames, _ = build(Config(deltas=2, use_energy=False))(samples[None], torch.tensor([len(samples)]))
    centres = load_file(clusters / "clusters.safetensors")["centres"]
    nearest = torch.cdist(frames[0].double(), centres.double()).argmin(dim=1)
    labels = read_array(read_table(clusters / "targets.scp")[utt])
    # Encoded frame n sees the input frames 4 n to 4 n + 6.
    assert labels.tolist() == nearest[3::4][: len(labels)].tolist()


def test_hubert_trains_on_them_and_its_layers_give_the_next(spoken: Path, clusters: Path, tmp_path: Path) -> None:
    targets = ["--set", f"targets={json.dumps(str(clusters))}"]
    crop = ["--set", "batching.max_frames=60", "--set", "batching.batch_frames=800"]
    assert main(["train", str(spoken / "run.yaml"), str(tmp_path / "hubert"), *HUBERT, *targets, *crop]) == 0
    lines = [json.loads(line) for line in (tmp_path / "hubert" / "metrics.jsonl").read_text().splitlines()]
    assert 0 < lines[-1]["masked_prediction"] < 100
    data = [str(spoken / "data" / "train"), str(tmp_path / "next"), "--clusters", "5"]
    model = ["--features", str(tmp_path / "hubert"), "--layer", "1", "--conf", str(spoken / "run.yaml")]
    assert main(["cluster", *data, *model]) == 0
    first, second = (read_table(folder / "targets.scp") for folder in (clusters, tmp_path / "next"))
    assert all(read_array(second[utt]).shape == read_array(first[utt]).shape for utt in second)


def test_the_same_seed_gives_the_same_targets(spoken: Path, clusters: Path, tmp_path: Path) -> None:
    data = [str(spoken / "data" / "train"), str(tmp_path)]
    assert main(["cluster", *data, "--clusters", "12", "--conf", str(spoken / "run.yaml")]) == 0
    first, second = read_table(clusters / "targets.scp"), read_table(tmp_path / "targets.scp")
    assert all(np.array_equal(read_array(first[utt]), read_array(second[utt])) for utt in second)


def test_targets_of_another_encoder_or_corpus_are_refused(
    spoken: Path, clusters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(*options: str) -> str:
        folder = str(clusters)
        command = ["train", str(spoken / "run.yaml"), str(tmp_path / "run"), *HUBERT]
        assert main([*command, "--set", f"targets={json.dumps(folder)}", *options]) == 2
        return capsys.readouterr().err

    assert "fewer targets" in train("--set", "encoder.subsampling=2")
    rows = read_table(clusters / "targets.scp")
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "targets.scp").write_text("".join(f"{u} {rows[u]}\n" for u in list(rows)[:3]))
    assert "no targets for" in train("--set", f"targets={json.dumps(str(tmp_path / 'few'))}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clusters", "0"], "--clusters 0"),
        (["--layer", "1"], "says nothing about mfcc"),
        (["--features", "gone"], "not the folder of a run"),
        (["--clusters", "100000"], "different frames"),
    ],
)
def test_what_cannot_be_exits_2(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["cluster", str(spoken / "data" / "dev"), str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
