"""Small runs that have ended, for what reads runs: made once by a process, with masr's own verbs."""

from __future__ import annotations

import atexit
import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

_ENCODER = "{num_bins: 24, dim: 16, num_layers: 2, num_heads: 2, feed_forward_dim: 24}"
_LANGUAGES = ("eng", "hin", "urd")
_CONF = """\
train: "{root}/data"
dev: "{root}/data"
init: null
encoder: {encoder}
objective: {{name: lid, pooling: statistics}}
data: {{num_workers: 0, normalise: global}}
batching: {{batch_frames: 1600, max_frames: 60, max_utterances: 16}}
training: {{max_steps: 2, log_every: 1, validate_every: 2, save_every: 1, keep_last: 2, tensorboard: false}}
"""


@cache
def identifying_run() -> Path:
    """The folder of a run of two steps that learnt three languages, with its checkpoints."""
    import numpy as np
    import soundfile

    from masr.cli.main import main
    from masr.io.datadir import write_datadir

    root = Path(tempfile.mkdtemp(prefix="masr-fuzz-run-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    tables: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "utt2spk", "utt2lang")}
    for n in range(9):
        path = root / f"{n}.wav"
        soundfile.write(path, 0.1 * np.random.default_rng(n).standard_normal(9600), 16000, subtype="PCM_16")
        for name, value in zip(tables, (str(path), f"s{n}", _LANGUAGES[n % 3]), strict=True):
            tables[name][f"s{n}-u"] = value
    write_datadir(root / "data", tables)
    (root / "lid.yaml").write_text(_CONF.format(root=root, encoder=_ENCODER), encoding="utf-8")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        codes = [
            main(["features", str(root / "data"), "--set", "features.num_bins=24"]),
            main(["train", str(root / "lid.yaml"), str(root / "run")]),
        ]
    if any(codes):
        raise RuntimeError(f"the run that is to be damaged could not be made:\n{said.getvalue()}")
    return root / "run"


def answers(model: Any, windows: Iterable[Any]) -> Any:
    """What `masr identify` would print of one file: nothing where its report refuses the model's answer."""
    from masr.inference.identify_report import Report

    report = Report(["x"], model.languages, 3, True, None)
    found = list(model.identify(windows, are_frames=False))
    for one in found:
        report.add(one)
    report.close()
    return None if report.num_failed else found
