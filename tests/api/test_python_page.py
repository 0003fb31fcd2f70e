"""docs/python.md: its code from top to bottom, in one namespace, on small models; what its comments promise is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import masr
from masr.cli.main import main
from masr.errors import AudioError

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def here(
    spoken: Path, trained: Path, identifying: Path, transcribing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folders that the page speaks of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp").mkdir()
    for name, run in (("pretrain", trained), ("lid", identifying), ("ctc", transcribing)):
        (tmp_path / "exp" / name).symlink_to(run)
    (tmp_path / "recordings").mkdir()
    for name, n in (("one", 100), ("two", 101), ("three", 102)):
        (tmp_path / "recordings" / f"{name}.wav").symlink_to(spoken / f"u{n}.wav")
    samples, _ = soundfile.read(spoken / "u103.wav")
    soundfile.write(tmp_path / "recordings" / "stereo.wav", np.stack([samples / 2, samples], 1).repeat(3, 0), 44100)
    assert main(["words", str(spoken / "data" / "train"), "exp/words"]) == 0
    return tmp_path


@pytest.mark.usefixtures("here")
def test_the_page_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("flashlight.lib.text")
    capsys.readouterr()
    names: dict[str, Any] = {}
    promised = []
    for block in BLOCKS:
        exec(block, names)  # of our own page
        promised += re.findall(r"print\(error\.\w+\)  # (.*)", block)
    said = capsys.readouterr().out.splitlines()
    assert len(promised) == 4 and all(said.count(line) == 1 for line in promised), said
    dim = names["model"].dim
    assert names["frames"].shape == (len(names["times"]), dim) and names["vector"].shape == (dim,)
    assert names["layer"].shape == names["frames"].shape and names["both"].shape == (2 * dim,)
    assert names["vectors"].shape == (len(names["files"]), dim) == (2, dim)
    assert [one.shape[1] for one in names["mixed"]] == [dim, dim]
    assert names["stereo"].shape[1] == 2 and names["fast"] == 44100
    assert isinstance(names["answer"], masr.Identification) and isinstance(names["said"], masr.Transcript)
    assert [len(one.languages) for one in names["answers"]] == [2, 2]
    assert len(names["codes"]) == 2 and set(names["codes"]) <= {"eng", "hin", "nob", "urd"}


def test_every_method_every_argument_and_every_type_is_on_the_page() -> None:
    code = "\n".join(BLOCKS)
    for method in ("encode", "embed", "identify", "transcribe"):
        assert f".{method}(" in code
    for word in ("rate=", "resample=True", 'channel="loudest"', "layer=", "pooling=", "top=", "decoding="):
        assert word in code
    for name in masr.__all__:
        assert name in ("__version__", "Channel") or f"masr.{name}" in PAGE


def test_the_error_in_a_notebook_shows_what_to_do(spoken: Path, trained: Path) -> None:
    import traceback

    with pytest.raises(AudioError) as caught:
        masr.load(trained, "cpu").embed((np.zeros((9000, 2)), 16000))
    shown = "".join(traceback.format_exception_only(caught.value))
    assert "AudioError: the waveform: not mono: 2 channels\n" in shown
    assert "\n  why: " in shown and '\n  fix: say which: channel=0, channel="loudest"' in shown
