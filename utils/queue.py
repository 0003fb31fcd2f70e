#!/usr/bin/env python3
"""masr/jobs/grid_engine.py as a command, whether or not masr is installed."""

import sys
from pathlib import Path

# The checkout in place of utils/, whose queue.py would hide a module of the standard library.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from masr.jobs.grid_engine import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
