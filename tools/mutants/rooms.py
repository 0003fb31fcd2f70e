"""Which files are broken, by which tests that must be noticed, and how many mutants a room gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Room:
    """Files as globs below masr/, without __init__.py and without reports, whose layout is nobody's number."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    count: int
    apart: bool = False
    """Whether its files know little of each other: of a folder of tests only those run that import the broken one."""

    def paths(self, checkout: Path) -> list[Path]:
        """The files, in order of their names."""
        found = {path for glob in self.files for path in (checkout / "masr").glob(glob)}
        return sorted(path for path in found if path.name != "__init__.py" and not path.name.endswith("report.py"))


BATCHING = "balanced batching collate cutting dataset grouping loader samples"
RESUMING = "batches guard loop meters reads resume retention run sums"
TRAINED = "batches guard loop meters reads resume retention sums average left_out lock ranks group"
"""Tests that train, and not those of memory, optimisers or encoders, which are of other files."""
ROOMS = {
    "losses": Room(("losses/*.py",), ("tests/losses", "tests/training/test_ranks.py"), 25),
    "masking": Room(("masking/*.py",), ("tests/masking",), 15),
    "objectives": Room(
        ("objectives/*.py",), ("tests/objectives", "tests/contracts/test_objectives.py"), 25, apart=True
    ),
    "metadata": Room(("metadata/*.py",), ("tests/metadata", "tests/contracts/test_metadata.py"), 15),
    "maths": Room(("maths/*.py",), ("tests/maths",), 15),
    "scoring": Room(("scoring/*.py", "scoring/*/*.py"), ("tests/scoring", "tests/cli/score"), 25),
    "abx": Room(("analysis/abx/*.py",), ("tests/analysis/abx", "tests/cli/analyse/test_abx.py"), 15),
    "probe": Room(
        ("analysis/probe/*.py",),
        ("tests/analysis/probe", "tests/analysis/information/test_bounds.py", "tests/cli/analyse/test_probe.py"),
        15,
    ),
    "similarity": Room(
        ("analysis/similarity/*.py",), ("tests/analysis/similarity", "tests/cli/analyse/test_similarity.py"), 10
    ),
    "information": Room(("analysis/information/*.py",), ("tests/analysis/information",), 10),
    "batching": Room(
        tuple(f"data/{name}.py" for name in BATCHING.split()),
        ("tests/data",),
        20,
    ),
    "resuming": Room(
        tuple(f"training/{name}.py" for name in RESUMING.split()),
        (*(f"tests/training/test_{name}.py" for name in TRAINED.split()), "tests/cli/test_train.py"),
        20,
    ),
}
