"""Numbers on their way from the device: asked for when they are computed, read when the device has other work."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Late:
    """The numbers of a (N,) tensor that nobody writes to any more."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.arrived: Any = None
        if values.is_cuda:
            # To be read from the stream itself would wait for all that was given to it since.
            self.values = torch.empty_like(values, device="cpu", pin_memory=True).copy_(values, non_blocking=True)
            self.arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self.arrived.record()

    def read(self) -> list[float]:
        """The numbers; waits where they are not there yet."""
        if self.arrived is not None:
            self.arrived.synchronize()
        found: list[float] = self.values.tolist()
        return found
