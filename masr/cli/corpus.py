"""Stage 0: check a corpus that you downloaded, or build the embedded one.

SOURCE is the folder of a downloaded corpus, which is checked against its real layout and left as it is; or the word
`mini` (an hour or two) or `large` (as many hours as --hours says), which has eSpeak NG speak a corpus of the same
layout into OUT; fleurs has `medium` too (about five hours, of words beside numbers). A corpus that lies there already
from the same configuration is kept; from another, it is replaced.

example:
  masr corpus fleurs mini egs/fleurs/corpus/mini
  masr corpus fleurs medium egs/fleurs/corpus/medium
  masr corpus dhwani large /data/dhwani_100h --hours 100 --nj 16
  masr corpus fleurs /data/fleurs
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from masr.cli.options import seed
from masr.jobs.machine import num_cores

SIZES = ("mini", "large")
"""Sizes that every embedded corpus has; a plug-in's own `SIZES` come beside them."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr corpus`."""
    parser.add_argument("name", help="fleurs, dhwani, librispeech or pangloss; to check, any file of masr/corpora")
    parser.add_argument("source", help="folder of a downloaded corpus, or: mini, large, medium (fleurs)")
    parser.add_argument("out", nargs="?", type=Path, help="where the embedded corpus goes")
    parser.add_argument("--hours", type=float, help="hours of speech; large needs it")
    parser.add_argument("--seed", type=seed, help="another seed gives other speakers and sentences (default 0)")
    parser.add_argument("--nj", type=int, default=num_cores(), help="processes that build (default: all cores)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key of its Config")


def run(args: argparse.Namespace) -> None:
    """Builds, or checks."""
    if args.source in sizes_of(args.name):
        build(args)
    else:
        check(args)


def sizes_of(name: str) -> dict[str, tuple[str, ...]]:
    """The sizes of the embedded corpus, each with its changes to the plug-in's Config."""
    from masr.plugins import names, open_plugin

    own = getattr(open_plugin("synth", name), "SIZES", {}) if name in names("synth") else {}
    return {**dict.fromkeys(SIZES, ()), **own}


def check(args: argparse.Namespace) -> None:
    """Whether the folder holds what its name promises, and how much of it."""
    from masr.config import loads
    from masr.corpora.check import check as check_corpus
    from masr.errors import UsageError, near
    from masr.plugins import names, open_plugin

    if args.name not in names("corpora"):
        raise UsageError(f"there is no corpus {args.name!r}", fix=near(args.name, names("corpora")))
    given = [f"--{key}" for key in ("hours", "seed") if getattr(args, key) is not None]
    if args.out or given:
        what, sizes = args.out or given[0], list(sizes_of(args.name))
        raise UsageError(
            f"{what}: a corpus on disk is only checked, not built",
            why=f"{args.source!r} is none of {', '.join(sizes)}, so it is taken for a folder",
            fix=f"leave it out, or write {' or '.join(sizes)}",
        )
    module = open_plugin("corpora", args.name)
    corpus = module.build(loads(module.Config, "", "<command line>", args.set))
    print(check_corpus(corpus, Path(args.source)))


def build(args: argparse.Namespace) -> None:
    """Makes the embedded corpus in OUT."""
    from masr.errors import UsageError, near
    from masr.io.provenance import write_provenance
    from masr.plugins import names, open_plugin
    from masr.synth.build import build_corpus

    if args.name not in names("synth"):
        raise UsageError(f"no embedded corpus {args.name!r}", fix=near(args.name, names("synth")))
    if args.out is None:
        raise UsageError(f"{args.source}: where to?", fix=f"masr corpus {args.name} {args.source} OUT")
    if args.source == "large" and args.hours is None:
        raise UsageError("large: how many hours?", fix="add --hours, say --hours 10")
    if args.nj < 1:
        raise UsageError(f"--nj {args.nj}: at least one process is needed")
    module = open_plugin("synth", args.name)
    config = configuration(module.Config, args)
    if build_corpus(args.name, module.build(config), config, args.out, args.nj):
        write_provenance(args.out, config)
        print(f"{args.out}: embedded {args.name}, spoken by eSpeak NG")
    else:
        print(f"{args.out}: embedded {args.name} is there already, from the same configuration")


def configuration(schema: type, args: argparse.Namespace) -> Any:
    """The plug-in's Config as the size changes it, with --hours, --seed and --set on top."""
    from masr.config import loads

    overrides = [f"{key}={getattr(args, key)}" for key in ("hours", "seed") if getattr(args, key) is not None]
    return loads(schema, "", "<command line>", [*sizes_of(args.name)[args.source], *overrides, *args.set])
