"""Utterances of a batch in groups of like length: on a CPU a padded frame costs as much as a real one.

Shapes: B utterances, T frames, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from masr.types import Encoded

_MOST_GROUPS = 6
_GROUP_COST = 40
"""Frames that one more group costs as much as: what every operation takes before its first number."""
Contextualise = Callable[[Tensor, Tensor, bool], Encoded]


_is_apart = True


def keep_together() -> None:
    """Has this process leave batches whole from now on: ranks that gather a block at every call must call it alike."""
    global _is_apart
    _is_apart = False


def is_cut(batch: Tensor) -> bool:
    """Whether utterances are computed apart: on a CPU alone, and not in a graph that has to hold for any lengths."""
    return _is_apart and batch.is_cpu and not torch.compiler.is_exporting()


def in_groups(contextualise: Contextualise, embedded: Tensor, lengths: Tensor, with_layers: bool) -> Encoded:
    """What `contextualise` makes of (B, T, D), (B,), computed for groups of like length and joined again."""
    groups = groups_of(lengths.tolist()) if is_cut(embedded) else []
    if len(groups) < 2:
        return contextualise(embedded, lengths, with_layers)
    time = embedded.shape[1]
    order = torch.tensor([row for group in groups for row in group])
    found = [_of_group(contextualise, embedded, lengths, group, with_layers) for group in groups]
    joined = [_joined(parts, order, time) for parts in zip(*found, strict=True)]
    return Encoded(joined[0], lengths, tuple(joined[1:]))


def groups_of(lengths: Sequence[int]) -> list[list[int]]:
    """Rows cut into groups, the longest first, so that padding and groups together cost least."""
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    best: list[tuple[int, int, list[int]]] = [(0, 0, [])]  # of the first n rows: cost, groups, where each ends
    for end in range(1, len(rows) + 1):
        options = (
            (cost + _GROUP_COST + lengths[rows[start]] * (end - start), count + 1, [*ends, end])
            for start, (cost, count, ends) in enumerate(best)
            if count < _MOST_GROUPS
        )
        best.append(min(options, key=lambda option: option[0]))
    ends = best[-1][2]
    return [rows[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _of_group(
    contextualise: Contextualise, embedded: Tensor, lengths: Tensor, group: list[int], with_layers: bool
) -> list[Tensor]:
    """The last layer's frames, and those of every layer where they are asked for."""
    rows = torch.tensor(group)
    longest = max(1, int(lengths[group[0]]))
    found = contextualise(embedded.index_select(0, rows)[:, :longest], lengths[rows], with_layers)
    return [found.frames, *found.layers]


def _joined(parts: Sequence[Tensor], order: Tensor, time: int) -> Tensor:
    """Pieces of (b, t, D) -> (B, T, D) in the batch's own order."""
    whole = torch.cat([functional.pad(part, (0, 0, 0, time - part.shape[1])) for part in parts])
    return whole.index_select(0, order.argsort())
