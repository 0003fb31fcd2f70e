"""Turn speech into text by a CTC model: greedily, or by a beam search with a lexicon and a language model.

MODEL is the folder of a run that learnt by CTC and DATA a data directory. Or stored emissions are decoded: EMISSIONS
holds emissions.scp (natural log-probabilities, frames by units) and frame_shift (seconds a frame), and UNITS is the
folder of stage 3 that the model was trained with. OUT gets text, text.nbest, score.nbest and words.ctm with times and
confidences; with --keep also the emissions, which can then be decoded again and again without the model. As a job
array, each `--job J/N` does its slice and `--merge N` joins them. docs/asr.md describes the keys of the configuration.

example:
  masr decode exp/ctc/best_rq_tiny data/test_clean exp/ctc/best_rq_tiny/test_clean --set search=greedy
  masr decode exp/ctc/best_rq_tiny data/test_clean exp/ctc/test --conf conf/decode.yaml --keep
  masr decode exp/ctc/test exp/units exp/ctc/test/lm --set lexicon=words.txt --set language_model=3gram.arpa
  masr decode exp/ctc/test exp/units exp/ctc/test/beam --conf conf/decode.yaml --job 3/20
  masr decode exp/ctc/test exp/units exp/ctc/test/beam --conf conf/decode.yaml --merge 20
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import job_of, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr decode`."""
    parser.add_argument("source", type=Path, metavar="MODEL|EMISSIONS", help="folder of a run, or with emissions.scp")
    parser.add_argument("input", type=Path, metavar="DATA|UNITS", help="data directory; or folder with units.txt")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--conf", type=Path, metavar="FILE", help="YAML file with what differs from the defaults")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    parser.add_argument("--keep", action="store_true", help="write the model's emissions to OUT as well")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="of the model (default auto)")


def run(args: argparse.Namespace) -> None:
    """Decodes, merges, or both."""
    part = job_of(args)
    from masr.api.decode import Options, decode

    decode(settings(Options, args), part)
