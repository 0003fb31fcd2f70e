"""Speech representation learning that knows its metadata: MASR, Ask2Mask and what a representation holds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from masr.distribution import warn_of_another

if TYPE_CHECKING:
    from masr.api import load as load
    from masr.api.names import Channel as Channel
    from masr.api.names import DecodingConfig as DecodingConfig
    from masr.api.names import Identification as Identification
    from masr.api.names import LanguageProbability as LanguageProbability
    from masr.api.names import RankedText as RankedText
    from masr.api.names import Speech as Speech
    from masr.api.names import SpeechModel as SpeechModel
    from masr.api.names import TimedWord as TimedWord
    from masr.api.names import Transcript as Transcript

__version__ = "0.1.0"
warn_of_another()
__all__ = ["Channel", "DecodingConfig", "Identification", "LanguageProbability", "RankedText", "Speech", "SpeechModel"]
__all__ += ["TimedWord", "Transcript", "__version__", "load"]


def __getattr__(name: str) -> object:
    """What Python users call is found when it is asked for: `import masr` stays instant."""
    if name in __all__:
        return getattr(importlib.import_module("masr.api" if name == "load" else "masr.api.names"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is, before it was asked for too, and the rooms that are open."""
    rooms = (name for name, thing in globals().items() if getattr(thing, "__name__", "") == f"{__name__}.{name}")
    return sorted({*__all__, *rooms} - {"distribution"})  # which only the warning asked for
