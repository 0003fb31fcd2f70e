"""What counts as a change of a stage's inputs: whatever changes its identity (tests/io/test_identity.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.io.identity import identity
from masr.jobs.fingerprint import input_state


def test_an_input_is_known_by_its_identity_and_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert input_state(tmp_path / "a") == identity(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        input_state(tmp_path / "b")
