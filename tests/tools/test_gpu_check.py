"""tools/gpu_check.sh, rehearsed on a CPU: whatever runs on a GPU for ten minutes has run here, line by line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gpu_check.built import configured
from gpu_check.operations import operations
from gpu_check.tables import render

from small.once import made_once

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a rehearsal of every part wrote."""

    def rehearse(folder: Path) -> None:
        words = [TOOLS / "gpu_check.sh", "--out", folder, "--size", "tiny", "--device", "cpu", "--nj", 1]
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
        logs = "".join(path.read_text(errors="replace")[-1500:] for path in sorted(folder.glob("*.log")))
        assert done.returncode == 0, done.stdout + done.stderr + logs

    folder = made_once(tmp_path_factory, "gpu_check", rehearse)
    found: dict[str, Any] = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_every_part_ends(report: dict[str, Any]) -> None:
    assert list(report["parts"]) == ["parity", "steps", "waits", "features", "saving", "analyses", "learning"]
    assert [name for name, part in report["parts"].items() if "error" in part] == []


@pytest.mark.slow
def test_nothing_differs_between_a_cpu_and_itself(report: dict[str, Any]) -> None:
    parity = report["parts"]["parity"]
    assert parity["wrong"] == [] and {"best_rq", "masr", "hubert", "ctc", "lid"} <= parity["objectives"].keys()
    for name, one in parity["objectives"].items():
        assert (one["loss_apart"], one["gradient_apart"], one["resumed_apart"]) == (0, 0, 0), name
    assert all(one["apart"] < 1e-5 for one in report["parts"]["analyses"]["analyses"].values())


@pytest.mark.slow
def test_every_step_was_timed_in_every_round(report: dict[str, Any]) -> None:
    steps = report["parts"]["steps"]["steps"]
    assert {name: one["error"] for name, one in steps.items() if "error" in one} == {}
    assert "best_rq + MASR" in steps and "best_rq, compiled" in steps
    for name, one in steps.items():
        assert len(one["rounds"]) == 2 and one["hours_an_hour"] > 0, name


@pytest.mark.slow
def test_what_learns_is_probed_beside_the_trivial_answer(report: dict[str, Any]) -> None:
    part = report["parts"]["learning"]
    assert part["learning"].keys() == {"best_rq", "best_rq_masr"}
    figures = [part["statistics"], *(one["probe"] for one in part["learning"].values())]
    assert all(0 <= one["low"] <= one["value"] <= one["high"] <= 1 for one in figures)


@pytest.mark.slow
def test_the_tables_say_what_was_not_measured(report: dict[str, Any]) -> None:
    whole = render(report, 989)
    assert whole.count("\n### ") == 7 and "not measured" not in whole and "| best_rq + MASR |" in whole
    report["parts"]["learning"] = {"error": "not done after 480 s"}
    del report["parts"]["steps"]
    cut = render(report, 989)
    assert "### learning\n\nnot measured: not done after 480 s" in cut
    assert "### steps\n\nnot measured: it was not asked for" in cut


def test_operations_are_those_of_the_products() -> None:
    """Written out by hand for blocks of rotary attention; PyTorch counts the same."""
    config = configured("best_rq_tiny", "encoder.positions=rotary", "encoder.num_layers=2")
    found, kernel = operations(config.encoder, 203), config.encoder.config.kernel
    dim, inner, channels, bins = 96, 384, 32, 19
    time = ((203 - 3) // 2 + 1 - 3) // 2 + 1
    first = ((203 - 3) // 2 + 1) * 39 * channels * 9
    second = time * bins * channels * channels * 9
    out = time * bins * channels * dim
    # backward: two products for each of the forward pass; the first convolution again in place of one for its input
    assert found["front end"] == 2 * 3 * (first + second + out)
    linear = time * (2 * 2 * dim * inner + 4 * dim * dim + 3 * dim * dim)
    attention = 2 * time * time * dim
    depthwise = time * kernel * dim
    assert found["blocks"] == 2 * 2 * 3 * (linear + attention + depthwise)
