"""Say which language is spoken: the likeliest languages of audio files, or of every utterance of a data directory.

MODEL is the folder of a run that learnt languages (stage 7); what it was trained on, and which languages it knows, is
said on standard error: it has no other answer. A folder stands for every audio file below it. Any format that
libsndfile reads will do (wav, flac, mp3, ogg, ...), at any rate; `-` is standard input. Files of several channels are
mixed, unless --channel picks one, or the loudest. What is longer than the model saw in training is cut into windows.
Probabilities are calibrated on the validation data of the training. A file that cannot be used is named on standard
error and does not stop the others; the exit code is then 2.

With --scores, log-probabilities of every language go to a file that `masr score lid` reads.

example:
  masr identify exp/lid/best_rq_masr_tiny talk.wav interview.mp3
  masr identify exp/lid/best_rq_masr_tiny --top 1 --jsonl recordings/*.flac
  masr identify exp/lid/best_rq_masr_tiny ~/recordings
  ffmpeg -v error -i film.mkv -f wav - | masr identify exp/lid/best_rq_masr_tiny -
  masr identify exp/lid/best_rq_masr_tiny data/test --scores exp/lid/best_rq_masr_tiny/test/scores.tsv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import channel, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr identify`."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a run that learnt languages")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="audio files, folders of them, `-`, or one data directory"
    )
    parser.add_argument("--top", type=int, default=3, metavar="K", help="languages to print (default 3)")
    parser.add_argument("--jsonl", action="store_true", help="print one JSON object a line")
    parser.add_argument("--scores", type=Path, metavar="OUT", help="write scores.tsv or .npy, print no languages")
    parser.add_argument(
        "--channel", type=channel, metavar="N", help="channel of the files, from 0, or loudest (default: all, mixed)"
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default auto")


def run(args: argparse.Namespace) -> int:
    """Identifies everything; 2 where something could not be."""
    from masr.api.identify import Options, identify

    return 2 if identify(settings(Options, args)) else 0
