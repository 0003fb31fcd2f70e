"""Train: an encoder by an objective that needs no labels (stage 6), or what it was trained for, such as CTC (stage 9).

DIR gets config.yaml, provenance.json, metrics.jsonl, checkpoints, and at the end model.safetensors. The same command
again goes on from the newest whole checkpoint, whatever killed the run before. On SIGTERM or SIGUSR1 the run saves
and exits with 75, which tells a scheduler to start it again. Under torchrun the ranks share each step.

example:
  masr train conf/pretrain/best_rq_masr_tiny.yaml exp/best_rq_masr_tiny
  masr train conf/pretrain/best_rq_tiny.yaml exp/short --max-steps 100 --seed 1 --set optim.peak_lr=1e-3
  masr train conf/ctc/tiny.yaml exp/ctc/best_rq_tiny --set init=exp/pretrain/best_rq_tiny/seed0
  torchrun --nproc-per-node 8 -m masr.cli.main train conf/pretrain/best_rq_600m.yaml exp/best_rq_600m
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.inference.frame_scorer import FrameScorer
    from masr.training.assemble import Started
    from masr.training.config import TrainConfig
    from masr.training.distributed import World
    from masr.types import Units


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr train`."""
    parser.add_argument("conf", type=Path, metavar="CONF", help="YAML file with what differs from the defaults")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the run")
    parser.add_argument("--max-steps", type=int, metavar="N", help="as --set training.max_steps=N")
    parser.add_argument("--seed", type=int, metavar="S", help="as --set seed=S")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")


def run(args: argparse.Namespace) -> int:
    """Trains to the last step, or until it is told to stop."""
    from masr.plugins import build
    from masr.training.assemble import start
    from masr.training.distributed import join_world
    from masr.training.loop import train

    config = read_config(args)
    with join_world(config.device) as world:
        started = start(config, args.folder, world, build, units=units_for(config), scorer=scorer_of(config, world))
        fresh = not any((args.folder / "checkpoints").glob("step_*"))
        if world.is_first and fresh:
            keep(config, args.folder, started)
        before = ended_at(args.folder)
        code = train(started.run, started.batches, started.validation, started.largest)
        # Only now is it known that the folder holds the same run.
        # One that had ended before keeps what it says of itself.
        if world.is_first and not fresh and (before is None or ended_at(args.folder) != before):
            keep(config, args.folder, started)
    return code


def ended_at(folder: Path) -> int | None:
    """When the run last came to its end; None where it has not."""
    from masr.io.layout import ENDED

    try:
        return (folder / ENDED).stat().st_mtime_ns
    except OSError:
        return None


def read_config(args: argparse.Namespace) -> TrainConfig:
    """The file with what the command line changes, and the features that the training data turned out to have."""
    from masr.plugins import resolve
    from masr.training.assemble import with_features
    from masr.training.init_from import read_run
    from masr.training.label_classes import with_classes
    from masr.training.transcripts import with_outputs

    changes = list(args.set)
    if args.max_steps is not None:
        changes.append(f"training.max_steps={args.max_steps}")
    if args.seed is not None:
        changes.append(f"seed={args.seed}")
    config = with_classes(with_features(read_run(args.conf, changes, resolve), resolve))
    return with_outputs(config, units_for(config))


def scorer_of(config: TrainConfig, world: World) -> FrameScorer | None:
    """The model that says in every step how sure it is of each frame, where the configuration names one."""
    from masr.api import frame_scorer

    if config.scorer is None:
        return None
    return frame_scorer(config.scorer, str(world.device), config.scorer_measure or "max", config.scorer_exclude_blank)


def units_for(config: TrainConfig) -> Units | None:
    """The units of stage 3, where the objective learns to write them."""
    from masr.api import read_units
    from masr.training.transcripts import transcribes

    return read_units(config.codes) if transcribes(config) else None


def keep(config: TrainConfig, folder: Path, started: Started) -> None:
    """What a reader of DIR needs beside the weights."""
    from masr.io.layout import ENCODER
    from masr.io.provenance import write_provenance
    from masr.training.assemble import save_stats

    save_stats(config, folder)
    started.speech.save(config.codes, folder)
    describe = getattr(started.run.objective.encoder, "describe", None)
    if describe is not None:
        describe(folder / ENCODER)
    sizes = [parameter.numel() for parameter in started.run.objective.encoder.parameters()]  # type: ignore[union-attr]
    write_provenance(folder, config, num_encoder_parameters=sum(sizes))
