"""Which phones are compared: blocks of items that are compared all with all, in batches that fit into memory.

Shapes: K items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from masr.analysis.abx.items import Items
from masr.analysis.abx.warp import FrameDistance
from masr.types import IntArray

Speakers = Literal["within", "across"]
Context = Literal["same", "any"]

_BATCH_DISTANCES = 1 << 23
"""Frame distances that are held at once."""


@dataclass(frozen=True)
class PhoneAbxSettings:
    """What is compared with what."""

    speakers: Speakers = "within"
    context: Context = "same"
    distance: FrameDistance = "angular"
    max_items: int | None = None
    """Most items of one phone, context and speaker; where there are more, so many are drawn. None takes all."""
    max_speakers: int | None = None
    """Most speakers that X is drawn from, for each phone, context and speaker of A. None takes all."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Block:
    """Items that are compared all with all: A and B of one context and speaker, and X's."""

    rows: IntArray
    """Numbers of the items that are X."""
    columns: IntArray
    """Numbers of the items that are A or B."""

    def num_distances(self, sizes: IntArray) -> int:
        """How many distances of frames the block takes, where item k has `sizes[k]` frames."""
        return int(sizes[self.rows].sum()) * int(sizes[self.columns].sum())


def contexts_of(items: Items, settings: PhoneAbxSettings) -> IntArray:
    """(K,) the number of each item's context; the same for all where the context does not count."""
    return items.contexts if settings.context == "same" else np.zeros_like(items.contexts)


def blocks_of(items: Items, settings: PhoneAbxSettings) -> Iterator[Block]:
    """Each context and speaker that has two phones, with the X's that go with its A's."""
    rng = np.random.default_rng(settings.seed)
    context = contexts_of(items, settings)
    order = np.lexsort((items.speakers, items.phones, context))
    for of_context in np.split(order, np.flatnonzero(np.diff(context[order])) + 1):
        if len(of_context) < 3:
            continue
        groups = _groups(items, of_context, settings.max_items, rng)
        by_speaker: dict[int, list[int]] = {}
        for phone, speaker in groups:
            by_speaker.setdefault(speaker, []).append(phone)
        for speaker, phones in by_speaker.items():
            if len(phones) < 2:
                continue
            columns = np.concatenate([groups[phone, speaker] for phone in phones])
            if settings.speakers == "within":
                chosen = [groups[phone, speaker] for phone in phones if len(groups[phone, speaker]) > 1]
            else:
                chosen = [g for phone in phones for g in _others(groups, phone, speaker, settings.max_speakers, rng)]
            if chosen:
                yield Block(np.concatenate(chosen), columns)


Groups = dict[tuple[int, int], IntArray]
"""(phone, speaker) -> items."""


def _groups(items: Items, some: IntArray, most: int | None, rng: np.random.Generator) -> Groups:
    """Items sorted by phone and speaker, as one group for each of these; of more than `most`, that many are drawn."""
    phones, speakers = items.phones[some], items.speakers[some]
    borders = np.flatnonzero(np.diff(phones) | np.diff(speakers)) + 1
    found = {}
    for group in np.split(some, borders):
        if most is not None and len(group) > most:
            group = np.sort(rng.choice(group, most, replace=False))
        found[int(items.phones[group[0]]), int(items.speakers[group[0]])] = group
    return found


def _others(groups: Groups, phone: int, speaker: int, most: int | None, rng: np.random.Generator) -> list[IntArray]:
    """The groups of the same phone by other speakers, or `most` of them, drawn."""
    found = [group for (p, s), group in groups.items() if p == phone and s != speaker]
    if most is not None and len(found) > most:
        found = [found[k] for k in np.sort(rng.choice(len(found), most, replace=False))]
    return found


def batches_of(blocks: Sequence[Block], sizes: IntArray) -> Iterator[list[Block]]:
    """Blocks that together stay within the limit; one that is larger is cut by its X's."""
    held: list[Block] = []
    total = 0
    for block in blocks:
        for part in _cut(block, sizes):
            size = part.num_distances(sizes)
            if held and total + size > _BATCH_DISTANCES:
                yield held
                held, total = [], 0
            held.append(part)
            total += size
    if held:
        yield held


def _cut(block: Block, sizes: IntArray) -> list[Block]:
    width = int(sizes[block.columns].sum())
    if width * int(sizes[block.rows].sum()) <= _BATCH_DISTANCES:
        return [block]
    parts = np.cumsum(sizes[block.rows]) * width // _BATCH_DISTANCES
    return [Block(rows, block.columns) for rows in np.split(block.rows, np.flatnonzero(np.diff(parts)) + 1)]
