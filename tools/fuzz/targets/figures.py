"""What the report and the comparisons read: figures, metrics, arrays of frames, confidences."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files, read_folder
from fuzz.target import Reader, Target
from fuzz.targets.several import each

_METRICS = (
    '{"split": "train", "step": 1, "loss": 2.5, "lr": 0.001}\n'
    '{"split": "dev", "step": 1, "loss": 2.25, "accuracy": 0.5}\n'
    '{"split": "train", "step": 2, "loss": 2.0, "lr": 0.002}\n'
)


def _frames(scratch: Path) -> Reader:
    import numpy as np

    from masr.io.datadir import write_datadir
    from masr.io.frames import open_frames

    frames = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)
    write_datadir(scratch / "x", {"utt2spk": {"a": "a", "b": "b"}})
    np.save(scratch / "x" / "frames.npy", frames)
    np.save(scratch / "x" / "offsets.npy", np.array([0, 4, 10]))
    (scratch / "x" / "provenance.json").write_text(
        '{"frame_shift_sec": 0.02, "first_frame_sec": 0.01}', encoding="utf-8"
    )

    def read(box: Box) -> Any:
        found = open_frames(box.input)
        return [found.grid, *(found.read(place).shape for place in range(min(3, len(found.offsets) - 1)))]

    words = ["<f4", "<i8", "(10, 4)", "0.02", "-1", "True"]
    return Reader([read_folder(scratch / "x")], read, words=words, writes_input=True)


def _results(_: Path) -> Reader:
    """What runs are compared by: the same files, through the verbs that look for one figure in them."""
    from masr.analysis.checkpoints import validated
    from masr.analysis.collect import figure, figures
    from masr.scoring.runs import as_json, read_run, render
    from masr.tables.config import ColumnConfig
    from masr.tables.scores import read_scores

    keys: dict[str, Any] = {"value": ("a", "value"), "low": ("a", "low"), "high": ("a", "high"), "count": ("n",)}
    column = ColumnConfig(name="x", step="s", file="lid.json", at=("figures",), **keys)

    def compared(run: Path) -> Any:
        found = [read_run(run)]
        render(found)
        return as_json(found)

    def read(box: Box) -> Any:
        run = box.input
        return each(
            partial(compared, run),
            partial(validated, run, "accuracy"),
            partial(figure, run / "metrics.jsonl", "loss"),
            partial(figures, run / "lid.json", "list.*.value"),
            partial(read_scores, run, column),
        )

    scores = b'{"figures": {"a": {"value": 0.5, "low": 0.25, "high": 0.75}, "n": 4}, "list": [{"value": 1}]}'
    files: Files = {"metrics.jsonl": _METRICS.encode(), "lid.json": scores, "config.yaml": b"seed: 1\n"}
    words = ['"value": 1e999', '"step": null', '"split": "dev"', "9" * 309, "NaN", "-Infinity", "[]", "{}", '"n": 0.5']
    return Reader([files], read, words=words)


def _reports(_: Path) -> Reader:
    from masr.report.contents import contents_of
    from masr.report.gather import gather
    from masr.report.page import render

    def read(box: Box) -> Any:
        page = render(contents_of(gather([box.input / "run"])))
        assert "<script>alert" not in page, "a script of the input's own is in the page"

    seeds: list[Files] = [
        {
            "run/config.yaml": b"seed: 1\ntrain: data/x\nstreams: [{name: a}]\nobjective: {name: lid}\n",
            "run/metrics.jsonl": _METRICS.encode(),
            "run/provenance.json": b'{"command": "x", "data": "data/x", "reads": {"train": {"path": "data/x"}}}',
            "run/test/lid.json": b'{"figures": {"accuracy": {"value": 0.5, "low": 0.25, "high": 0.75}}, "num_utts": 4}',
        }
    ]
    words = [
        '"loss": NaN',
        '"loss": 1e999',
        '"step": -1',
        "<script>alert(1)</script>",
        "null",
        "[]",
        "{}",
        '"step": 1e30',
    ]
    return Reader(seeds, read, words=words)


TARGETS = (
    Target("frames", "frames as masr extract writes them", _frames),
    Target("results", "metrics and scores of runs that are compared", _results),
    Target("reports", "folders of experiments, as a page", _reports),
)
