"""The line that says how far an array is: when it is printed."""

from __future__ import annotations

import pytest

from masr.jobs import progress as progress_module


def test_the_last_count_is_not_said_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    line = progress_module.Progress(every_sec=10)
    for now[0], text in ((5.0, "early"), (10.0, "half"), (15.0, "between"), (20.0, "all")):
        line.show(lambda text=text: text)
    line.end(lambda: "all")
    assert capsys.readouterr().err == "half\nall\n"
    line.end(lambda: "more than all")
    assert capsys.readouterr().err == "more than all\n"
