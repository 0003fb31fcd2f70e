"""Train: an encoder by an objective that needs no labels (stage 6), or what it was trained for, such as CTC (stage 9).

DIR gets config.yaml, provenance.json, metrics.jsonl, checkpoints, and at the end model.safetensors. The same command
again goes on from the newest whole checkpoint, whatever killed the run before. On SIGTERM, SIGUSR1 or Ctrl-C the run
saves and exits with 75, which tells a scheduler to start it again; a second Ctrl-C leaves at once. Under torchrun the
ranks share each step.

example:
  masr train conf/pretrain/best_rq_masr_tiny.yaml exp/best_rq_masr_tiny
  masr train conf/pretrain/best_rq_tiny.yaml exp/short --max-steps 100 --seed 1 --set optim.peak_lr=1e-3
  masr train conf/ctc/tiny.yaml exp/ctc/best_rq_tiny --set init=exp/pretrain/best_rq_tiny/seed0
  masr train conf/pretrain/best_rq_100m.yaml exp/best_rq_100m --find-batch
  torchrun --nproc-per-node 8 -m masr.cli.main train conf/pretrain/best_rq_600m.yaml exp/best_rq_600m
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from masr.cli.options import seed

if TYPE_CHECKING:
    from masr.training.config import TrainConfig


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr train`."""
    parser.add_argument("conf", type=Path, metavar="CONF", help="YAML file with what differs from the defaults")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the run")
    parser.add_argument("--max-steps", type=int, metavar="N", help="as --set training.max_steps=N")
    parser.add_argument("--seed", type=seed, metavar="S", help="as --set seed=S")
    parser.add_argument(
        "--find-batch", action="store_true", help="train nothing; say how large a micro-batch fits this device"
    )
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")


def run(args: argparse.Namespace) -> int:
    """Trains to the last step, or until it is told to stop: by signals from now on, of which none is lost."""
    from masr.jobs.signals import Stop

    changes = list(args.set)
    if args.max_steps is not None:
        changes.append(f"training.max_steps={args.max_steps}")
    if args.seed is not None:
        changes.append(f"seed={args.seed}")
    with Stop() as stop:
        from masr.api import frame_scorer, read_units
        from masr.plugins import build, resolve
        from masr.training.assemble import Rooms, carry_out, find_batch_of, read_config

        rooms = Rooms(resolve, build, read_units, frame_scorer)
        config: TrainConfig = read_config(args.conf, changes, rooms)
        if args.find_batch:
            print(find_batch_of(config, args.folder, rooms))
            return 0
        code = carry_out(config, args.folder, rooms, stop)
    if code == 0 and config.training.trackers and os.environ.get("RANK", "0") == "0":
        from masr.api.tracked_report import tell

        tell(args.folder, lambda line: print(line, file=sys.stderr))
    return code
