"""`masr new-recipe NAME`: egs/NAME out of the template beside this file, as a whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from masr.errors import UsageError

TEMPLATE = Path(__file__).parent / "template"
MODEL = "fleurs"
"""The recipe whose launchers are copied, and on whose configurations those of the template are based."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MARK = "@NAME@"


def new_recipe(name: str, egs: Path) -> Path:
    """Writes `egs`/NAME and returns it."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of a recipe", fix="small letters, digits and _: my_villages")
    folder = egs / name
    if folder.exists():
        raise UsageError(f"{folder} is there already", fix="choose another name, or remove that folder")
    if not (egs / MODEL / "path.sh").is_file():
        raise UsageError(
            f"{egs} does not hold the recipes of a checkout",
            why="a recipe uses utils/ and the configurations of egs/fleurs",
            fix="masr recipe fleurs DIR, then --egs DIR/egs; or clone the repository, and give --egs CLONE/egs",
        )
    made = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=egs))
    try:
        shutil.copytree(TEMPLATE, made, dirs_exist_ok=True)
        for file in [path for path in made.rglob("*") if path.is_file()]:
            file.write_text(file.read_text(encoding="utf-8").replace(_MARK, name), encoding="utf-8")
        for script in ("cmd.sh", "path.sh"):
            shutil.copyfile(egs / MODEL / script, made / script)
        (made / "run.sh").chmod(0o755)
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made)
        raise
    return folder
