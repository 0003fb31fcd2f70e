"""Ranks without processes, and how often a step lets them meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from torch import distributed
from torch.testing._internal.distributed.fake_pg import FakeStore


@contextmanager
def many_ranks(size: int) -> Iterator[Counter[str]]:
    """This process as the first of so many ranks, of which the others have what it has; counts collectives by kind."""
    met: Counter[str] = Counter()

    def noted(name: str) -> Any:
        collective = getattr(distributed, name)

        def run(*args: Any, **options: Any) -> Any:
            met[name] += 1
            return collective(*args, **options)

        return run

    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=size)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("all_reduce", "all_gather", "broadcast"):
                patch.setattr(distributed, name, noted(name))
            yield met
    finally:
        distributed.destroy_process_group()
