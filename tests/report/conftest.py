"""A folder as a run leaves it, with names that would be markup if anyone let them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.io.datadir import write_datadir
from masr.io.figure import (
    Axis,
    Bars,
    Confusion,
    Curve,
    Curves,
    Heatmap,
    Merge,
    Scatter,
    Series,
    Table,
)
from masr.io.figure_file import write_figure

HOSTILE = "<script>window.parent.broken=1</script>"
QUOTE = "\"'><img src=x onerror=window.parent.broken=1>"
CONFIG = """\
train: data/pretrain
encoder: {name: conformer, dim: 96}
streams:
  - {name: language, weight: 0.2}
optim: {peak_lr: 0.002, betas: [0.9, 0.98]}
training: {max_steps: 300}
"""


def write_run(folder: Path, seed: int = 0, *, steps: int = 12) -> Path:
    """Curves, a configuration, scores, embeddings and one figure of each kind."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as stream:
        for step in range(1, steps + 1):
            split = "dev" if step % 4 == 0 else "train"
            entry: dict[str, object] = {"step": 20 * step, "split": split, "loss": 5 / step + random.random()}
            entry |= {"masked_accuracy": 0.1 + step / 99, "codes_used": 150.0, "code_perplexity": 70.0, HOSTILE: step}
            entry |= {"language": 0.5, "language_positive_distance": 2.0, "language_negative_distance": 1.0 + step}
            entry |= {"grad_norm": 10.0**step, "lr": 1e-3, "audio_hours_per_hour": 150.0} if split == "train" else {}
            stream.write(json.dumps(entry) + "\n")
        stream.write('{"step": 300, "split": "skip", "reason": "<b>loss</b> is nan"}\n{"step": 30')
    (folder / "config.yaml").write_text(CONFIG + f"seed: {seed}\n", encoding="utf-8")
    (folder / "provenance.json").write_text(json.dumps({"command": f"masr train {QUOTE}", "commit": "abc"}))
    share = {"accuracy": 0.3 + seed / 10, "low": 0.2, "high": 0.6, "count": 126}
    scores = {"shares": {"all": {"1-NN": share, HOSTILE: share}}, "chance": 0.02, "num_labels": 4}
    (folder / "dev.json").write_text(json.dumps(scores), encoding="utf-8")
    write_embeddings(folder / "dev", random)
    write_figures(folder, random)
    return folder


def write_embeddings(folder: Path, random: np.random.Generator) -> None:
    utts = [f"s{n:02d}-u" for n in range(24)]
    codes = ["eng", "hin", "tam", "swa", "jpn", "<b>x"]
    places = ["51.5 -0.1", "28.6 77.2", "13.1 80.3", "-1.3 36.8", "35.7 139.7", "70 -150"]
    tables = {
        "utt2spk": {u: u[:3] for u in utts},
        "utt2lang": {u: codes[n % 6] for n, u in enumerate(utts)},
        "utt2loc": {u: places[n % 6] for n, u in enumerate(utts)},
        "utt2group": {u: ["we", "sa", "sa", "<i>ssa", "cjk", "we"][n % 6] for n, u in enumerate(utts)},
    }
    write_datadir(folder, tables)
    np.save(folder / "embeddings.npy", random.standard_normal((24, 8)).astype(np.float32))


def write_figures(folder: Path, random: np.random.Generator) -> None:
    names = ("eng", "hin", HOSTILE)
    tree = (Merge(0, 2, 0.4), Merge(3, 1, 0.9))
    layers = Axis("layer", ticks=("in", "1", "2"))
    curve = Curve(QUOTE, [0, 1, 2], [0.5, np.nan, 0.8], [0.4, np.nan, 0.7], [0.6, np.nan, 0.9])
    square = random.random((3, 3))
    many = tuple(f"recording {n}\t{QUOTE}" for n in range(60))
    figures = {
        "probe": Curves("Probes", (curve,), layers, Axis("accuracy", "share"), HOSTILE),
        "cka": Heatmap(HOSTILE, square, names, names, row_tree=tree, column_tree=tree),
        "change": Heatmap("Change", square - 0.5, names, names, scale="diverging"),
        "abx": Heatmap("ABX", random.random((60, 60)), many, many, unit="share"),
        "lid": Confusion("LID", [[3, 1, 0], [0, 4, 2], [0, 0, 0]], names, names),
        "eer": Bars("EER", names, (Series("ours", [0.1, np.nan, 0.3]), Series(QUOTE, [0.2, 0.1, 0.1]))),
        "points": Scatter("Points", [0.1, 1, 10], [1, 2, 3], names, names, Axis("loss", log=True), Axis("y")),
        "rows": Table("Rows", ("a", HOSTILE), (("x", 1.5), (HOSTILE, None))),
    }
    for name, figure in figures.items():
        write_figure(folder / f"{name}.figure.json", figure)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("report") / "exp" / "run<b>")


@pytest.fixture(scope="session")
def two_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("report two") / "exp"
    return write_run(root / "plain" / "seed1", 0), write_run(root / "masr" / "seed1", 1, steps=20)
