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
from pathlib import Path

from masr.cli.options import parse_job


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

    from masr.config import load
    from masr.features.extract import extract, merge_alone, run_alone
    from masr.features.job import Section, plan_of
    from masr.io.datadir import DataDir
    from masr.plugins import RunConfig, build, resolve

    data = DataDir.open(args.data)
    config = load(RunConfig, args.conf, args.set, resolve)
    section = Section(config.features, config.storage)
    plan = plan_of(section, build("features", config.features), args.device, args.allow_pipes)
    if args.merge:
        print(merge_alone(data, plan, args.merge, args.max_bad).render())
    elif job:
        print(run_alone(data, plan, job, num_jobs).render())
    else:
        print(extract(data, plan, num_jobs, args.max_bad).render())
