"""A run that is gone on with reads what it began with: whatever has changed since is named, and refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from safetensors.torch import load_file, save_file

from masr.cli.main import main
from masr.io.identity import digest_of_file
from masr.io.layout import DIGESTS, RECORD

CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
codes: "{root}/exp/units"
encoder: {{num_bins: 24, dim: 16, num_layers: 1, num_heads: 2, feed_forward_dim: 32}}
objective: {{name: best_rq, num_codes: 16, code_dim: 4}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 1, tensorboard: false}}
"""
RUNS = {
    "hubert": 'targets: "{root}/exp/clusters"\nobjective: {{name: hubert, num_clusters: 12, width: 8}}',
    "streams": "streams: [{{name: language, projection_dim: 8, warmup_steps: 0}}]",
    "guided": 'confidence: "{root}/exp/confidence"\nmasking: {{name: ask2mask, share: 0.4, span: 4}}',
    "scored": 'scorer: "{root}/exp/scorer"\nmasking: {{name: ask2mask, share: 0.4, span: 4}}',
    "tuned": 'init: "{root}/exp/scorer"\nobjective: {{name: ctc}}',
    "early": 'init: "{root}/exp/scorer@1"\nobjective: {{name: ctc}}',
    "noisy": 'data: {{num_workers: 0, source: waveform, noise: {{share: 1.0, folder: "{root}/data/noise"}}, '
    'rooms: {{share: 1.0, folder: "{root}/data/rooms"}}}}',
}


def copied(spoken: Path, root: Path) -> None:
    """Data, audio and units of the small corpus in a folder of their own, and some of them as noise and as rooms."""
    shutil.copytree(spoken / "data", root / "data")
    shutil.copytree(spoken / "exp" / "units", root / "exp" / "units")
    for name in ("noise", "rooms"):
        shutil.copytree(root / "data" / "dev", root / "data" / name, ignore=shutil.ignore_patterns("data", "feats*"))
        (root / name).mkdir()
    for wav in spoken.glob("*.wav"):
        for folder in (root, root / "noise", root / "rooms"):
            shutil.copy2(wav, folder)
    for scp in (root / "data").rglob("*.scp"):
        own = root / scp.parent.name if scp.parent.name in ("noise", "rooms") else root
        scp.write_text(scp.read_text().replace(f"{spoken}/u", f"{own}/u").replace(str(spoken), str(root)))


def run_of(root: Path, name: str, out: Path | None = None, *options: str) -> int:
    return main(["train", str(root / f"{name}.yaml"), str(out or root / "exp" / name), *options])


def cluster(root: Path, *options: str) -> None:
    data = [str(root / "data" / "train"), str(root / "exp" / "clusters"), "--also", str(root / "data" / "dev")]
    assert main(["cluster", *data, "--clusters", "12", "--conf", str(root / "run.yaml"), *options]) == 0


def score(root: Path, split: str, *options: str) -> None:
    folders = [root / "exp" / "scorer", root / "data" / split, root / "exp" / "confidence" / split]
    assert main(["confidence", *map(str, folders), *options]) == 0


