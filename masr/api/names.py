"""Types that Python users name as `masr.NAME`: what they give to a model, and what it answers."""

from masr.api.model import SpeechModel
from masr.inference.decode_config import DecodingConfig
from masr.inference.identified import Identification, LanguageProbability
from masr.inference.speech import Channel, Speech
from masr.inference.transcript import RankedText, TimedWord, Transcript

__all__ = ["Channel", "DecodingConfig", "Identification", "LanguageProbability", "RankedText", "Speech", "SpeechModel"]
__all__ += ["TimedWord", "Transcript"]
