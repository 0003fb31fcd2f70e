"""A wheel carries the recipes: what `masr recipe NAME DIR` writes out. Everything else is in setup.cfg."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
CARRIED = "masr/recipe/checkout"
MADE_BY_RUNS = ("corpus", "data", "exp", "downloads", "__pycache__", "*.pyc", ".*")


class BuildWithRecipes(build_py):
    """Copies egs/ and utils/ beside the package's own files."""

    def run(self):
        super().run()
        if self.editable_mode:  # the checkout has them
            return
        for name in ("egs", "utils"):
            target = Path(self.build_lib) / CARRIED / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(HERE / name, target, ignore=shutil.ignore_patterns(*MADE_BY_RUNS))


setup(cmdclass={"build_py": BuildWithRecipes})
