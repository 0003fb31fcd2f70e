"""`masr recipe NAME DIR`: a recipe with its configurations, as a checkout has them, from wherever masr is installed."""

from __future__ import annotations

import filecmp
import re
import shutil
import sys
from pathlib import Path

import masr
from masr.errors import UsageError, near

CARRIED = Path(__file__).parent / "checkout"
"""What a wheel has of the checkout: egs/ and utils/."""
EGS, UTILS = "egs", "utils"
_MADE_BY_RUNS = shutil.ignore_patterns("corpus", "data", "exp", "downloads", "__pycache__")
_OTHER_RECIPE = re.compile(r"\.\./([a-z][a-z0-9_]*)/")


def root() -> Path:
    """The folder that holds egs/ and utils/: the checkout, or what the wheel carries."""
    checkout = packages()
    for place in (checkout, CARRIED):
        if (place / EGS).is_dir() and (place / UTILS / "stage.sh").is_file():
            return place
    raise UsageError(
        f"{CARRIED}: no recipes are installed",
        why="they come with a wheel or a checkout",
        fix="pip install --force-reinstall masr-speech, or clone the repository",
    )


def packages() -> Path:
    """The folder that the package masr lies in."""
    return Path(masr.__file__).resolve().parent.parent


def where() -> tuple[Path, Path]:
    """The folder of the Python that runs masr, and that of the package: what a recipe outside a checkout asks for."""
    return Path(sys.executable).parent, packages()


def names() -> tuple[str, ...]:
    """The recipes there are."""
    return tuple(sorted(path.parent.name for path in (root() / EGS).glob("*/run.sh")))


def write_recipe(name: str, folder: Path) -> Path:
    """Writes `folder`/egs/NAME, the recipes whose configurations it begins from, and `folder`/utils; the first of them.

    What is there already stays, where it is the same.
    """
    if name not in names():
        raise UsageError(f"there is no recipe {name!r}", fix=near(name, names()))
    source = root()
    if folder.resolve() == source.resolve():
        raise UsageError(f"{folder} is the checkout, which has them all", fix=f"run {folder / EGS / name}/run.sh")
    if (folder / EGS / name).exists():
        raise UsageError(f"{folder / EGS / name} is there already", fix="choose another folder, or remove that one")
    _write(source / UTILS, folder / UTILS)
    for other in sorted(_with_bases(source / EGS, name) - {name}):
        if not (folder / EGS / other).exists():
            _write(source / EGS / other, folder / EGS / other)
    _write(source / EGS / name, folder / EGS / name)
    return folder / EGS / name


def _with_bases(egs: Path, name: str) -> set[str]:
    """The recipe, and all whose files its own files name."""
    found, todo = set(), [name]
    while todo:
        one = todo.pop()
        if one in found or not (egs / one).is_dir():
            continue
        found.add(one)
        for file in [*(egs / one).rglob("*.yaml"), *(egs / one).glob("*.sh")]:
            todo += _OTHER_RECIPE.findall(file.read_text(encoding="utf-8"))
    return found


def _write(source: Path, target: Path) -> None:
    """Copies a folder as a whole; UsageError where one is there that differs, for it is of another version."""
    if target.exists():
        names = [str(path.relative_to(source)) for path in source.rglob("*") if path.suffix in (".sh", ".py")]
        _, differ, missing = filecmp.cmpfiles(source, target, names, shallow=False)
        if differ or missing:
            raise UsageError(
                f"{target} is of another version of masr: {(differ + missing)[0]} differs",
                fix="choose another folder",
            )
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, ignore=_MADE_BY_RUNS)
    for file in [path for path in part.rglob("*") if path.is_file()]:
        is_program = file.suffix in (".sh", ".py") and file.read_bytes().startswith(b"#!")
        file.chmod(0o755 if is_program else 0o644)
    part.rename(target)
