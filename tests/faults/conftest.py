"""What the tortures work on, made once for all processes of the tests."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from torture.victims import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus, its data and the models that are tortured: whoever comes first makes them, nobody changes them."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tortured"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            build(shared / "work")
            (shared / "done").touch()
    return shared / "work"


@pytest.fixture
def work(built: Path, tmp_path: Path) -> Path:
    """A copy of it; audio and features are read where they were made."""
    return Path(shutil.copytree(built, tmp_path / "work"))
