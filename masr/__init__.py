"""Speech representation learning that knows its metadata: MASR, Ask2Mask and what a representation holds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.api import load as load
    from masr.api.model import SpeechModel as SpeechModel
    from masr.inference.decode_config import DecodingConfig as DecodingConfig
    from masr.inference.identified import Identification as Identification
    from masr.inference.identified import LanguageProbability as LanguageProbability
    from masr.inference.speech import Channel as Channel
    from masr.inference.speech import Speech as Speech
    from masr.inference.transcript import RankedText as RankedText
    from masr.inference.transcript import TimedWord as TimedWord
    from masr.inference.transcript import Transcript as Transcript

__version__ = "0.1.0"
_PLACES = {
    "load": "masr.api",
    "SpeechModel": "masr.api.model",
    "DecodingConfig": "masr.inference.decode_config",
    "Identification": "masr.inference.identified",
    "LanguageProbability": "masr.inference.identified",
    "Channel": "masr.inference.speech",
    "Speech": "masr.inference.speech",
    "RankedText": "masr.inference.transcript",
    "TimedWord": "masr.inference.transcript",
    "Transcript": "masr.inference.transcript",
}
"""Where each name is found when it is asked for: `import masr` stays instant."""
__all__ = ["__version__", *_PLACES]

if not TYPE_CHECKING:  # which knows every name, and is to tell of one that is not there

    def __getattr__(name: str) -> object:
        """What stands in another file, which is opened now."""
        if name in _PLACES:
            return getattr(importlib.import_module(_PLACES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is, before it was asked for too, and the rooms that are open."""
    rooms = (name for name, thing in globals().items() if getattr(thing, "__name__", "") == f"{__name__}.{name}")
    return sorted({*__all__, *rooms})
