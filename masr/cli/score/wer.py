"""Word error rate, counted as NIST's sclite counts it, on Kaldi text files (`utterance words`).

Words are compared as they are written; --lower and --normalise say what else is equal, and both texts are treated the
same. Intervals are over resampled speakers, or utterances where speakers are not known, and the output says which.
With --against, the matched-pairs test of sc_stats and the paired bootstrap say whether two systems differ.
--out writes ref.trn and hyp.trn, of which sclite makes its reports. docs/asr.md defines each figure.

example:
  masr score wer --ref data/test/text --hyp exp/ctc/test/text --json exp/ctc/test/wer.json
  masr score wer --ref data/test --hyp exp/a/text --against exp/b/text --by condition --by gender --cer
  masr score wer --ref data/test --hyp exp/ctc/test/text --seen data/pretrain --cer
  masr score wer --ref data/test --hyp exp/ctc/test/text --out exp/ctc/test/sclite --lower
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score wer`."""
    parser.add_argument("--ref", type=Path, required=True, metavar="TEXT", help="text, or the data directory it is in")
    parser.add_argument("--hyp", type=Path, required=True, metavar="TEXT", help="what a system wrote")
    parser.add_argument("--against", type=Path, metavar="TEXT", help="what a second system wrote, for paired tests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write ref.trn and hyp.trn for sclite there")
    parser.add_argument("--cer", action="store_true", help="character error rate as well, spaces between words counted")
    parser.add_argument("--no-spaces", action="store_true", help="with --cer: characters of words only")
    parser.add_argument(
        "--spk", type=Path, metavar="TABLE", help="utt2spk, or its directory (default: beside the reference)"
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="KIND", help="rates by condition: a kind, or a table utt2KIND"
    )
    parser.add_argument(
        "--seen", metavar="WHICH", help="languages of pre-training: a data directory, a list's file, or a,b,c"
    )
    parser.add_argument("--lower", action="store_true", help="capitals are small letters")
    parser.add_argument(
        "--normalise", choices=["none", "nfc", "nfkc"], default="none", help="Unicode's form of both (default none)"
    )
    parser.add_argument(
        "--missing",
        choices=["refuse", "skip", "delete"],
        default="refuse",
        help="an utterance without hypothesis: stop, leave it out, or all its words are deletions (default refuse)",
    )
    parser.add_argument(
        "--rule",
        choices=["nist", "equal"],
        default="nist",
        help="costs of an alignment: nist as sclite (default), equal as Kaldi's compute-wer and jiwer",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="S", help="of the resampling (default 0)")


def run(args: argparse.Namespace) -> None:
    """Reads, counts, prints, writes."""
    from masr.io.json_file import write_json
    from masr.scoring.wer.report import as_json, show, write_sclite
    from masr.scoring.wer.score import Options, compute

    found = compute(settings(Options, args))
    show(found)
    if args.json:
        write_json(args.json, as_json(found), indent=1)
    if args.out:
        write_sclite(args.out, found)