@pytest.fixture(scope="module")
def root(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a run may read, and a run of one step for each way of reading it."""
    root = tmp_path_factory.mktemp("reads é")
    copied(spoken, root)
    (root / "run.yaml").write_text(CONF.format(root=root))
    for name, text in RUNS.items():
        (root / f"{name}.yaml").write_text("base: run.yaml\n" + text.format(root=root) + "\n")
    (root / "scorer.yaml").write_text("base: run.yaml\ninit: null\nobjective: {name: ctc}\n")
    cluster(root)
    assert run_of(root, "scorer") == 0
    for split in ("train", "dev"):
        score(root, split)
    for name in RUNS:
        assert run_of(root, name) == 0
    return root


def flip(path: Path, place: int = -3) -> None:
    """Another byte in the middle of the numbers; same size, and the same times."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def train_otherwise(weights: Path) -> None:
    """Other weights, with the digests that belong to them."""
    tensors = load_file(weights)
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    save_file({**tensors, name: tensors[name] + 0.1}, weights)
    (weights.parent / DIGESTS).unlink(missing_ok=True)  # of a run, which does without them
    record = weights.parent / RECORD
    if record.is_file():
        kept = json.loads(record.read_text(encoding="utf-8"))
        kept["digests"][weights.name] = digest_of_file(weights, "blake2b")
        record.write_text(json.dumps(kept), encoding="utf-8")


def swap(path: Path) -> None:
    """The first two lines of a table change their values."""
    rows = [line.split(" ", 1) for line in path.read_text().splitlines()]
    other = next(n for n, row in enumerate(rows) if row[1] != rows[0][1])
    rows[0][1], rows[other][1] = rows[other][1], rows[0][1]
    path.write_text("".join(f"{key} {value}\n" for key, value in rows))


def spelled_otherwise(units: Path) -> None:
    """The last two units change their ids."""
    *rows, one, other = units.read_text().splitlines()
    rows += [f"{a.split()[0]} {b.split()[1]}" for a, b in ((other, one), (one, other))]
    units.write_text("".join(f"{row}\n" for row in rows))


def codes(path: Path) -> None:
    with np.load(path, allow_pickle=False) as found:
        arrays = dict(found)
    arrays["codes"] = arrays["codes"][::-1]
    np.savez(path, **arrays)


def write_other_text(path: Path) -> None:
    path.write_text(path.read_text().replace("two plus two", "two plus owt", 1))


def louder(wav: Path) -> None:
    samples, rate = soundfile.read(wav, dtype="int16")
    soundfile.write(wav, samples // 2, rate, subtype="PCM_16")


def first(root: Path, pattern: str) -> Path:
    return sorted(root.glob(pattern))[0]


CHANGES: list[tuple[str, str, Callable[[Path], Any]]] = [
    ("hubert", "targets", lambda root: cluster(root, "--seed", "1")),
    ("streams", "codes/codes/language.npz", lambda root: codes(root / "exp/units/codes/language.npz")),
    ("streams", "train", lambda root: swap(root / "data/train/utt2lang")),
    ("streams", "dev", lambda root: swap(root / "data/dev/utt2lang")),
    ("streams", "train/feats.scp", lambda root: flip(first(root, "data/train/data/feats.*.ark"))),
    ("streams", "train/feats.scp", lambda root: flip(root / "data/train/data/cmvn.ark")),
    ("streams", "dev/feats.scp", lambda root: flip(first(root, "data/dev/data/feats.*.ark"))),
    ("guided", "confidence/train", lambda root: score(root, "train", "--measure", "margin", "--replace")),
    ("guided", "confidence/dev", lambda root: score(root, "dev", "--measure", "margin", "--replace")),
    ("guided", "confidence/train", lambda root: flip(first(root, "exp/confidence/train/data/*.ark"))),
    ("scored", "scorer", lambda root: train_otherwise(root / "exp/scorer/model.safetensors")),
    ("scored", "scorer", lambda root: train_otherwise(root / "exp/scorer/stats.safetensors")),
    ("tuned", "init", lambda root: train_otherwise(root / "exp/scorer/model.safetensors")),
    ("early", "init", lambda root: train_otherwise(first(root, "exp/scorer/checkpoints/step_*/model.safetensors"))),
    ("tuned", "codes/units.txt", lambda root: spelled_otherwise(root / "exp/units/units.txt")),
    ("tuned", "train", lambda root: write_other_text(root / "data/train/text")),
    ("noisy", "train/wav.scp", lambda root: louder(root / "u0.wav")),
    ("noisy", "dev/wav.scp", lambda root: louder(root / "u100.wav")),
    ("noisy", "data.noise.folder/wav.scp", lambda root: louder(root / "noise/u100.wav")),
    ("noisy", "data.noise.folder", lambda root: (root / "data/noise/wav.scp").write_text("s050-u100 u100.wav\n")),
    ("noisy", "data.rooms.folder/wav.scp", lambda root: louder(root / "rooms/u101.wav")),
]


@pytest.fixture
def unharmed(root: Path, tmp_path: Path) -> Iterator[Path]:
    """The place, which is put back as it was, times included."""
    shutil.copytree(root, tmp_path / "kept", ignore=shutil.ignore_patterns(*RUNS))
    kept = {
        path: root / path.relative_to(tmp_path / "kept") for path in (tmp_path / "kept").rglob("*") if path.is_file()
    }
    touched = {path: path.stat().st_ctime_ns for path in kept.values()}
    yield root
    for copy, path in kept.items():
        if not path.exists() or path.stat().st_ctime_ns != touched[path]:
            shutil.copy2(copy, path)


@pytest.mark.parametrize(("name", "named", "change"), CHANGES, ids=[f"{n}-{what}" for n, what, _ in CHANGES])
def test_what_has_changed_is_named_and_refused(
    unharmed: Path, name: str, named: str, change: Callable[[Path], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = unharmed / "exp" / name
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    change(unharmed)
    capsys.readouterr()
    assert run_of(unharmed, name, None, "--max-steps", "2") == 2
    said = " ".join(capsys.readouterr().err.split())
    named_so = f" {named} (" in said and " was " in said and " and is now " in said and str(run) in said
    assert named_so or "damaged: it is not what" in said  # an archive's own checksums are the first to tell
    assert "fix:" in said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", RUNS)
def test_where_nothing_has_changed_it_goes_on(
    root: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root / "exp" / name, tmp_path / name)
    assert run_of(root, name, tmp_path / name, "--max-steps", "2") == 0
    assert "going on after step 1" in capsys.readouterr().err


def test_a_run_that_has_ended_is_no_run_of_other_targets(unharmed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster(unharmed, "--seed", "1")
    assert run_of(unharmed, "hubert") == 2
    assert "nothing is left to do" not in capsys.readouterr().err


def test_a_checkpoint_that_does_not_say_what_was_read_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root / "exp" / "hubert", tmp_path / "old")
    for path in (tmp_path / "old" / "checkpoints").glob("*/record.json"):
        record = json.loads(path.read_text())
        del record["reads"]
        path.write_text(json.dumps(record))
    assert run_of(root, "hubert", tmp_path / "old", "--max-steps", "2") == 2
    said = capsys.readouterr().err
    assert "does not say what it read" in said and "fix:" in said


def test_what_was_read_stands_in_provenance(root: Path) -> None:
    from masr.io.identity import identity

    for name, expected in {"hubert": "targets", "guided": "confidence/train", "early": "init"}.items():
        reads = json.loads((root / "exp" / name / "provenance.json").read_text())["reads"]
        assert {"train", "dev", "train/feats.scp", expected} <= reads.keys()
        assert all(identity(read["path"]) == read["identity"] for read in reads.values())


def test_a_moved_project_goes_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same folders under another path, with the paths inside tables and configurations corrected."""
    here, there = tmp_path / "here", tmp_path / "there"
    shutil.copytree(root, here, ignore=shutil.ignore_patterns(*RUNS))

    def corrected(folder: Path, before: Path) -> None:
        for path in [*folder.rglob("*.scp"), *folder.glob("*.yaml")]:
            path.write_text(path.read_text().replace(str(before), "." if path.suffix == ".yaml" else str(folder)))

    corrected(here, root)
    for name in ("hubert", "noisy"):
        (here / f"{name}.yaml").write_text("base: run.yaml\n" + RUNS[name].format(root="."))
        monkeypatch.chdir(here)
        assert run_of(Path(), name) == 0
    here.rename(there)
    corrected(there, here)
    monkeypatch.chdir(there)
    for name in ("hubert", "noisy"):
        assert run_of(Path(), name, None, "--max-steps", "2") == 0
        assert "going on after step 1" in capsys.readouterr().err
