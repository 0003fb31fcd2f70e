"""Say which language is spoken: the likeliest languages of audio files, or of every utterance of a data directory.

MODEL is the folder of a run that learnt languages (stage 7). Any format that libsndfile reads will do (wav, flac, mp3,
ogg, ...), at any rate; `-` is standard input. Files of several channels are mixed, unless --channel picks one. What is
longer than the model saw in training is cut into windows. Probabilities are calibrated on the validation data of the
training. A file that cannot be used is named on standard error and does not stop the others; the exit code is then 2.

With --scores, log-probabilities of every language go to a file that `masr score lid` reads.

example:
  masr identify exp/lid/best_rq_masr_tiny talk.wav interview.mp3
  masr identify exp/lid/best_rq_masr_tiny --top 1 --jsonl recordings/*.flac
  ffmpeg -v error -i film.mkv -f wav - | masr identify exp/lid/best_rq_masr_tiny -
  masr identify exp/lid/best_rq_masr_tiny data/test --scores exp/lid/best_rq_masr_tiny/test/scores.tsv
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.cli.identify_show import Shown
    from masr.inference.identify import Identifier
    from masr.io.datadir import DataDir

STDIN = "-"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr identify`."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a run that learnt languages")
    parser.add_argument("files", nargs="+", metavar="FILE", help="audio files, `-`, or one data directory")
    parser.add_argument("--top", type=int, default=3, metavar="K", help="languages to print (default 3)")
    parser.add_argument("--jsonl", action="store_true", help="print one JSON object a line")
    parser.add_argument("--scores", type=Path, metavar="OUT", help="write scores.tsv or .npy, print no languages")
    parser.add_argument("--channel", type=int, metavar="N", help="channel of the files, from 0 (default: all, mixed)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default auto")


def run(args: argparse.Namespace) -> int:
    """Identifies everything; 2 where something could not be."""
    from masr.api import identifier
    from masr.cli.identify_show import Shown
    from masr.errors import UsageError
    from masr.io.datadir import DataDir

    folders = [name for name in args.files if name != STDIN and Path(name).is_dir()]
    if args.top < 1:
        raise UsageError(f"--top {args.top} is less than 1", fix="give how many languages to print: --top 3")
    if folders and len(args.files) > 1:
        raise UsageError(f"{folders[0]} is a folder, and a data directory stands alone", fix="give it by itself")
    if args.files.count(STDIN) > 1:
        raise UsageError("standard input can be read once", fix="give - once")
    data = DataDir.open(Path(folders[0])) if folders else None
    model = identifier(args.model, args.device)
    names = args.files if data is None else data.utts
    shown = Shown(names, model.languages, args.top, args.jsonl, args.scores)
    if data is None:
        _files(args, model, shown)
    else:
        _data(args, model, data, shown)
    return shown.close()


def _files(args: argparse.Namespace, model: Identifier, shown: Shown) -> None:
    import sys

    from masr.inference.lid_windows import file_windows

    sources = [sys.stdin.buffer.read() if name == STDIN else Path(name) for name in args.files]
    windows = file_windows(sources, model.geometry, model.max_frames, args.channel, shown.complain)
    for found in model.identify(windows, are_frames=False):
        shown.add(found)


def _data(args: argparse.Namespace, model: Identifier, data: DataDir, shown: Shown) -> None:
    from masr.api import features_of_run
    from masr.data.stored_features import features_of
    from masr.inference.lid_windows import data_windows
    from masr.plugins import resolve

    made = features_of(data, resolve)
    from_archives = not model.model.takes_samples and (
        model.model.features is None or (made is not None and made == features_of_run(args.model))
    )
    windows = data_windows(model, data, from_archives, shown.complain)
    for found in model.identify(windows, are_frames=from_archives):
        shown.add(found)
