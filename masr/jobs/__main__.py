"""What launchers start as processes of their own: `python -ES .../masr/jobs NAME ARG...`."""

from __future__ import annotations

import importlib
import sys

sys.path[0] = sys.path[0].rpartition("/masr/jobs")[0]  # the checkout, in place of this folder
sys.exit(importlib.import_module(f"masr.jobs.{sys.argv[1]}").main(sys.argv[2:]))
