"""Speech to try an export on: the first validation utterances of its run, or made-up tones where those are gone.

Shapes: B utterances, S samples, N feature frames, F features.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from masr.data.collate import padded
from masr.errors import MasrError
from masr.inference.batches import open_speech
from masr.interop.opened import Opened
from masr.io.datadir import DataDir
from masr.io.layout import UTT2SPK
from masr.types import FloatArray

_COUNT, _MOST_SEC = 4, 10


def trial_batch(opened: Opened, name: str) -> tuple[Tensor, Tensor]:
    """(B, S) `samples` or (B, N, F) `features`, (B,) their lengths."""
    given = padded(list(_spoken(opened)) or _tones(opened.model.sample_rate))
    return opened.model.featurise(*given) if name == "features" else given


def _spoken(opened: Opened) -> list[FloatArray]:
    """Samples of the first utterances of the validation data; none where they cannot be read."""
    folder: Path | None = opened.config.dev
    if folder is None or not (folder / UTT2SPK).is_file():
        return []
    try:
        source = open_speech(DataDir.open(folder), opened.model, from_archives=False)
        frames = _MOST_SEC * 100
        counts = source.num_frames.tolist()
        return [source.read(place, 0, min(count, frames)) for place, count in enumerate(counts[:_COUNT]) if count > 30]
    except MasrError:  # its audio may have gone since
        return []


def _tones(rate: int) -> list[FloatArray]:
    random = np.random.default_rng(0)
    places = [np.arange(rate * seconds) / rate for seconds in (1, 2, 3)]
    return [
        (0.2 * np.sin(2 * np.pi * (200 + 80 * np.sin(9 * t)) * t) + 0.02 * random.standard_normal(len(t))).astype(
            np.float32
        )
        for t in places
    ]
