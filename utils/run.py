#!/usr/bin/env python3
"""masr/jobs/local.py as a command, whether or not masr is installed."""

import os
import sys
from pathlib import Path

# The checkout in place of utils/, whose queue.py would hide a module of the standard library. Where `masr recipe` wrote
# this, there is none: utils/path.sh says where masr is installed, and the standard library goes before what is there.
ROOT = Path(__file__).resolve().parent.parent
sys.path[:1] = [str(ROOT)] if (ROOT / "masr").is_dir() else []
sys.path += [os.environ["MASR_PACKAGES"]] if "MASR_PACKAGES" in os.environ else []

from masr.jobs.local import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
