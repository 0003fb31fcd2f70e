"""Run a trained encoder over a data directory: one vector for each utterance, or all frames, as .npy arrays.

OUT becomes a data directory with the speakers and labels of DATA, in DATA's order, and embeddings.npy beside them; with
--pool none, frames.npy and offsets.npy (utterance n is frames[offsets[n]:offsets[n + 1]]). All of them open with
numpy.load(..., mmap_mode="r"). Archives of stage 2 are read where they hold the features that the model was trained
on, and the audio itself otherwise. As a job array, each `--job J/N` does its slice and `--merge N` joins them.

example:
  masr extract exp/best_rq_masr_tiny data/test exp/best_rq_masr_tiny/test
  masr extract exp/best_rq_masr_tiny data/test exp/frames --layer 2 --pool none
  masr extract exp/best_rq_masr_tiny data/train exp/vectors --job 3/20
  masr extract exp/best_rq_masr_tiny data/train exp/vectors --merge 20
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.inference.extract import Plan


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr extract`."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a run that has ended")
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory, with utt2num_frames of stage 2")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--layer", type=int, metavar="L", help="0 is the input of the first block; default: the last")
    parser.add_argument(
        "--pool", choices=["mean", "statistics", "none"], default="mean", help="frames into one vector (default mean)"
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default auto")


def run(args: argparse.Namespace) -> None:
    """Extracts, merges, or both."""
    from masr.api import load
    from masr.data.made import features_of
    from masr.inference.extract import Extraction
    from masr.io.datadir import DataDir
    from masr.io.provenance import write_provenance
    from masr.plugins import resolve

    job, num_jobs = _job(args)
    if args.out.resolve() == args.data.resolve():
        from masr.errors import UsageError

        raise UsageError(f"{args.out} is DATA itself, whose tables would be lost", fix="name another folder for OUT")
    model = load(args.model, args.device)
    data = DataDir.open(args.data)
    made = features_of(data, resolve)
    from_archives = model.features is None or (made is not None and made == _trained_on(args.model))
    plan = _plan(args)
    extraction = Extraction(model, data, plan, from_archives)
    if not args.merge:
        extraction.run_job(args.out, job, num_jobs)
    if not args.job:
        extraction.merge(args.out, num_jobs)
        facts = {"model": str(args.model), "data": str(args.data), "layer": args.layer, "pool": args.pool}
        write_provenance(args.out, **facts)
        print(f"{args.out / plan.array}: {len(data)} utterances, {int(extraction.lengths.sum())} frames")


def _job(args: argparse.Namespace) -> tuple[int, int]:
    from masr.errors import UsageError

    if args.merge is not None:
        if args.merge < 1:
            raise UsageError(f"--merge {args.merge} is no number of jobs", fix="give 1 or more")
        return 0, int(args.merge)
    if args.job is None:
        return 1, 1
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", args.job)
    job, num_jobs = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= job <= num_jobs:
        raise UsageError(f"--job {args.job} is no job", fix="give it as J/N with J from 1 to N: --job 3/20")
    return job, num_jobs


def _plan(args: argparse.Namespace) -> Plan:
    """The options that every job must share, and a digest of the model."""
    import hashlib

    from masr.inference.extract import Plan
    from masr.io.layout import MODEL

    with (args.model / MODEL).open("rb") as stream:
        digest = hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
    return Plan(args.layer, None if args.pool == "none" else args.pool, f"{digest} {args.layer} {args.pool}")


def _trained_on(folder: Path) -> object:
    """The features of the model's own configuration."""
    from masr.config import load
    from masr.io.layout import RESOLVED_CONFIG
    from masr.plugins import resolve
    from masr.training.config import TrainConfig

    return load(TrainConfig, folder / RESOLVED_CONFIG, resolve=resolve).features
