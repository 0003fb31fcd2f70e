"""`python -m masr VERB ...` is `masr VERB ...`, where the command is not on the PATH."""

from __future__ import annotations

import sys

from masr.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
