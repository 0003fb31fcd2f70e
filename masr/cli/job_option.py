"""`--job J/N` and `--merge N`, as the verbs that run as job arrays take them."""

from __future__ import annotations

import argparse
import re


def job_of(args: argparse.Namespace) -> tuple[int, int]:
    """Which of how many slices: 1 of 1 where neither option was given, 0 of N to merge."""
    from masr.errors import UsageError

    if args.merge is not None:
        if args.merge < 1:
            raise UsageError(f"--merge {args.merge} is no number of jobs", fix="give 1 or more")
        return 0, int(args.merge)
    return (1, 1) if args.job is None else parse_job(args.job)


def parse_job(text: str) -> tuple[int, int]:
    """3/20 -> 3, 20."""
    from masr.errors import UsageError

    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    job, num_jobs = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= job <= num_jobs:
        raise UsageError(f"--job {text} is no job", fix="give it as J/N with J from 1 to N: --job 3/20")
    return job, num_jobs
