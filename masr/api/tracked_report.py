"""The report of a run, handed to the services that people follow it in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from masr.errors import MasrError
from masr.io.atomic import atomic_write
from masr.io.layout import REPORT
from masr.report.contents import Contents, contents_of
from masr.report.gather import gather
from masr.report.page import render
from masr.training.tracking import reopen

Say = Callable[[str], None]


def tell(folder: Path, say: Say) -> None:
    """Writes report.html of a run that has ended, and hands it over. What goes wrong is said and ends nothing."""
    page = folder / REPORT
    try:
        contents = contents_of(gather([folder]))
        atomic_write(page, render(contents))
    except (MasrError, OSError) as error:
        say(f"{folder}: no report for its trackers: {error}")
    else:
        keep_report(folder, page, contents, say)


def keep_report(folder: Path, page: Path, contents: Contents, say: Say) -> tuple[str, ...]:
    """Hands a page and its figures to the trackers of the run; the names of those that took them.

    Figures are drawn where matplotlib is installed. What goes wrong is said and ends nothing.
    """
    trackers = reopen(folder, say)
    trackers.keep(page)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            if trackers.names and find_spec("matplotlib"):
                from masr.report.paper.files import write_plates

                for name in write_plates(contents.plates(), Path(scratch)):
                    trackers.picture(name, Path(scratch) / f"{name}.png")
        except (MasrError, OSError) as error:
            say(f"{folder}: no figures for {', '.join(trackers.names)}: {error}")
        names = trackers.names
        trackers.close()  # while the pictures are there
    return names
