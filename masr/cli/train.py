"""Pre-train an encoder: an objective that needs no labels and, beside it, streams of metadata (stage 6).

DIR gets config.yaml, provenance.json, metrics.jsonl, checkpoints, and at the end model.safetensors. The same command
again goes on from the newest whole checkpoint, whatever killed the run before. On SIGTERM or SIGUSR1 the run saves
and exits with 75, which tells a scheduler to start it again. Under torchrun the ranks share each step.

example:
  masr train conf/pretrain/best_rq_masr_tiny.yaml exp/best_rq_masr_tiny
  masr train conf/pretrain/best_rq_tiny.yaml exp/short --max-steps 100 --seed 1 --set optim.peak_lr=1e-3
  torchrun --nproc-per-node 8 -m masr.cli.main train conf/pretrain/best_rq_600m.yaml exp/best_rq_600m
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.training.config import TrainConfig
    from masr.training.start import Started


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
    from masr.training.distributed import join_world
    from masr.training.loop import train
    from masr.training.start import start

    config = read_config(args)
    with join_world(config.device) as world:
        started = start(config, args.folder, world, build)
        fresh = not any((args.folder / "checkpoints").glob("step_*"))
        if world.is_first and fresh:
            keep(config, args.folder, started)
        code = train(started.run, started.batches, started.validation, started.largest)
        if world.is_first and not fresh:  # only now is it known that the folder holds the same run
            keep(config, args.folder, started)
    return code


def read_config(args: argparse.Namespace) -> TrainConfig:
    """The file with what the command line changes, and the features that the training data turned out to have."""
    from masr.config import load
    from masr.plugins import resolve
    from masr.training.config import TrainConfig
    from masr.training.start import with_features

    changes = list(args.set)
    if args.max_steps is not None:
        changes.append(f"training.max_steps={args.max_steps}")
    if args.seed is not None:
        changes.append(f"seed={args.seed}")
    return with_features(load(TrainConfig, args.conf, changes, resolve), resolve)


def keep(config: TrainConfig, folder: Path, started: Started) -> None:
    """What a reader of DIR needs beside the weights."""
    from masr.io.provenance import write_provenance
    from masr.training.start import save_stats

    save_stats(config, folder)
    sizes = [parameter.numel() for parameter in started.run.objective.encoder.parameters()]  # type: ignore[union-attr]
    write_provenance(folder, config, num_encoder_parameters=sum(sizes))
