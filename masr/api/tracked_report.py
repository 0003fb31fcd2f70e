"""The report of a run, handed to the services that people follow it in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from masr.errors import MasrError
from masr.io.atomic import atomic_write
from masr.io.layout import REPORT
from masr.report.contents import contents_of
from masr.report.gather import gather
from masr.report.page import render
from masr.training.tracking import reopen


def keep_report(folder: Path, say: Callable[[str], None]) -> tuple[str, ...]:
    """Writes report.html, and hands it and its figures to the trackers of the run; the names of those that took it.

    Figures are drawn where matplotlib is installed. What goes wrong is said and ends nothing.
    """
    trackers = reopen(folder, say)
    if not trackers.names:
        return ()
    try:
        contents = contents_of(gather([folder]), [])
        atomic_write(folder / REPORT, render(contents))
        trackers.keep(folder / REPORT)
        if find_spec("matplotlib"):
            from masr.report.paper.files import write_plates

            with tempfile.TemporaryDirectory() as scratch:
                for name in write_plates(contents.plates(), Path(scratch)):
                    trackers.picture(name, Path(scratch) / f"{name}.png")
                names = trackers.names
                trackers.close()  # while the pictures are there
                return names
    except (MasrError, OSError) as error:
        say(f"{folder}: no report for {', '.join(trackers.names)}: {error}")
    names = trackers.names
    trackers.close()
    return names
