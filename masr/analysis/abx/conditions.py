"""Phone ABX in every condition that is asked for: within speakers, across them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.analysis.abx.blocks import Context, PhoneAbxSettings, Speakers
from masr.analysis.abx.items import Borders, ItemFrames, Items, Span, from_alignment, from_item_file, place_items
from masr.analysis.abx.phones import PhoneErrors, phone_errors
from masr.analysis.abx.warp import FrameDistance
from masr.errors import UsageError
from masr.io.datadir import DataDir
from masr.io.frames import Frames


@dataclass(frozen=True)
class Options:
    """Which triplets of which phones; each is an option of `masr analyse phone-abx`."""

    phones: Path
    """A data directory with phones.ctm, or an item file of ZeroSpeech."""
    speakers: Speakers | Literal["both"] = "both"
    context: Context = "same"
    distance: FrameDistance = "angular"
    span: Span = "phone"
    borders: Borders = "middle"
    merge_stress: bool = False
    max_items: int | None = None
    max_speakers: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of it."""

    options: Options
    found: Mapping[str, PhoneErrors]
    """within, across -> the errors."""
    items: Items


def check(options: Options) -> None:
    """UsageError where so few items are asked for that no triplet is left."""
    for name, value, least in (("items", options.max_items, 2), ("speakers", options.max_speakers, 1)):
        if value is not None and value < least:
            raise UsageError(f"--max-{name} {value} leaves no triplet", fix="give 2 or more")


def compute(frames: Frames, options: Options) -> Outcome:
    """The errors of each condition."""
    if options.phones.is_dir():
        said = list(from_alignment(DataDir.open(options.phones), options.span, options.merge_stress))
    else:
        said = list(from_item_file(options.phones))
    items = place_items(said, frames, options.borders)
    held = ItemFrames(frames, items, options.distance)
    found: dict[str, PhoneErrors] = {}
    for speakers in ("within", "across") if options.speakers == "both" else (options.speakers,):
        chosen = PhoneAbxSettings(
            speakers, options.context, options.distance, options.max_items, options.max_speakers, options.seed
        )
        found[speakers] = phone_errors(held, items, chosen)
    return Outcome(options, found, items)
