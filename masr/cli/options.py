"""What several verbs read from their options: slices of a job array, lists of words, a room's own settings."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from masr.types import JobSlice

Settings = TypeVar("Settings")


def settings(schema: type[Settings], args: argparse.Namespace) -> Settings:
    """What a room wants to know, filled from the options that have the names of its fields."""
    names = [field.name for field in fields(schema)]  # type: ignore[arg-type]  # a dataclass, which no type says
    return schema(**{name: getattr(args, name) for name in names})


def seed(text: str) -> int:
    """The number of --seed: one that every generator takes, and none that a part of masr would take for another."""
    from masr.config.schema import LARGEST_SEED

    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= LARGEST_SEED):
        raise argparse.ArgumentTypeError(f"{text} is no seed: it is a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def two_numbers(text: str) -> tuple[float, float]:
    """0.3,0.5 -> (0.3, 0.5); 0.4 is 0.4 twice."""
    try:
        low, high = (float(part) for part in (text if "," in text else f"{text},{text}").split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not LOW,HIGH: give two numbers, as 0.3,0.5") from None
    return low, high


def channel(text: str) -> int | str:
    """The channel of --channel: a number, the loudest, or a mix of all."""
    if text in ("loudest", "mix"):
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no channel: give a number from 0, loudest, or mix") from None


def words(given: Iterable[str] | None) -> list[str]:
    """The words of an option that takes several, which commas part too: `a,b c` is a, b, c."""
    return [part.strip() for text in given or () for part in text.split(",") if part.strip()]


def job_of(args: argparse.Namespace) -> JobSlice:
    """What --job J/N or --merge N leaves to be done; where neither was given, everything."""
    from masr.errors import UsageError
    from masr.types import JobSlice

    if args.merge is not None:
        if args.merge < 1:
            raise UsageError(f"--merge {args.merge} is no number of jobs", fix="give 1 or more")
        return JobSlice(0, args.merge, is_run=False)
    return JobSlice(1, 1) if args.job is None else JobSlice(*parse_job(args.job), is_merged=False)


def parse_job(text: str) -> tuple[int, int]:
    """3/20 -> 3, 20."""
    from masr.errors import UsageError

    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    job, num_jobs = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= job <= num_jobs:
        raise UsageError(f"--job {text} is no job", fix="give it as J/N with J from 1 to N: --job 3/20")
    return job, num_jobs
