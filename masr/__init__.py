"""Speech representation learning that knows its metadata: MASR, Ask2Mask and what a representation holds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from masr.api import load as load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """`masr.load` is found when it is asked for: `import masr` stays instant."""
    if name == "load":
        return importlib.import_module("masr.api").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is, `load` too before it was asked for, and the rooms that are open."""
    rooms = (name for name, thing in globals().items() if getattr(thing, "__name__", "") == f"{__name__}.{name}")
    return sorted({*__all__, *rooms})
