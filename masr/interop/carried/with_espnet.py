"""ESPnet's programs with the front end `masr`: asr.sh --python "python3 FOLDER/with_espnet.py" ..."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Runs `-m MODULE ARGUMENTS` as python does, once the front end is registered."""
    sys.path.insert(0, str(Path(__file__).parent))
    from masr_espnet import register

    register()
    if sys.argv[1:2] == ["-m"]:
        module, sys.argv = sys.argv[2], sys.argv[2:]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
