"""Compute features of a data directory's audio: feats.scp, utt2num_frames and cmvn.scp, with archives in DATA/data.

On one machine --nj processes share the work. As a job array, each `--job J/N` computes its slice of the utterances,
and `--merge N` checks that all of them ended and writes the tables. Utterances that cannot be read, or are too short
for a frame, are left out, counted, and listed with their reason in DATA/features_problems.tsv.

example:
  masr features data/train --conf conf/features.yaml --nj 8
  masr features data/train --set features.num_bins=40 --set storage=float16
  masr features data/train --job 3/20
  masr features data/train --merge 20
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.cli.options import parse_job

if TYPE_CHECKING:
    from masr.features.job import Plan


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr features`."""
    parser.add_argument("data", type=Path, help="data directory with wav.scp")
    parser.add_argument("--conf", type=Path, metavar="FILE", help="YAML file with what differs from the defaults")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="compute the J-th of N slices only")
    part.add_argument("--merge", type=int, metavar="N", help="write the tables out of N jobs that have ended")
    part.add_argument("--nj", type=int, default=1, metavar="N", help="processes, without --job (default 1)")
    parser.add_argument(
        "--max-bad", type=float, default=0.1, metavar="SHARE", help="stop when more give no features (default 0.1)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda (default cpu)")
    parser.add_argument("--allow-pipes", action="store_true", help="run the commands that wav.scp may hold")


def run(args: argparse.Namespace) -> None:
    """Computes, merges, or both."""
    from masr.errors import UsageError

    if not 0 <= args.max_bad <= 1:
        raise UsageError(f"--max-bad {args.max_bad:g} is no share", fix="give a number between 0 and 1")
    for name, count in (("--nj", args.nj), ("--merge", args.merge)):
        if count is not None and count < 1:
            raise UsageError(f"{name} {count} is no number of jobs", fix="give 1 or more")
    job, num_jobs = parse_job(args.job) if args.job else (0, args.nj)

    from masr.io.datadir import DataDir

    data = DataDir.open(args.data)
    plan = _plan(args)
    if args.merge:
        from masr.features.merge import merge

        print(merge(data, plan, args.merge, args.max_bad).line())
    elif job:
        from masr.features.extract import run_alone

        marker = run_alone(data, plan, job, num_jobs)
        print(f"job {job} of {num_jobs}: {marker.num_utts - marker.num_bad} utterances, {marker.num_bad} left out")
    else:
        from masr.features.extract import extract

        print(extract(data, plan, num_jobs, args.max_bad).line())


@dataclass(frozen=True)
class _Section:
    """The part of a run's configuration that this stage reads: another change is none to it."""

    features: Any
    storage: str


def _plan(args: argparse.Namespace) -> Plan:
    """What the jobs have in common."""
    import torch

    from masr.config import load, loads
    from masr.errors import UsageError
    from masr.features.job import Plan
    from masr.plugins import RunConfig, build, resolve

    # A block of frames is too small to share; more cores are for --nj.
    torch.set_num_threads(1)
    if args.conf:
        config = load(RunConfig, args.conf, args.set, resolve)
    else:
        config = loads(RunConfig, "", "the defaults", args.set, resolve)
    try:
        device = torch.device(args.device)
    except RuntimeError:
        raise UsageError(f"--device {args.device} is no device", fix="give cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"--device {args.device}: there is no GPU here", fix="leave --device out; see `masr doctor`")
    features = build("features", config.features)
    section = _Section(config.features, config.storage)
    return Plan(features.to(device), config.storage, args.device, args.allow_pipes, section)
