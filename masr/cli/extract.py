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
from typing import TYPE_CHECKING

from masr.cli.job_option import job_of

if TYPE_CHECKING:
    from masr.inference.extract import Extraction
    from masr.inference.extracted import Plan
    from masr.inference.load import Model
    from masr.inference.masked import MaskedPass
    from masr.io.datadir import DataDir

FRAME_SHIFT_SEC, FRAME_MIDDLE_SEC = 0.01, 0.0125
"""Feature frames are 10 ms apart and 25 ms long, the first at the beginning."""


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
    parser.add_argument("--mask-seed", type=int, metavar="S", help="of the places that are hidden (default 0)")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], help="default auto")


def run(args: argparse.Namespace) -> None:
    """Extracts, merges, or both."""
    job, num_jobs = job_of(args)
    if args.out.resolve() == args.data.resolve():
        from masr.errors import UsageError

        raise UsageError(f"{args.out} is DATA itself, whose tables would be lost", fix="name another folder for OUT")
    if _is_statistics(args.model):
        _statistics(args, job, num_jobs)
    else:
        _encoder(args, job, num_jobs)


def _encoder(args: argparse.Namespace, job: int, num_jobs: int) -> None:
    """What a trained model says."""
    from masr.api import load
    from masr.io.datadir import DataDir

    args.pool, args.mask_seed = args.pool or "mean", args.mask_seed or 0
    model = load(args.model, args.device or "auto")
    data = DataDir.open(args.data)
    masked = _masked(args, model)
    plan = _plan(args, model.num_layers)
    extraction = open_extraction(args.model, model, data, plan, masked)
    if not args.merge:
        extraction.run_job(args.out, job, num_jobs)
    if not args.job:
        facts = {"model": str(args.model), "data": str(args.data), "pool": args.pool}
        for folder in write_extraction(extraction, args.out, num_jobs, **facts):
            print(f"{folder / plan.array}: {len(data)} utterances, {int(extraction.lengths.sum())} frames")


def _is_statistics(model: Path) -> bool:
    """Whether MODEL is the word; a run of exactly that name comes first."""
    from masr.inference.statistics import NAME
    from masr.io.trained import open_trained

    return str(model) == NAME and not open_trained(model).is_there


def _statistics(args: argparse.Namespace, job: int, num_jobs: int) -> None:
    """What the features say without a model."""
    from masr.errors import UsageError
    from masr.inference.statistics import StatisticsOfFeatures
    from masr.io.datadir import DataDir
    from masr.io.provenance import write_provenance

    for option in ("layer", "layers", "pool", "masked", "mask_share", "mask_span", "mask_seed", "device"):
        given = getattr(args, option)
        if given is not None and given is not False:
            raise UsageError(
                f"--{option.replace('_', '-')} is for an encoder, and `{args.model}` has none",
                fix=f"leave it out, or give a model in the place of `{args.model}`",
            )
    data = DataDir.open(args.data)
    found = StatisticsOfFeatures(data)
    if not args.merge:
        found.run_job(args.out, job, num_jobs)
    if not args.job:
        found.extracted.merge(args.out, num_jobs)
        write_provenance(args.out, model=str(args.model), data=str(args.data))
        array = args.out / found.extracted.plan.array
        print(f"{array}: {len(data)} utterances, statistics of {found.num_features} features of a frame")


def open_extraction(name: Path, model: Model, data: DataDir, plan: Plan, masked: MaskedPass | None) -> Extraction:
    """From the archives of `data`, where they hold what the model was trained on."""
    from masr.api import features_of_run
    from masr.data.stored_features import features_of
    from masr.inference.extract import Extraction
    from masr.plugins import resolve

    made = features_of(data, resolve)
    from_archives = model.features is None or (made is not None and made == features_of_run(name))
    return Extraction(model, data, plan, from_archives, masked)


def write_extraction(extraction: Extraction, out: Path, num_jobs: int, **facts: str) -> list[Path]:
    """The folder of each layer, when all jobs have ended, with what is to be known of its frames."""
    from masr.inference.cluster import grid_of
    from masr.io.provenance import write_provenance

    extraction.merge(out, num_jobs)
    grid, masked = grid_of(extraction.model.encoder), extraction.masked
    known: dict[str, object] = {
        **facts,
        "frame_shift_sec": round(grid.factor * FRAME_SHIFT_SEC, 9),
        "first_frame_sec": round(grid.offset * FRAME_SHIFT_SEC + FRAME_MIDDLE_SEC, 9),
    }
    if masked is not None:
        spans = masked.masker.config
        known |= {"mask_share": spans.share, "mask_span": spans.span, "mask_seed": masked.seed}
        known["hidden_by"] = masked.hidden_by
    folders = {layer: extraction.plan.folder(out, layer) for layer in extraction.plan.layers}
    for layer, folder in folders.items():
        write_provenance(folder, layer=layer, **known)
    return list(folders.values())


def _masked(args: argparse.Namespace, model: Model) -> MaskedPass | None:
    """How speech is hidden, where that is asked for."""
    from masr.api import masked_pass
    from masr.errors import UsageError

    if not args.masked:
        if args.mask_share is not None or args.mask_span is not None or args.mask_seed:
            raise UsageError("--mask-share, --mask-span and --mask-seed belong to --masked", fix="add --masked")
        return None
    if args.pool != "none":
        raise UsageError("a masked pass is of frames, and --pool makes one vector of them", fix="add --pool none")
    return masked_pass(args.model, model, args.mask_share, args.mask_span, args.mask_seed)


def _plan(args: argparse.Namespace, num_layers: int) -> Plan:
    """The options that every job must share, and the identity of the model."""
    from masr.inference.extracted import Plan
    from masr.io.identity import identity

    layers = _layers(args, num_layers)
    pool = None if args.pool == "none" else args.pool
    key = f"{identity(args.model)} {layers} {args.pool}"
    if args.masked:
        key += f" masked {args.mask_share} {args.mask_span} {args.mask_seed}"
    return Plan(layers, pool, key, apart=args.layers is not None)


def _layers(args: argparse.Namespace, num_layers: int) -> tuple[int | None, ...]:
    """All that are asked for, each once and in order."""
    if args.layers is None:
        return (args.layer,)
    if args.layers == "all":
        return tuple(range(num_layers + 1))
    cells = [cell.strip() for cell in args.layers.split(",")]
    if not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in cells):
        from masr.errors import UsageError

        raise UsageError(f"--layers {args.layers} names no layers", fix="give all, or numbers: --layers 0,6,12")
    return tuple(sorted({int(cell) for cell in cells}))
