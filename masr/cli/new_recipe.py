"""Write a recipe of your own: egs/NAME with run.sh, configurations and a table, for a folder of audio.

Its stages are those of all recipes. The first run prepares the folder, with what --labels or --language-from say of its
files, and trains small encoders; then conf/ and tables/ are yours to change. docs/own_speech.md goes through it.

example:
  masr new-recipe villages
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr new-recipe`."""
    parser.add_argument("name", metavar="NAME", help="what it is called: small letters, digits and _")
    parser.add_argument(
        "--egs", type=Path, metavar="DIR", help="the folder of recipes (default: that of this checkout)"
    )


def run(args: argparse.Namespace) -> None:
    """Writes it, and says how it is run."""
    import masr
    from masr.recipe.new import new_recipe

    folder = new_recipe(args.name, args.egs or Path(masr.__file__).resolve().parent.parent / "egs")
    print(f"wrote {folder}\nrun it: {folder}/run.sh --corpus FOLDER --language-from parent")
