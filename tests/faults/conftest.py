"""What the tortures work on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from torture.victims import build

from small.once import made_once


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus, its data and the models that are tortured."""
    return made_once(tmp_path_factory, "tortured", build)


@pytest.fixture
def work(built: Path, tmp_path: Path) -> Path:
    """A copy of it; audio and features are read where they were made."""
    return Path(shutil.copytree(built, tmp_path / "work"))
