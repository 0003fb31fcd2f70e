"""Which features the archives of a data directory hold: what stage 2 wrote beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from masr.config import Named, choice, load, option
from masr.io.ark import parse_entry
from masr.io.datadir import DataDir
from masr.io.layout import FEATS_SCP, RESOLVED_CONFIG

Resolve = Callable[[str, str], type]


@dataclass(frozen=True)
class _Section:
    """What stage 2 writes beside the archives."""

    features: Named = choice("features", "log_mel", "what stage 2 made of a waveform")
    storage: str = option("float32", "bytes of a stored feature")


def features_of(data: DataDir, resolve: Resolve) -> Named | None:
    """The features of the archives; None where there are no archives, or another program made them."""
    if not data.has(FEATS_SCP) or not len(data.table(FEATS_SCP)):
        return None
    beside: Path = parse_entry(data.table(FEATS_SCP).at(0))[0].parent / RESOLVED_CONFIG
    return load(_Section, beside, resolve=resolve).features if beside.is_file() else None
