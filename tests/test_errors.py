from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr import errors
from masr.errors import DataError, MasrError, near


def test_block_has_what_why_and_fix_in_this_order() -> None:
    error = DataError("text:3: no words", why="the line has an id only", fix="masr data fix data/train")
    assert error.block().splitlines() == [
        "masr: data directory: text:3: no words",
        "  why: the line has an id only",
        "  fix: masr data fix data/train",
    ]


def test_block_without_why_and_fix_is_one_line() -> None:
    assert DataError("x").block() == "masr: data directory: x"


def every_class() -> list[type[MasrError]]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, MasrError)]


@pytest.mark.parametrize("cls", every_class())
def test_error_survives_the_way_from_a_worker_process(cls: type[MasrError]) -> None:
    back = pickle.loads(pickle.dumps(cls("what", why="why", fix="fix")))  # noqa: S301 (our own bytes)
    assert (type(back), back.what, back.why, back.fix) == (cls, "what", "why", "fix")


@pytest.mark.parametrize("cls", [c for c in every_class() if c is not MasrError])
def test_every_error_has_a_title_of_its_own(cls: type[MasrError]) -> None:
    assert [c for c in every_class() if c.title == cls.title] == [cls]


def test_near_names_the_close_ones() -> None:
    assert near("prepair", ["prepare", "features", "data"]) == "did you mean prepare?"


def test_near_lists_few_names_where_none_is_close() -> None:
    assert near("zzz", ["b", "a"]) == "choose from: a, b"


def test_near_does_not_list_a_thousand_names() -> None:
    said = near("zzz", [f"name{i:04d}" for i in range(1000)])
    assert said.startswith("choose from 1000 names, such as: name0000, ")
    assert len(said) < 200


def test_near_of_nothing() -> None:
    assert near("a", []) == "there are none to choose from"


@given(st.text(), st.lists(st.text()))
def test_near_always_says_something(name: str, known: list[str]) -> None:
    assert near(name, known)
