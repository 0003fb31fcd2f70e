"""Write a recipe that comes with masr into a folder of your own: DIR/egs/NAME and DIR/utils, as a checkout has them.

So recipes run from an installed wheel, without a clone. Recipes whose configurations it begins from come along. Without
NAME it lists them.

example:
  masr recipe fleurs ~/speech
  ~/speech/egs/fleurs/run.sh --stage 0 --stop-stage 1
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr recipe`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="fleurs, librispeech, ...; none lists them")
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="where egs/ and utils/ go")
    parser.add_argument(
        "--where", action="store_true", help="print the folders of Python and of the package, as recipes ask for them"
    )


def run(args: argparse.Namespace) -> None:
    """Writes it, and says how it is run."""
    from masr.errors import UsageError
    from masr.recipe.shipped import names, where, write_recipe

    if args.where:
        print(*where(), sep="\n")
    elif args.name is None:
        print(*names(), sep="\n")
    elif args.folder is None:
        raise UsageError(f"{args.name}: where to?", fix=f"masr recipe {args.name} DIR")
    else:
        folder = write_recipe(args.name, args.folder)
        print(f"wrote {folder}\nrun it: {folder}/run.sh")
