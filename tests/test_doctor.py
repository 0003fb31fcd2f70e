from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from masr import doctor
from masr.cli.main import main
from masr.doctor import Finding, examine, extra, gpu, machine, package, program, required_packages


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(Path())}


@pytest.fixture
def broken_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.13: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.slow
def test_it_looks_at_everything_the_metadata_asks_for(findings: dict[str, Finding]) -> None:
    assert {"torch", "numpy", "pyyaml", "sentencepiece", "kaldiio", "espeakng-loader"} <= set(required_packages())
    names = {"masr", "python", "cores", "threads", "memory", "disk", "gpu", "espeak voices", "lang2vec data"}
    optional = {"espnet", "lhotse", "kaldi-native-io", "kaldi-native-fbank", "git", "sbatch", "sox", "ffmpeg"}
    assert names | optional | set(required_packages()) <= set(findings)


def test_what_is_not_ok_has_a_fix(findings: dict[str, Finding]) -> None:
    assert [f.name for f in findings.values() if f.state in ("broken", "warning") and not f.fix] == []
    assert [f.name for f in findings.values() if f.group == "optional" and f.state == "absent" and not f.fix] == []


def test_this_environment_has_what_masr_needs(findings: dict[str, Finding]) -> None:
    assert [f for f in findings.values() if f.state == "broken"] == []


def test_a_package_that_is_missing() -> None:
    assert package("no-such-package") == Finding("required", "no-such-package", "broken", "missing", "make setup")


def test_a_package_that_does_not_load_is_told_with_its_fix(broken_torch: None) -> None:
    found = package("torch")
    assert found.state == "broken"
    assert "libcudart.so.13: cannot open" in found.found
    assert found.fix.startswith("pip install --force-reinstall torch==")


def test_a_torch_that_does_not_load_leaves_the_gpu_unknown(broken_torch: None) -> None:
    assert [(f.state, f.found, f.fix) for f in gpu()] == [("absent", "unknown: torch does not load", "make setup")]


def test_a_package_that_kills_its_process_kills_only_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soundfile.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = package("soundfile")
    assert (found.state, "killed by signal 11" in found.found) == ("broken", True)


@pytest.mark.parametrize(
    ("cuda", "gpus", "driver", "state", "said"),
    [
        (None, [], False, "absent", "none; torch computes on 2 CPU thread(s)"),
        (None, [], True, "warning", "torch cannot use it"),
        ("13.0", [], True, "warning", "torch sees no GPU"),
        ("13.0", [["Big One", 64 << 30]], True, "ok", "Big One, 64 GiB; CUDA 13.0"),
    ],
)
def test_gpu(
    cuda: str | None, gpus: list[object], driver: bool, state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = json.dumps({"cuda": cuda, "threads": 2, "gpus": gpus})
    monkeypatch.setattr(doctor, "_python", lambda script: (0, f"a warning\n{facts}\n", ""))
    monkeypatch.setattr("shutil.which", lambda name: "/bin/nvidia-smi" if driver else None)
    (found,) = gpu()
    assert found.state == state
    assert said in found.found
    assert bool(found.fix) == (state == "warning")


def test_too_little_memory_and_disk_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1 << 30

    monkeypatch.setattr(doctor, "_memory_bytes", lambda: 2 << 30)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage)
    found = {f.name: f for f in machine(tmp_path)}
    assert (found["memory"].state, found["memory"].found) == ("warning", "2.0 GiB")
    assert found["disk"].state == "warning"
    assert found["memory"].fix
    assert found["disk"].fix


def test_a_containers_limits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"memory.max": str(3 << 30)}
    monkeypatch.setattr(doctor, "_control_group", lambda file: limits[file])
    assert doctor._memory_bytes() == 3 << 30
    limits.update({"memory.max": "max"})
    assert doctor._memory_bytes() > 0


def test_optional_parts_that_are_absent() -> None:
    assert extra("no-such", "no_such", "x", "install it").state == "absent"
    found = program("no-such-program", "x", "install it")
    assert (found.state, found.fix) == ("absent", "install it")


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("absent", 0), ("warning", 0), ("broken", 2)])
def test_exit_code(state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "examine", lambda folder: [Finding("g", "n", state, "f", "x")])  # type: ignore[arg-type]
    assert main(["doctor"]) == code
    page = capsys.readouterr().out
    assert "fix: x" in page
    assert sys.executable in page
    assert main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == [
        {"group": "g", "name": "n", "state": state, "found": "f", "fix": "x"}
    ]


def test_a_disk_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--disk", "/no/such/folder"]) == 2
    assert "no such folder" in capsys.readouterr().err
