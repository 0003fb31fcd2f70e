"""Run a trained encoder over a data directory: one vector for each utterance, or all frames, as .npy arrays.

OUT becomes a data directory with the speakers and labels of DATA, in DATA's order, and embeddings.npy beside them; with
--pool none, frames.npy and offsets.npy (utterance n is frames[offsets[n]:offsets[n + 1]]). All of them open with
numpy.load(..., mmap_mode="r"). With --layers, each layer has such a folder, OUT/layer0, OUT/layer1, ..., written in one
pass over the speech. Archives of stage 2 are read where they hold the features that the model was trained
on, and the audio itself otherwise, as for an encoder of waveforms. As a job array, each `--job J/N` does its slice
and `--merge N` joins them.

MODEL may also be a folder that transformers wrote (config.json, preprocessor_config.json and safetensors of wav2vec
2.0, HuBERT, WavLM, w2v-BERT 2.0, ...): layer k is its hidden_states[k]. Nothing is fetched, and no pickle is opened.

The word `statistics` in place of MODEL is no encoder: each utterance's vector is the mean, the standard deviation and
the mean absolute step from frame to frame of each feature in DATA's archives (240 values of 80 log-mel bins). This is
the trivial answer, which an encoder has to beat.

With --masked, a part of the speech is hidden from the encoder as its training hid it, and mask.npy says where: one of
the two views that masr analyse mutual-information compares. Which frames are hidden depends on --mask-seed and the
utterance's id alone. A checkpoint of transformers puts its own mask embedding there, and is refused without one.

example:
  masr extract exp/best_rq_masr_tiny data/test exp/best_rq_masr_tiny/test
  masr extract exp/best_rq_masr_tiny data/test exp/frames --layer 2 --pool none
  masr extract exp/best_rq_masr_tiny data/test exp/layers --layers all
  masr extract exp/best_rq_masr_tiny@200 data/test exp/early
  masr extract downloads/wav2vec2-large-xlsr-53 exp/recordings exp/frames --layer 21 --pool none
  masr extract exp/best_rq_masr_tiny data/test exp/masked --pool none --masked
  masr extract statistics data/test exp/statistics/test
  masr extract exp/best_rq_masr_tiny data/train exp/vectors --job 3/20
  masr extract exp/best_rq_masr_tiny data/train exp/vectors --merge 20
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import job_of, seed, settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr extract`."""
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="folder of a run, RUN@STEP, what transformers wrote, or statistics"
    )
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="data directory, with utt2num_frames, or utt2dur for waveforms"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    layer = parser.add_mutually_exclusive_group()
    layer.add_argument("--layer", type=int, metavar="L", help="0 is the input of the first block; default: the last")
    layer.add_argument("--layers", metavar="L,L", help="each into a folder of its own: all, or numbers such as 0,6,12")
    parser.add_argument("--pool", choices=["mean", "statistics", "none"], help="frames into one vector (default mean)")
    parser.add_argument("--masked", action="store_true", help="hide a part of the speech; wants --pool none")
    parser.add_argument("--mask-share", type=float, metavar="S", help="of frames (default: as in its training)")
    parser.add_argument(
        "--mask-span", type=int, metavar="N", help="frames hidden together (default: as in its training)"
    )
    parser.add_argument("--mask-seed", type=seed, metavar="S", help="of the places that are hidden (default 0)")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], help="default auto")


def run(args: argparse.Namespace) -> None:
    """Extracts, merges, or both."""
    part = job_of(args)
    from masr.api.extract import Options, extract

    for array in extract(settings(Options, args), part):
        print(f"{array.path}: {array.num_utts} utterances, {array.what}")
