"""Write a trained model as other projects load it.

RUN is the folder of an ended run, or RUN@STEP; OUT becomes a folder with all that is needed.

  hf     a folder of transformers (safetensors, feature extractor, tokenizer, model card). Waveform Transformers and
         what began from a checkpoint of transformers load without masr.

  onnx   model.onnx for onnxruntime, any batch and length; --quantise int8 writes model.int8.onnx beside, and says
         what that changes.
  pt2    model.pt2, a program of torch.export.
  s3prl  the encoder as an upstream: expert.py and hubconf.py beside model/, which is as for hf.
  espnet the encoder as a front end (frontend: masr), and with_espnet.py, which runs ESPnet's programs with it.

docs/interop.md has a table of what is equal, to what precision, and what is lost.

example:
  masr export exp/pretrain/wav2vec2_base exports/wav2vec2 --to hf
  masr export exp/ctc/tiny@4000 exports/ctc --to hf
  masr export exp/ctc/tiny exports/onnx --to onnx --quantise int8
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr export`."""
    parser.add_argument("model", type=Path, metavar="RUN", help="folder of a run, or RUN@STEP")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write; an earlier export there is replaced")
    parser.add_argument("--to", choices=["hf", "onnx", "pt2", "s3prl", "espnet"], required=True, help="the format")
    parser.add_argument(
        "--features",
        choices=["inside", "outside"],
        default="inside",
        help="of onnx and pt2: whether the graph makes log-mel frames of samples, or is given them (default inside)",
    )
    parser.add_argument("--quantise", choices=["int8"], help="of onnx: a second file with matrices of whole numbers")
    parser.add_argument(
        "--data-licence", metavar="WORD", help="licence of the training data, for the card (default: where it is known)"
    )


def run(args: argparse.Namespace) -> None:
    """Exports."""
    from masr.interop.export import Options, export

    export(settings(Options, args))
