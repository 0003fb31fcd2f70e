"""`import masr`, `dir(masr)` and `python -m masr`, from wherever Python is started, a folder beside the clone too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import masr

CHECKOUT = Path(masr.__file__).parents[1]
LOAD = "import sys, masr; assert 'torch' not in sys.modules; print(masr.load.__module__, 'torch' in sys.modules)"


def python(*arguments: str, folder: Path, on_path: Path = CHECKOUT) -> str:
    environment = {**os.environ, "PYTHONPATH": str(on_path)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_load_is_there_after_a_plain_import_outside_the_checkout(tmp_path: Path) -> None:
    assert python("-c", LOAD, folder=tmp_path) == "masr.api False"


def test_dir_shows_what_there_is_and_imports_none_of_it(tmp_path: Path) -> None:
    script = "import sys, masr; print(*dir(masr)); assert not {'torch', 'numpy', 'yaml'} & {*sys.modules}"
    assert python("-c", script, folder=tmp_path).split() == sorted(masr.__all__)
    script = "import masr.io.layout; print(*dir(masr))"
    assert set(python("-c", script, folder=tmp_path).split()) >= {"__version__", "io", "load"}


def test_dir_names_nothing_that_is_not_there() -> None:
    assert "load" in dir(masr)
    assert all(hasattr(masr, name) for name in dir(masr))
    with pytest.raises(AttributeError, match="lode"):
        masr.lode  # noqa: B018


@pytest.mark.parametrize("arguments", [["--help"], ["help"], []])
def test_python_m_masr_is_the_command(arguments: list[str], tmp_path: Path) -> None:
    assert python("-m", "masr", *arguments, folder=tmp_path).startswith(f"masr {masr.__version__}: ")


def test_python_m_masr_keeps_the_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "masr", "corpsu"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert done.stderr == "masr: usage: there is no verb 'corpsu'\n  fix: did you mean corpus?\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with what `make setup` would put beside the packages for a clone, and the folder that the clone is in.

    The clone is called masr, as the repository is.
    """
    if not (CHECKOUT / "setup.cfg").is_file():
        pytest.skip("not a checkout")
    beside, site = tmp_path_factory.mktemp("beside"), tmp_path_factory.mktemp("site")
    clone = beside / "masr"
    clone.mkdir()
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, clone)
    shutil.copytree(CHECKOUT / "masr", clone / "masr", ignore=shutil.ignore_patterns("__pycache__"))
    script = f"from setuptools.build_meta import build_editable; build_editable({str(site)!r})"
    subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=clone, check=True)
    for wheel in site.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(site)
    return site, beside


@pytest.mark.parametrize("place", [".", "masr", "masr/masr/cli"])
def test_the_package_is_found_beside_a_clone_that_has_its_name(installed: tuple[Path, Path], place: str) -> None:
    """A folder called masr that Python meets first must not hide the package that is installed."""
    site, beside = installed
    # Without the checkout's own installation (-S), which would be found first, but with the packages that it stands on.
    packages = sysconfig.get_path("purelib")
    paths = f"import site, sys; site.addsitedir({str(site)!r}); sys.path.append({packages!r})"
    script = f"{paths}; import masr; print(masr.__file__, *dir(masr)); {LOAD}"
    shown = python("-S", "-c", script, folder=beside / place, on_path=site / "nothing")
    package = beside / "masr" / "masr" / "__init__.py"
    assert shown.splitlines() == [f"{package} {' '.join(sorted(masr.__all__))}", "masr.api False"]
