"""The wheel and the source archive: what they hold, and that recipes run from an installed wheel without the clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import masr

CHECKOUT = Path(masr.__file__).parents[1]
pytestmark = pytest.mark.slow
_NOT_BUILT = shutil.ignore_patterns(
    *("__pycache__", "corpus", "data", "exp", "downloads", "build", "dist", "*.egg-info", ".*", "node_modules", "site")
)


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MASR_"))}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=environment | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel, built out of the source archive as PyPI's users would, and that archive; nothing is fetched."""
    if not (CHECKOUT / "setup.cfg").is_file():
        pytest.skip("not a checkout")
    folder = tmp_path_factory.mktemp("built")
    clone = folder / "clone"
    shutil.copytree(CHECKOUT, clone, ignore=_NOT_BUILT, symlinks=True)
    (clone / "egs" / "fleurs" / "exp" / "run").mkdir(parents=True)
    (clone / "egs" / "fleurs" / "exp" / "run" / "secret.txt").write_text("x")
    script = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"
    run(sys.executable, "-c", script.format("sdist"), folder, folder=clone)
    (archive,) = folder.glob("*.tar.gz")
    (folder / "source").mkdir()
    run("tar", "-xzf", archive, "-C", folder / "source", folder=folder)
    (source,) = (folder / "source").iterdir()
    run(sys.executable, "-c", script.format("wheel"), folder, folder=source)
    (wheel,) = folder.glob("*.whl")
    return wheel, archive


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a command in an environment that has the wheel, and of other packages those of this one."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", folder=folder)
    python = folder / "env" / "bin" / "python"
    pip = ["-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", built[0]]
    run(sys.executable, *pip, folder=folder, PIP_DISABLE_PIP_VERSION_CHECK="1")
    (site,) = (folder / "env" / "lib").glob("python3*/site-packages")
    # Only the folder: an editable installation in it, which a .pth of its own would put on the path, stays unseen.
    (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    path = f"{folder / 'env' / 'bin'}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin"
    return lambda *command: run(*command, folder=folder, PATH=path, HOME=str(folder))


def test_names_and_contents(built: tuple[Path, Path]) -> None:
    wheel, archive = built
    assert wheel.name == f"masr_speech-{masr.__version__}-py3-none-any.whl"
    assert archive.name == f"masr_speech-{masr.__version__}.tar.gz"
    names = set(zipfile.ZipFile(wheel).namelist())
    recipes = {"egs/fleurs/run.sh", "egs/fleurs/conf/pretrain/best_rq_tiny.yaml", "utils/stage.sh", "utils/stage.py"}
    assert {f"masr/recipe/checkout/{name}" for name in recipes} <= names
    assert {"masr/py.typed", "masr/report/page.css", "masr/recipe/template/run.sh"} <= names
    assert not [name for name in names if name.startswith(("tests", "tools")) or "secret" in name]
    with tarfile.open(archive) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    assert {"constraints.txt", "setup.py", "tests/test_built.py", "docs/corpora.md", "egs/fleurs/run.sh"} <= inside
    assert not [name for name in inside if "secret" in name]


def test_the_command_is_the_wheels(installed: Callable[..., str], tmp_path: Path) -> None:
    assert installed("masr", "--version") == f"masr {masr.__version__}\n"
    where = installed(
        "python", "-c", "import masr, importlib.metadata as m; print(masr.__file__, m.version('masr-speech'))"
    )
    assert "environment" in where and str(CHECKOUT) not in where
    assert where.split()[1] == masr.__version__
    assert installed("masr", "recipe").split() == sorted(path.parent.name for path in CHECKOUT.glob("egs/*/run.sh"))


def test_a_recipe_runs_without_the_clone(installed: Callable[..., str], tmp_path: Path) -> None:
    said = installed("masr", "recipe", "fleurs", tmp_path / "my speech")
    recipe = tmp_path / "my speech" / "egs" / "fleurs"
    assert f"run it: {recipe}/run.sh" in said
    assert sorted(path.name for path in recipe.iterdir()) == sorted(
        path.name for path in (CHECKOUT / "egs" / "fleurs").iterdir() if path.name not in ("corpus", "data", "exp")
    )
    arguments = [recipe / "run.sh", "--stage", "0", "--stop-stage", "0", "--hours", "0.02", "--nj", "2"]
    first = installed(*arguments)
    assert (recipe / "corpus" / "mini" / "data" / "hi_in" / "train.tsv").is_file()
    assert "skipped" not in first
    assert "stage 0: corpus: unchanged, skipped" in installed(*arguments)


def test_a_recipe_of_ones_own_too(installed: Callable[..., str], tmp_path: Path) -> None:
    installed("masr", "recipe", "fleurs", tmp_path)
    installed("masr", "new-recipe", "villages", "--egs", tmp_path / "egs")
    assert (tmp_path / "egs" / "villages" / "run.sh").is_file()
