"""Our name among packages, and the other project's package that is imported by the same name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import masr
from masr import distribution, doctor

CHECKOUT = Path(masr.__file__).parents[1]


def put(site: Path, folder: str, metadata: str, file: str = "METADATA") -> Path:
    (site / folder).mkdir(parents=True)
    (site / folder / file).write_text(metadata)
    return site


THEIRS = "Metadata-Version: 2.1\nName: masr\nVersion: 2.3.4\nSummary: Automatic speech recognition toolkit on Pytorch\n"
OURS = f"Metadata-Version: 2.4\nName: masr\nVersion: 0.1.0\nSummary: {distribution.SUMMARY}: MASR\n"


def test_setup_cfg_has_the_name_and_the_summary() -> None:
    if not (CHECKOUT / "setup.cfg").is_file():
        pytest.skip("not a checkout")
    lines = (CHECKOUT / "setup.cfg").read_text().splitlines()
    assert f"name = {distribution.NAME}" in lines
    assert any(line.startswith(f"description = {distribution.SUMMARY}") for line in lines)


@pytest.mark.parametrize(
    ("folder", "metadata", "file", "is_found"),
    [
        ("masr-2.3.4.dist-info", THEIRS, "METADATA", True),
        ("masr-2.3.4-py3.11.egg-info", THEIRS, "PKG-INFO", True),
        ("masr.egg-info", THEIRS, "PKG-INFO", True),
        ("masr-0.1.0.dist-info", OURS, "METADATA", False),
        ("masr.egg-info", OURS, "PKG-INFO", False),
        ("masr_speech-0.1.0.dist-info", THEIRS, "METADATA", False),
        ("masrx-1.dist-info", THEIRS, "METADATA", False),
    ],
)
def test_the_other_one_is_told_from_ours(tmp_path, monkeypatch, folder, metadata, file, is_found) -> None:
    monkeypatch.setattr(sys, "path", ["/nowhere", str(put(tmp_path, folder, metadata, file))])
    assert distribution.another() == (str(tmp_path / folder) if is_found else "")


def python(site: Path, script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{site}"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True)


def test_the_first_import_says_it_once(tmp_path) -> None:
    put(tmp_path, "masr-2.3.4.dist-info", THEIRS)
    said = python(tmp_path, "import masr; import masr.io.layout; import masr").stderr
    assert said.count("another project's package named masr") == 1
    assert "pip uninstall masr" in said
    assert python(tmp_path / "nothing", "import masr").stderr == ""


def test_doctor_says_it_too(tmp_path, monkeypatch) -> None:
    assert doctor.namesake() == []
    monkeypatch.setattr(sys, "path", [*sys.path, str(put(tmp_path, "masr-2.3.4.dist-info", THEIRS))])
    (finding,) = doctor.namesake()
    assert finding.state == "broken" and finding.fix.startswith("pip uninstall masr")
    assert str(tmp_path) in finding.found


def test_doctor_knows_what_we_need_by_either_name() -> None:
    assert {"torch", "numpy", "lang2vec"} <= set(doctor.required_packages())
