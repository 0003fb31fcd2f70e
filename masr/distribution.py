"""What pip calls this package, and whether another project's package of the same import name is in its way.

The distribution is `masr-speech`: on PyPI `masr` is a Mandarin recogniser, which is imported as `masr` too. Both write
into the same folder, so that whichever was installed later has its files over the other's. The standard library only,
and little of that: every import of masr asks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = "masr-speech"
ITS_NAME = "masr"
"""How pip calls the other one; and ours, before it had a name of its own."""
SUMMARY = "Speech representation learning that knows its metadata"
"""How the summary of ours begins."""
_ENDINGS = (".dist-info", ".egg-info")


def another() -> str:
    """The folder of the other project's metadata, where Python finds one; "" where there is none."""
    for place in dict.fromkeys(sys.path):
        try:
            with os.scandir(place or ".") as entries:
                names = [entry.name for entry in entries if entry.name.startswith("masr")]
        except OSError:
            continue
        for name in [name for name in names if name.endswith(_ENDINGS)]:
            if name.rpartition(".")[0].partition("-")[0] == ITS_NAME and not _is_ours(Path(place, name)):
                return str(Path(place, name))
    return ""


def advice(folder: str) -> str:
    """What to do about it, as one sentence."""
    return (
        f"another project's package named masr is installed beside this one ({folder}): both write into the same "
        "folder, and files of either may be the other's. Fix: pip uninstall masr, then "
        f"pip install --force-reinstall {NAME}"
    )


def warn_of_another() -> None:
    """A warning, once, where the other one is there too."""
    folder = another()
    if folder:
        import warnings

        warnings.warn(advice(folder), stacklevel=3)


def _is_ours(folder: Path) -> bool:
    """Whether the metadata are of this project: an installation from before it had a name of its own."""
    for name in ("METADATA", "PKG-INFO"):
        try:
            head = (folder / name).read_text(encoding="utf-8", errors="replace")[:4096]
        except OSError:
            continue
        return f"\nSummary: {SUMMARY}" in head
    return not folder.is_dir()  # a lone file of an egg says nothing: it is left in peace
