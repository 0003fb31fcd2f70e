"""trackio: runs in a database on this machine, which `trackio show` draws; TRACKIO_DIR says where else it may lie."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from masr.training.tracking import Told, shared_folder


class TrackioRun:
    """One run of trackio."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of a step."""
        self.run.log(dict(figures), step=step)

    def picture(self, name: str, path: Path) -> None:
        """A PNG among the run's media."""
        import trackio

        self.run.log({f"figures/{name}": trackio.Image(str(path))})

    def keep(self, path: Path) -> None:
        """A file of the project."""
        import trackio

        trackio.save(str(path), project=self.run.project)

    def close(self) -> None:
        """Writes what is still held."""
        with contextlib.redirect_stdout(sys.stderr):
            self.run.finish()


def open_run(told: Told) -> TrackioRun:
    """The run of this name and id, begun or gone on with."""
    os.environ.setdefault("TRACKIO_DIR", str(shared_folder(told.folder, "trackio")))
    import trackio

    with contextlib.redirect_stdout(sys.stderr):
        run = trackio.init(
            project=told.project,
            name=f"{told.name}-{told.run_id[:8]}",
            config=dict(told.values) or None,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
    return TrackioRun(run)
