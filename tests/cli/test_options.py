from __future__ import annotations

import argparse
from dataclasses import dataclass

import pytest

from masr.cli.options import channel, job_of, settings, two_numbers, words
from masr.errors import UsageError
from masr.types import JobSlice


@dataclass(frozen=True)
class Asked:
    top: int
    seed: int = 0


def test_a_channel_is_a_number_or_a_word() -> None:
    assert [channel(text) for text in ("0", "12", "-1", "loudest", "mix")] == [0, 12, -1, "loudest", "mix"]
    with pytest.raises(argparse.ArgumentTypeError, match="left is no channel: give a number from 0, loudest, or mix"):
        channel("left")


def test_two_numbers_are_a_range_and_one_is_a_point() -> None:
    assert [two_numbers(text) for text in ("0.3,0.5", "-5,5", "2")] == [(0.3, 0.5), (-5.0, 5.0), (2.0, 2.0)]
    for text in ("much", "1,2,3", "1,"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not LOW,HIGH"):
            two_numbers(text)


def test_a_rooms_settings_are_the_options_of_their_names() -> None:
    args = argparse.Namespace(top=3, seed=7, other="x")
    assert settings(Asked, args) == Asked(3, 7)
    with pytest.raises(AttributeError, match="seed"):
        settings(Asked, argparse.Namespace(top=3))


def test_words_are_parted_by_blanks_and_commas() -> None:
    assert words(["a,b", " c ", ",", "d,"]) == ["a", "b", "c", "d"]
    assert words(None) == words([]) == []


@pytest.mark.parametrize(
    ("job", "merge", "what"),
    [
        (None, None, JobSlice(1, 1)),
        ("3/20", None, JobSlice(3, 20, is_run=True, is_merged=False)),
        ("1/1", None, JobSlice(1, 1, is_run=True, is_merged=False)),
        (None, 20, JobSlice(0, 20, is_run=False, is_merged=True)),
    ],
)
def test_what_is_to_be_done_of_a_job_array(job: str | None, merge: int | None, what: JobSlice) -> None:
    assert job_of(argparse.Namespace(job=job, merge=merge)) == what


@pytest.mark.parametrize(
    ("job", "merge", "said"),
    [(None, 0, "--merge 0"), ("0/3", None, "--job 0/3"), ("4/3", None, "--job 4/3"), ("x", None, "--job x")],
)
def test_what_is_no_job_is_refused(job: str | None, merge: int | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        job_of(argparse.Namespace(job=job, merge=merge))
