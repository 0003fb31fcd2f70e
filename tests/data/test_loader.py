from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from masr.data.loader import read_ahead
from masr.errors import TrainingError


@pytest.mark.parametrize("raised", [EOFError(), ConnectionResetError(104, "Connection reset by peer")])
def test_a_reader_that_dies_while_it_hands_a_tensor_over_is_an_error_with_a_cure(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What PyTorch raises then, where it is not told of the child's death before."""

    class Dies:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            pass

        def __iter__(self) -> Iterator[Any]:
            yield ("first",)
            raise raised

    monkeypatch.setattr(torch.utils.data, "DataLoader", Dies)
    steps: Any = SimpleNamespace(num_workers=1)
    read = read_ahead(steps, 0, 2)
    assert next(read) == ("first",)
    with pytest.raises(TrainingError, match="a process that reads data died") as error:
        next(read)
    assert "data.num_workers" in error.value.block()
