"""Types of what Python users call: nothing of them is Any, and mypy knows what every method returns."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import masr

CHECKOUT = Path(masr.__file__).parents[1]
METHODS = ("encode", "embed", "identify", "transcribe")
RECORDS = (masr.Identification, masr.LanguageProbability, masr.Transcript, masr.TimedWord, masr.RankedText)
SCRIPT = """\
# mypy: disallow-any-expr
from pathlib import Path

import masr
import numpy as np
import torch

model = masr.load("exp/run")
wave = np.zeros(16000, np.float32)
files = sorted(Path("recordings").rglob("*.wav"))
things: list[masr.Speech] = ["a.wav", Path("b.wav"), (wave, 16000), (torch.zeros(16000), 16000.0)]
reveal_type(model)  # SpeechModel
reveal_type(model.encode("a.wav", layer=2))  # Tensor
reveal_type(model.encode(files, resample=True, channel=0))  # list[Tensor]
reveal_type(model.encode(wave, rate=16000))  # Tensor
reveal_type(model.encode([wave, wave], 16000))  # list[Tensor]
reveal_type(model.encode(things))  # list[Tensor]
reveal_type(model.embed((wave, 44100), pooling="statistics", resample=True))  # Tensor
reveal_type(model.embed([(wave, 44100)], channel="loudest"))  # Tensor
reveal_type(model.identify("a.wav", top=3))  # Identification
reveal_type(model.identify(["a.wav", "b.wav"], channel="mix"))  # list[Identification]
reveal_type(model.identify("a.wav").best.probability)  # float
reveal_type(model.identify("a.wav").languages)  # tuple[LanguageProbability, ...]
reveal_type(model.transcribe((torch.zeros(16000), 16000)))  # Transcript
reveal_type(model.transcribe(files, decoding=masr.DecodingConfig(lexicon=Path("words"))))  # list[Transcript]
reveal_type(model.transcribe("a.wav").words[0].start_sec)  # float
reveal_type(model.grid.shift_sec)  # float
"""
WRONG = {
    'model.encode("a.wav", chanel=0)': "Unexpected keyword argument",
    'model.encode("a.wav", channel="left")': "No overload variant",
    "model.embed(7)": "incompatible type",
    'masr.lode("exp/run")': '"object" not callable',
}


def mypy(tmp_path: Path, script: str) -> list[str]:
    (tmp_path / "mine.py").write_text(script, encoding="utf-8")
    options = ["--config-file", str(CHECKOUT / "setup.cfg"), "--cache-dir", str(CHECKOUT / ".mypy_cache")]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *options, "mine.py"]
    environment = {**os.environ, "MYPYPATH": str(CHECKOUT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_mypy_knows_what_each_method_returns_and_finds_mistakes(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    wrong = "".join(f"{line}\n" for line in WRONG)
    number = len(SCRIPT.splitlines())
    said = mypy(tmp_path, SCRIPT + wrong)
    errors = [line for line in said if ": error: " in line]
    assert {int(line.split(":")[1]) for line in errors} == set(range(number + 1, number + 1 + len(WRONG))), errors
    for place, message in enumerate(WRONG.values(), start=number + 1):
        assert any(line.startswith(f"mine.py:{place}:") and message in line for line in errors), (message, errors)
    found = {}
    for line in said:
        if revealed := re.fullmatch(r'mine\.py:(\d+): note: Revealed type is "(.*)"', line):
            found[int(revealed[1])] = re.sub(r"\b(?:\w+\.)+(?=\w)", "", revealed[2])
    expected = {
        place: line.partition("  # ")[2]
        for place, line in enumerate(SCRIPT.splitlines(), start=1)
        if line.startswith("reveal_type")
    }
    assert found == expected


def parts(hint: Any) -> Iterator[Any]:
    yield hint
    for inner in typing.get_args(hint):
        yield from parts(inner)


@pytest.mark.parametrize("method", METHODS)
def test_no_parameter_and_no_answer_of_a_method_is_any(method: str) -> None:
    import torch

    names = {"Sequence": typing.Sequence, "Channel": masr.Channel, "Speech": masr.Speech, "torch": torch}
    hints = typing.get_type_hints(getattr(masr.SpeechModel, method), localns=names)
    assert {"speech", "rate", "resample", "channel", "return"} <= set(hints)
    assert not [name for name, hint in hints.items() if any(part is Any for part in parts(hint))]


@pytest.mark.parametrize("record", RECORDS)
def test_answers_are_frozen_records_without_any(record: type) -> None:
    assert dataclasses.is_dataclass(record)
    hints = typing.get_type_hints(record)
    assert hints and not [name for name, hint in hints.items() if any(part is Any for part in parts(hint))]
    assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_every_type_of_the_package_is_there_under_its_own_name() -> None:
    from masr.api import names

    assert sorted([*names.__all__, "__version__", "load"]) == masr.__all__
    assert all(getattr(masr, name).__name__ == name for name in names.__all__ if name not in ("Channel", "Speech"))
