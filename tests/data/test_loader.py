"""Reading processes that die, and reading processes that fail."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from masr.data.loader import dead_workers, read_ahead
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
    steps: Any = SimpleNamespace(num_workers=1, places=lambda step: step)
    read = read_ahead(steps, 0, 2)
    assert next(read) == ("first",)
    with pytest.raises(TrainingError, match="a process that reads data died") as error:
        next(read)
    assert "data.num_workers" in error.value.block()


class Failing:
    """Steps of which one cannot be read."""

    num_workers = 1

    def __init__(self, error: Exception) -> None:
        self.error = error

    def places(self, step: int) -> int:
        return step

    def of(self, step: int, _places: int) -> tuple[int]:
        if step == 1:
            raise self.error
        return (step,)


@pytest.mark.parametrize("kind", [EOFError, ConnectionResetError, RuntimeError])
def test_what_a_reader_raises_itself_is_not_its_death(kind: type[Exception]) -> None:
    steps: Any = Failing(kind("a file of the data ends too soon"))
    read = read_ahead(steps, 0, 3)
    assert next(read) == (0,)
    with pytest.raises(kind, match="a file of the data ends too soon"):
        next(read)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match=r"^shapes do not fit$"), dead_workers():
        raise RuntimeError("shapes do not fit")
    with pytest.raises(TrainingError, match=r"worker .pid 7. is killed"), dead_workers():
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")
