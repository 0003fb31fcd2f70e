from __future__ import annotations

import os
from pathlib import Path

import pytest

from masr.jobs.machine import num_cores


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        ("100000 100000", 1),
        ("250000 100000", 2),
        ("20000 100000", 1),
        ("6400000 100000", 3),
        ("max 100000", 3),
        ("100000 0", 3),
        ("", 3),
        (None, 3),
    ],
)
def test_cores_are_those_that_this_process_may_use(
    limit: str | None, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5})
    if limit is not None:
        (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert num_cores(tmp_path) == found
