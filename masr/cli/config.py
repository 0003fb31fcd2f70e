"""Print a configuration as it will be used: every key, its value, and what it means.

A file with a key that only a training run has (encoder, objective, optim, ...) is read as a training run, any other as
the configuration of a stage.

example:
  masr config egs/fleurs/conf/features.yaml
  masr config egs/fleurs/conf/pretrain/best_rq_tiny.yaml
  masr config egs/fleurs/conf/features.yaml --set features.num_bins=40
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr config`."""
    parser.add_argument("conf", type=Path, help="YAML file with what differs from the defaults")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    parser.add_argument("--plain", action="store_true", help="leave the docs out")


def run(args: argparse.Namespace) -> None:
    """Prints the resolved file."""
    from masr.config import dump, keys, load
    from masr.plugins import RunConfig, resolve

    if keys(args.conf, args.set) - _names(RunConfig):
        from masr.training.config import TrainConfig
        from masr.training.init_from import read_run

        if keys(args.conf, args.set) & _names(TrainConfig) - _names(RunConfig):
            print(dump(read_run(args.conf, args.set, resolve), docs=not args.plain), end="")
            return
    print(dump(load(RunConfig, args.conf, args.set, resolve), docs=not args.plain), end="")


def _names(schema: type) -> set[str]:
    import dataclasses

    return {field.name for field in dataclasses.fields(schema)}
