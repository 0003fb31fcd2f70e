"""A plan that the ranks of a machine share: the same as one's own, and no rank waits for one that is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def ranks(what: str, size: int) -> list[str]:
    """What ranks of a world say, the first one's line first, and what they ended with."""
    command = [sys.executable, str(Path(__file__).parent / "sharing_ranks.py"), what, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *said, ended = done.stdout.splitlines()
    return [*sorted(said), ended]


def test_it_is_that_of_one_rank_and_nothing_of_it_has_a_name() -> None:
    assert ranks("plan", 3) == [*(f"{n}: mapped, 0 open" for n in range(3)), "ended with [0, 0, 0]"]


@pytest.mark.parametrize(("what", "size"), [("no_memory", 2), ("strangers", 3)])
def test_where_memory_cannot_be_shared_the_plan_is_the_same(what: str, size: int) -> None:
    """Of three ranks on two machines the third is alone."""
    said = ranks(what, size)
    assert said[-1] == f"ended with {[0] * size}"
    assert said[size - 1] == f"{size - 1}: alone, 0 open"
    assert said[0] == ("0: alone, 0 open" if what == "no_memory" else "0: mapped, 0 open")


def test_memory_that_cannot_be_seen_is_made_again() -> None:
    found = "[0, 1, 2, 3, 4] made by"
    assert ranks("invisible", 2) == [f"0: {found} [0]", f"1: {found} [1]", "ended with [0, 0]"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("refused", "DataError: none of 300 utterances has 500 to 600 frames"),
        ("broken", "ZeroDivisionError: nobody thought of it"),
    ],
)
def test_an_error_of_the_rank_that_makes_it_is_one_of_all(what: str, said: str) -> None:
    first, second, ended = ranks(what, 2)
    assert first.startswith(f"0: {said}")
    assert second.startswith("1: TrainingError: another rank cannot go on")
    assert ended == "ended with [0, 0]"


def test_a_rank_that_dies_meanwhile_is_an_error_and_no_wait() -> None:
    assert ranks("dies", 3) == ["1: an error", "2: an error", "ended with [9, 0, 0]"]
