"""Score every encoded frame of a data directory by how sure a model is of it, for guided masking (stage 5).

SCORER is a run with `objective: {name: ctc}`, a CTC model of transformers on disk (Wav2Vec2ForCTC, HubertForCTC), or,
without transcripts, a run that predicts codes (best_rq, hubert, w2v_bert, dinosr), asked about speech of which nothing
is hidden. Of --measure energy and voice_activity it is the configuration of the pre-training, or a run: no model is
asked, and it says when frames are. DATA gets confidence.scp with archives, one number in [0, 1] for each frame of the
scorer's encoder, whose front end has to be that of the encoder which is to be pre-trained: --encoder checks that.
confidence.json beside it says what the numbers are. With OUT they go to a folder of their own, so that several scorers
can be compared on the same data. As a job array, each `--job J/N` scores its slice and `--merge N` joins them; what was
killed goes on where it was.

example:
  masr confidence exp/scorer data/train_clean_100
  masr confidence exp/scorer data/train_clean_100 --encoder conf/pretrain/best_rq_atm_tiny.yaml
  masr confidence exp/scorer data/train_clean_100 exp/confidence/margin --measure margin --exclude-blank
  masr confidence exp/best_rq data/train_clean_100 exp/confidence/own/train_clean_100 --measure margin --temperature 2
  masr confidence conf/pretrain/best_rq_atm_tiny.yaml data/train_clean_100 --measure voice_activity
  masr confidence exp/scorer data/train_clean_100 --job 3/20
  masr confidence exp/scorer data/train_clean_100 --merge 20
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import job_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr confidence`."""
    parser.add_argument(
        "scorer",
        type=Path,
        metavar="SCORER",
        help="folder of a run that has ended, or of a checkpoint; of loudness, a configuration too",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory")
    parser.add_argument("out", type=Path, metavar="OUT", nargs="?", help="folder to write to (default DATA)")
    parser.add_argument(
        "--measure",
        choices=["max", "entropy", "margin", "energy", "voice_activity", "dropout_cosine", "dropout_agreement"],
        default="max",
        help="max: the best unit's probability; entropy: 1 less its share; margin: the best above the second; energy: "
        "loudness within the utterance; voice_activity: whether at most 30 dB below the loudest frame; dropout_cosine: "
        "how alike the outputs of two passes with dropout are; dropout_agreement: the chance that both predict one "
        "code (default max)",
    )
    parser.add_argument(
        "--temperature", type=float, default=1.0, metavar="T", help="probabilities are those of logits / T (default 1)"
    )
    parser.add_argument(
        "--dropout", type=float, metavar="P", help="share that each of two passes drops (default: that of its training)"
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
    part = job_of(args)
    from masr.api.confidence import open_scoring
    from masr.inference.confidence import render
    from masr.io.layout import CONFIDENCE_SCP
    from masr.io.one_writer import writing

    out = args.out or args.data
    scoring = open_scoring(
        args.scorer,
        args.data,
        out,
        args.measure,
        args.exclude_blank,
        args.encoder,
        args.device,
        args.temperature,
        args.dropout,
    )
    with writing(out, "confidence", part):
        if part.is_run and scoring.run_job(part.job, part.num_jobs, args.replace) is not None:
            print(f"{out / CONFIDENCE_SCP}: all of it is there, of the same scorer, measure and data")
        elif part.is_merged:
            print(render(out, scoring.merge(part.num_jobs)))
