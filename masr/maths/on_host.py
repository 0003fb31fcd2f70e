"""Small tensors that lie on a device and are known to the host as well: no shape that they decide has to be asked for.

Lengths, keys and labels come from disk. What follows from them alone (encoded lengths, masks, how many frames are
masked and where) is computed by the host while the device is busy, and sent to it. What nobody remembers is asked of
the device once. A tensor that is remembered may not be written to.

Shapes: B utterances, T frames, N true places of a mask.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_HOST, _PLACES = "masr_on_host", "masr_places"


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Values of the host on the device, without waiting, and remembered here; themselves where that is the CPU."""
    if device.type == "cpu":
        return values
    there = (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)
    setattr(there, _HOST, values)
    return there


def is_known(values: Tensor) -> bool:
    """Whether the host has the values without asking the device."""
    return values.is_cpu or hasattr(values, _HOST)


def on_host(values: Tensor) -> Tensor:
    """The same values on the CPU; waits for the device where nobody has remembered them."""
    if values.is_cpu:
        return values
    if not hasattr(values, _HOST):
        setattr(values, _HOST, values.detach().cpu())
    found: Tensor = getattr(values, _HOST)
    return found


def from_host(function: Callable[..., Tensor], *given: Tensor | None) -> Tensor:
    """`function(*given)`, computed by the host and sent where it knows all of `given`; else on the device."""
    known = [value for value in given if value is not None]
    if all(value.is_cpu for value in known) or not all(is_known(value) for value in known):
        return function(*given)
    with torch.no_grad():
        answer = function(*(None if value is None else on_host(value) for value in given))
    return sent(answer, known[0].device)


def longest(lengths: Tensor) -> int:
    """The largest of (B,) lengths, at least 1."""
    return max(1, int(on_host(lengths).max()))


def places(mask: Tensor, of: bool = True) -> Tensor:
    """(B, T) -> (N,) places of what is `of` in the flattened mask, in order; looked for once for each mask."""
    name = f"{_PLACES}_{of}"
    if not hasattr(mask, name):
        found = (on_host(mask) == of).flatten().nonzero()[:, 0]
        setattr(mask, name, sent(found, mask.device))
    there: Tensor = getattr(mask, name)
    return there


def rows_at(values: Tensor, mask: Tensor) -> Tensor:
    """(B, T, ...), (B, T) -> (N, ...): the rows of the true places, as `values[mask]` has them."""
    return values.flatten(0, mask.dim() - 1).index_select(0, places(mask))


def number(like: Tensor, value: float) -> Tensor:
    """() of the type and on the device of another tensor, written there and not copied."""
    return like.new_full((), value)
