"""The languages of the embedded Dhwani: those of its lists that eSpeak NG speaks, and towns where people speak them."""

from __future__ import annotations

from dataclasses import dataclass

from masr.synth.speakers import Dialect


@dataclass(frozen=True, slots=True)
class Language:
    """One of Dhwani's lists."""

    name: str
    """As the list and the folders are called."""
    dialects: tuple[Dialect, ...]
    relative: str
    """The list that its videos are most often found in by mistake."""


def _language(name: str, voice: str, relative: str, *towns: tuple[str, float, float]) -> Language:
    return Language(name, tuple(Dialect(voice, *town) for town in towns), relative)


LANGUAGES: tuple[Language, ...] = (
    _language("assamese", "as", "bengali", ("guwahati", 26.14, 91.74), ("jorhat", 26.75, 94.20)),
    _language("bengali", "bn", "assamese", ("kolkata", 22.57, 88.36), ("siliguri", 26.73, 88.40)),
    _language("gujarati", "gu", "marathi", ("ahmedabad", 23.02, 72.57), ("rajkot", 22.30, 70.80)),
    _language("hindi", "hi", "urdu", ("delhi", 28.61, 77.21), ("lucknow", 26.85, 80.95), ("bhopal", 23.26, 77.41)),
    _language("kannada", "kn", "telugu", ("bengaluru", 12.97, 77.59), ("hubballi", 15.36, 75.12)),
    _language("konkani", "kok", "marathi", ("panaji", 15.49, 73.83), ("margao", 15.27, 73.96)),
    _language("malayalam", "ml", "tamil", ("kochi", 9.93, 76.27), ("kozhikode", 11.26, 75.78)),
    _language("marathi", "mr", "konkani", ("pune", 18.52, 73.86), ("nagpur", 21.15, 79.09)),
    _language("nepali", "ne", "hindi", ("kathmandu", 27.72, 85.32), ("gangtok", 27.33, 88.61)),
    _language("odia", "or", "bengali", ("bhubaneswar", 20.30, 85.82), ("sambalpur", 21.47, 83.97)),
    _language("punjabi", "pa", "hindi", ("amritsar", 31.63, 74.87), ("ludhiana", 30.90, 75.86)),
    _language("sindhi", "sd", "gujarati", ("hyderabad-sindh", 25.40, 68.37), ("ulhasnagar", 19.22, 73.16)),
    _language("tamil", "ta", "malayalam", ("chennai", 13.08, 80.27), ("madurai", 9.93, 78.12)),
    _language("telugu", "te", "kannada", ("hyderabad", 17.39, 78.49), ("vijayawada", 16.51, 80.65)),
    _language("urdu", "ur", "hindi", ("lucknow", 26.85, 80.95), ("lahore", 31.55, 74.34)),
)
