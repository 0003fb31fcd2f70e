"""A node that vanishes under a training: its daemon and all that ran on it are killed at once, as a power cut does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
SLURM = ROOT / "utils" / "slurm.py"
START = ROOT / "tools" / "start_slurm.sh"

TRAINING = """
import sys, time
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from masr.training.loop import train
from small import tiny

torch.set_num_threads(1)
run = tiny.make_run(Path(sys.argv[2]), tiny.objective(dropout=0.1), max_steps=40, save_every=4, validate_every=8)
run.meters.quiet = False

def slowly(first):
    for batch in tiny.batches()(first):
        time.sleep(float(sys.argv[3]))
        yield batch

sys.exit(train(tiny.with_data(run, slowly, tiny.validation())))
"""


def ask(*command: object) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def killed(cluster: Path, is_meant: Callable[[Path], bool]) -> int:
    """How many processes of this cluster were killed by kill -9: another's has nodes and jobs of the same names."""
    ours = f"SLURM_CONF={cluster}".encode()
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if ours in (process / "environ").read_bytes().split(b"\0") and is_meant(process):
                os.kill(int(process.name), signal.SIGKILL)
                count += 1
        except (OSError, ProcessLookupError):
            continue
    return count


@pytest.mark.slow
def test_a_training_goes_on_elsewhere_and_ends_with_the_same_bits(slurm: Path, slurm_conf: Path) -> None:
    (slurm / "training.py").write_text(TRAINING)
    command = [sys.executable, str(slurm / "training.py"), str(ROOT / "tests")]
    subprocess.run([*command, str(slurm / "whole"), "0"], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    words = ["log", *command, str(slurm / "run"), "0.15"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    launcher = subprocess.Popen(
        [sys.executable, str(SLURM), *words], stderr=subprocess.PIPE, text=True, env=environment
    )
    wait_for(lambda: len(list((slurm / "run" / "checkpoints").glob("step_*"))) >= 1)
    saved = max(path.name for path in (slurm / "run" / "checkpoints").glob("step_*"))
    (job,) = ask("squeue", "-h", "-o", "%A").split()
    node = ask("squeue", "-h", "-j", job, "-o", "%N").strip()
    environ = f"SLURM_JOB_ID={job}".encode()
    daemon = [b"slurmd", b"-N", node.encode()]
    try:
        assert killed(slurm_conf, lambda process: (process / "cmdline").read_bytes().split(b"\0")[:3] == daemon) == 1
        killed(slurm_conf, lambda process: b"slurmstepd: [" + job.encode() in (process / "cmdline").read_bytes())
        assert killed(slurm_conf, lambda process: environ in (process / "environ").read_bytes().split(b"\0")) > 0
        ask("scontrol", "update", f"nodename={node}", "state=down", "reason=vanished")
        said = launcher.communicate(timeout=400)[1]
    finally:
        launcher.kill()
        subprocess.run([str(START), "start", str(slurm_conf.parent)], capture_output=True, check=False)
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], capture_output=True, check=False)
    assert launcher.returncode == 0, said + (slurm / "log").read_text()
    log = (slurm / "log").read_text()
    assert "going on after step" in log, log
    assert int(log.rpartition("going on after step ")[2].split()[0]) >= int(saved.removeprefix("step_"))
    whole, run = ((slurm / name / "model.safetensors").read_bytes() for name in ("whole", "run"))
    assert run == whole
