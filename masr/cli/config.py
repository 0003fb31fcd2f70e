"""Print a configuration as it will be used: every key, its value, and what it means.

A file with a key that only a training run has (encoder, objective, optim, ...) is read as a training run, any other as
the configuration of a stage. With --needs, a line is printed for each thing that has to be made before a training run:
`confidence CONF` where its masking asks for a scorer's confidences, and `targets CONF FOLDER` where its objective
predicts clusters, with tabs between the words.

example:
  masr config egs/fleurs/conf/features.yaml
  masr config egs/fleurs/conf/pretrain/best_rq_tiny.yaml
  masr config egs/fleurs/conf/features.yaml --set features.num_bins=40
  masr config --needs egs/librispeech/conf/pretrain/best_rq_atm_tiny.yaml egs/librispeech/conf/pretrain/hubert_tiny.yaml
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr config`."""
    parser.add_argument("conf", type=Path, nargs="+", help="YAML files with what differs from the defaults")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    parser.add_argument("--plain", action="store_true", help="leave the docs out")
    parser.add_argument("--needs", action="store_true", help="print what has to be made before these training runs")


def run(args: argparse.Namespace) -> None:
    """Prints the resolved files, or what they need."""
    for conf in args.conf:
        if args.needs:
            _print_needs(conf, args.set)
        else:
            _print(conf, args.set, not args.plain)


def _print(conf: Path, changes: list[str], docs: bool) -> None:
    from masr.config import dump, keys, load
    from masr.plugins import RunConfig, resolve

    if keys(conf, changes) - _names(RunConfig):
        from masr.training.config import TrainConfig
        from masr.training.init_from import read_run

        if keys(conf, changes) & _names(TrainConfig) - _names(RunConfig):
            print(dump(read_run(conf, changes, resolve), docs=docs), end="")
            return
    print(dump(load(RunConfig, conf, changes, resolve), docs=docs), end="")


def _print_needs(conf: Path, changes: list[str]) -> None:
    from masr.plugins import resolve
    from masr.training.encoded_frames import needs
    from masr.training.init_from import read_run

    for what, where in needs(read_run(conf, changes, resolve)):
        print("\t".join(filter(None, [what, str(conf), where])))


def _names(schema: type) -> set[str]:
    import dataclasses

    return {field.name for field in dataclasses.fields(schema)}
