"""Score every encoded frame of a data directory by how sure a CTC model is of it, for guided masking (stage 5).

SCORER is a run with `objective: {name: ctc}`, or a CTC model of transformers on disk (Wav2Vec2ForCTC, HubertForCTC).
DATA gets confidence.scp with archives, one number in [0, 1] for each frame of the scorer's encoder, whose front end has
to be that of the encoder which is to be pre-trained: --encoder checks that. confidence.json beside it says what the
numbers are. With OUT they go to a folder of their own, so that several scorers can be compared on the same data. As a
job array, each `--job J/N` scores its slice and `--merge N` joins them; what was killed goes on where it was.

example:
  masr confidence exp/scorer data/train_clean_100
  masr confidence exp/scorer data/train_clean_100 --encoder conf/pretrain/best_rq_atm_tiny.yaml
  masr confidence exp/scorer data/train_clean_100 exp/confidence/margin --measure margin --exclude-blank
  masr confidence exp/scorer data/train_clean_100 --job 3/20
  masr confidence exp/scorer data/train_clean_100 --merge 20
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from masr.cli.job_option import job_of

if TYPE_CHECKING:
    from masr.inference.frame_scorer import FrameScorer


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr confidence`."""
    parser.add_argument(
        "scorer", type=Path, metavar="SCORER", help="folder of a run that has ended, or of a checkpoint"
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory")
    parser.add_argument("out", type=Path, metavar="OUT", nargs="?", help="folder to write to (default DATA)")
    parser.add_argument(
        "--measure",
        choices=["max", "entropy", "margin"],
        default="max",
        help="the best unit's probability, 1 less the share of entropy, the best above the second (default max)",
    )
    parser.add_argument("--exclude-blank", action="store_true", help="only units other than the blank are taken")
    parser.add_argument(
        "--encoder", type=Path, metavar="CONF", help="configuration of pre-training; stop where its rate is another"
    )
    parser.add_argument("--replace", action="store_true", help="write over confidences that are there")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default auto")


def run(args: argparse.Namespace) -> None:
    """Scores, merges, or both."""
    from masr.api import frame_scorer
    from masr.data.stored_features import features_of
    from masr.inference.confidence import PROBLEMS, ScoredData, Scoring
    from masr.io.datadir import DataDir
    from masr.io.layout import CONFIDENCE_SCP
    from masr.plugins import resolve

    job, num_jobs = job_of(args)
    scorer = frame_scorer(args.scorer, args.device, args.measure, args.exclude_blank)
    if args.encoder:
        _check_encoder(scorer, args.encoder)
    data = DataDir.open(args.data)
    scoring = Scoring(ScoredData(scorer, data, features_of(data, resolve)), args.out or args.data)
    if not args.merge and scoring.run_job(job, num_jobs, args.replace) is not None:
        print(f"{scoring.out / CONFIDENCE_SCP}: all of it is there, of the same scorer, measure and data")
    elif not args.job:
        facts = scoring.merge(num_jobs)
        print(
            f"{scoring.out / CONFIDENCE_SCP}: {facts.num_utts - facts.num_short} utterances, {facts.num_frames} frames "
            f"of {1000 * facts.frame_shift_sec:g} ms, mean confidence {facts.mean:.3f}"
        )
        if facts.num_short:
            print(f"  {facts.num_short} are too short for an encoded frame, see {scoring.out / PROBLEMS}")


def _check_encoder(scorer: FrameScorer, conf: Path) -> None:
    """Stops where the encoder of a configuration makes other frames than the scorer."""
    from masr.data.samples import sample_rate_of
    from masr.plugins import build, resolve
    from masr.training.init_from import read_run

    config = read_run(conf, [], resolve)
    encoder = build("models", config.encoder)
    features = build("features", config.features) if config.features else None
    scorer.check_encoder(encoder, config.seconds_per_frame(sample_rate_of(encoder)), features)
