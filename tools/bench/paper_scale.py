"""The arithmetic of a pre-training at the papers' scale: disk, tables, jobs, GPU days. Nothing is measured here.

The model is built without memory, so its parameters and the operations of a step are counted, not quoted.

example:
  python tools/bench/paper_scale.py egs/fleurs/conf/pretrain/best_rq_600m.yaml
  python tools/bench/paper_scale.py egs/librispeech/conf/pretrain/best_rq_600m.yaml --hours 60000 --utt-sec 14
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

_TB = 1e12
_GB = 1e9
_BYTES_PER_SEC = {  # of 16 kHz audio, or of 100 frames of 80 bins
    "int16 shards (16 kHz)": 2 * 16_000,
    "features, float32": 4 * 80 * 100,
    "features, float16": 2 * 80 * 100,
    "features, uint8": 1 * 80 * 100,
}


def main() -> None:
    """Prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conf", type=Path, help="configuration of the pre-training")
    parser.add_argument("--hours", type=float, default=429_000, help="of speech (default: the papers')")
    parser.add_argument("--utt-sec", type=float, default=10, help="mean length of an utterance: an assumption")
    parser.add_argument("--flac-share", type=float, default=0.55, help="FLAC against int16: an assumption")
    parser.add_argument("--peak-tflops", type=float, default=989, help="dense bfloat16 of one GPU: H100 and H200 SXM")
    parser.add_argument("--utilisation", type=float, default=0.4, help="share of it that the model's sums get")
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=1000, help="of the arrays of stages 1 and 2")
    args = parser.parse_args()
    _disk(args)
    _training(args)


def _disk(args: argparse.Namespace) -> None:
    seconds = args.hours * 3600
    utts = seconds / args.utt_sec
    print(f"speech             {args.hours:,.0f} h, {utts / 1e6:,.0f} million utterances of {args.utt_sec:g} s")
    for name, rate in _BYTES_PER_SEC.items():
        print(f"{name:<22} {seconds * rate / _TB:6.1f} TB, {seconds * rate / args.jobs / _GB:6.1f} GB a job")
    flac = seconds * _BYTES_PER_SEC["int16 shards (16 kHz)"] * args.flac_share
    print(f"{'FLAC':<22} {flac / _TB:6.1f} TB at {args.flac_share:.0%} of int16")
    print(f"{'an array of lengths':<22} {utts * 8 / _GB:6.1f} GB (8 bytes an utterance)")
    print(
        f"{'index of one table':<22} {utts * 8 / _GB:6.1f} GB (8 bytes a row where the table has 4 GiB or more, else 4)"
    )
    print(
        f"{'a job':<22} {args.hours / args.jobs:6.0f} h, {utts / args.jobs:,.0f} utterances, one shard and one archive"
    )


def _training(args: argparse.Namespace) -> None:
    import torch
    from gpu_check.operations import operations_of

    from masr.plugins import build, resolve
    from masr.training.init_from import read_run

    config = read_run(args.conf, [], resolve)
    with torch.device("meta"):
        encoder = build("models", config.encoder)
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    batching, steps = config.batching, config.training.max_steps
    frames = batching.batch_frames
    encoded = frames // encoder.subsampling
    mean = round(min(args.utt_sec * 100, batching.max_frames))
    each = operations_of(config.encoder, [mean])
    by_weights = 6 * weights * (mean // encoder.subsampling)
    total = each * (frames / mean) * steps
    per_sec = args.peak_tflops * 1e12 * args.utilisation
    days = total / per_sec / 86_400
    hours = frames * steps / 100 / 3600
    micro = frames // (args.gpus * config.training.accumulate)
    print(f"{'encoder':<22} {weights / 1e6:6.0f} million parameters, Adam in float32 {weights * 16 / _GB:.1f} GB")
    print(f"{'a step':<22} {frames:,} feature frames ({frames / 360_000:.1f} h), {encoded:,} encoded frames at most")
    print(f"{'training':<22} {steps:,} steps, {hours:,.0f} h of speech, {hours / args.hours:.1f} times the corpus")
    print(
        f"{'operations':<22} {total:.2e}, counted on utterances of {mean / 100:g} s: "
        f"{each / by_weights:.2f} times 6 for each weight and encoded frame"
    )
    print(f"{'GPU days':<22} {days:6.1f} at {args.utilisation:.0%} of {args.peak_tflops:g} TFLOP/s")
    print(
        f"{'on':<22} {args.gpus:6d} GPUs {days / args.gpus * 24:.1f} h; {micro:,} feature frames a GPU and micro-batch"
    )
    print(f"{'reading':<22} {frames / 100 / (days / args.gpus * 86_400 / steps):,.0f} audio-s a second over all GPUs")


if __name__ == "__main__":
    main()
