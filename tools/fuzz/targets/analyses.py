"""What the analyses read beside frames: items, labels of frames, matrices, tables of points, vectors, confidences."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files
from fuzz.target import Reader, Target
from fuzz.targets.several import each

_FACTS = """{"measure": "max", "exclude_blank": true, "frame_shift_sec": 0.01, "subsampling": 4, "takes_samples": false,
 "scorer": "exp/ctc", "scorer_digest": "x", "data": "data", "data_digest": "", "num_utts": 1, "num_frames": 9,
 "num_short": 0, "mean": 0.5, "content": {"a": [0.5, 1]}}
"""
_POINTS = "run\tbound\twer\na\t0.5\t10\nb\t0.75\t8\nc\t1.0\t7.5\nd\t1.25\t7\n"
_ITEMS = "#file onset offset #phone prev next speaker\na 0 0.1 AH B K a\nb 0.05 0.2 B SIL AH b\n"


def _analyses(_: Path) -> Reader:
    import numpy as np

    from masr.analysis.abx.items import from_item_file, place_items
    from masr.analysis.columns import read_rows
    from masr.analysis.frame_labels import phone_labels
    from masr.analysis.similarity.matrix import read_matrix
    from masr.io.confidence import read_facts
    from masr.io.datadir import DataDir
    from masr.io.frames import ArrayFrames, Grid
    from masr.scoring.neighbours import read_embedded

    frames = ArrayFrames("x", np.ones((20, 2), np.float32), np.array([0, 10, 20]), ["a", "b"])
    frames.grid = Grid(0.02, 0.01)

    def items(path: Path) -> Any:
        found = list(from_item_file(path))
        place_items(found, frames)
        return found

    def phones(folder: Path) -> Any:
        labels = phone_labels(DataDir.open(folder), frames)
        return [labels.read(place) for place in range(2)]

    def read(box: Box) -> Any:
        folder = box.input
        return each(
            partial(items, folder / "x.item"),
            partial(phones, folder),
            partial(read_matrix, folder / "m.tsv"),
            partial(read_rows, folder / "points.tsv", ["bound", "wer"]),
            partial(read_facts, folder),
            partial(read_embedded, folder, "lang"),
        )

    stream = io.BytesIO()
    np.save(stream, np.eye(2, 3, dtype=np.float32))
    texts = {
        "utt2spk": "a a\nb b\n",
        "utt2lang": "a hin\nb urd\n",
        "phones.ctm": "a 1 0.00 0.10 AH\na 1 0.10 0.10 B\nb 1 0 0.2 SIL\n",
        "x.item": _ITEMS,
        "m.tsv": "\ta\tb\na\t1\t0.5\nb\t0.5\t1\n",
        "points.tsv": _POINTS,
        "confidence.scp": "a input/c.ark:2\n",
        "confidence.json": _FACTS,
    }
    files: Files = {"embeddings.npy": stream.getvalue(), **{name: text.encode() for name, text in texts.items()}}
    words = ["a", "b", "AH", "\t", "0.05", "<f4", "(2, 3)", '"subsampling": 1e999', '"content": []']
    return Reader([files], read, words=words, writes_input=True)


TARGETS = (Target("analyses", "items, phones, matrices, points, vectors and confidences", _analyses),)
