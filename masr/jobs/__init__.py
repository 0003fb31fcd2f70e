"""Stages that run only when something changed, and the launchers of their jobs: standard library alone."""

from __future__ import annotations

import sys


def program(name: str) -> list[str]:
    """The words that start masr/jobs/NAME.py as a process of its own, from any folder, masr installed or not."""
    return [sys.executable, "-ES", __path__[0], name]
