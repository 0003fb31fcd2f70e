"""Print a configuration as it will be used: every key, its value, and what it means.

example:
  masr config egs/fleurs/conf/features.yaml
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
    from masr.config import dump, load
    from masr.plugins import RunConfig, resolve

    print(dump(load(RunConfig, args.conf, args.set, resolve), docs=not args.plain), end="")
