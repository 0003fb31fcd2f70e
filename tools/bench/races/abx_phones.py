"""Phone ABX within speakers and context: 6 speakers, 3 phones said 3 to 7 times, 8 to 14 frames of width 768."""

from __future__ import annotations

import sys
import types
from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

CONTEXTS, SPEAKERS, PHONES, WIDTH = 12, 6, 3, 768
LEAST, MOST = 3, 7
CELLS = float(CONTEXTS * SPEAKERS * PHONES * (PHONES - 1))


@cache
def spoken() -> tuple[Any, list[tuple[int, int, int]], Any]:
    """Frames one item after another, (context, speaker, phone) of each item, and where items end."""
    random = np.random.default_rng(0)
    items = [
        (context, speaker, phone)
        for context in range(CONTEXTS)
        for speaker in range(SPEAKERS)
        for phone in range(PHONES)
        for _ in range(int(random.integers(LEAST, MOST + 1)))
    ]
    ends = np.cumsum(random.integers(8, 15, len(items)))
    centres = random.standard_normal((PHONES, WIDTH))
    sizes = np.diff(np.concatenate([[0], ends]))
    frames = random.standard_normal((int(ends[-1]), WIDTH)) * 6 + np.repeat(
        centres[[i[2] for i in items]], sizes, axis=0
    )
    return frames.astype(np.float32), items, ends


def our_error() -> float:
    from masr.analysis.abx.items import Item, ItemFrames, place_items
    from masr.analysis.abx.phones import phone_errors
    from masr.io.frames import ArrayFrames, Grid

    values, items, ends = spoken()
    frames = ArrayFrames("frames", values, np.array([0, len(values)]), ["u"])
    frames.grid = Grid(1.0, 0.5)
    starts = [0, *ends[:-1]]
    said = [
        Item("u", float(start), float(end), f"p{phone}", f"c{context}", "", f"s{speaker}")
        for (context, speaker, phone), start, end in zip(items, starts, ends)
    ]
    placed = place_items(said, frames)
    return phone_errors(ItemFrames(frames, placed, "angular"), placed).error.value


def ours() -> Turn:
    def turn() -> float:
        our_error()
        return CELLS

    return turn


@cache
def peer() -> tuple[Any, Any]:
    """libriabx2's two modules. It reads audio by torchaudio, of which nothing is used here."""
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    from zrc_abx2.ABX_src import abx_group_computation, models

    return abx_group_computation, models


def their_error() -> float:
    computation, models = peer()
    import torch
    from zrc_abx2.ABX_src.ABXDataset.abx_feature_dataset import ABXFeatureDataset
    from zrc_abx2.ABX_src.ABXIterators.abx_iterator_factory import IteratorFactory

    values, items, ends = spoken()
    sizes = np.diff(np.concatenate([[0], ends]))
    manifest = [
        models.ManifestFeatureItem(int(end - size), int(size), context, phone, speaker)
        for (context, speaker, phone), end, size in zip(items, ends, sizes)
    ]
    names = [{str(n): n for n in range(count)} for count in (CONTEXTS, PHONES, SPEAKERS)]
    data = torch.nn.functional.normalize(torch.from_numpy(values), dim=1)
    dataset = ABXFeatureDataset(data, manifest, WIDTH, models.ItemFile({}, *names))
    groups = IteratorFactory.get_iterator(dataset, "within", "within", 30, 0)
    distance = computation.get_distance_function_from_name("cosine")
    errors = computation.get_abx_scores_dtw_on_group(groups, distance, True, models.Pooling.NONE).to_dense()
    # Every pair of phones has all contexts and speakers, so the mean of means is the mean.
    return float(errors.sum() / CELLS)


def theirs() -> Turn:
    peer()

    def turn() -> float:
        their_error()
        return CELLS

    return turn


def check() -> str:
    """Both find the same error."""
    found = our_error()
    try:
        expected = their_error()
    except ImportError:
        return f"zerospeech-libriabx2 is not installed, so the error {found:.6f} was not compared"
    if abs(found - expected) > 1e-5:
        raise RuntimeError(f"errors {found} and {expected}")
    return f"the same error {found:.6f}"


def race() -> Race:
    runners = [Runner("masr phone_errors", ours), Runner("zerospeech-libriabx2", theirs, 20.0)]
    return Race("Phone ABX with DTW, phones said 3 to 7 times, 8 to 14 frames x 768", "cells", runners, check)
