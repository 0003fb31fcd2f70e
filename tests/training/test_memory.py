"""Free memory as the machine and its control groups tell it, and what a pass takes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint_sequential

from masr.training.memory import Live, free_bytes

CPU = torch.device("cpu")


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_without_a_group_the_machine_says(tmp_path: Path) -> None:
    assert free_bytes(CPU, tmp_path) == 0
    write(tmp_path, {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    2000 kB\n"})
    assert free_bytes(CPU, tmp_path) == 2000 * 1024


def test_the_tightest_group_above_the_process_counts(tmp_path: Path) -> None:
    write(tmp_path, {"proc/meminfo": "MemAvailable: 9000000 kB\n", "proc/self/cgroup": "0::/slurm/job_1/step_0\n"})
    group = "sys/fs/cgroup/slurm/job_1"
    write(tmp_path, {f"{group}/step_0/memory.max": "max\n", f"{group}/step_0/memory.current": "10\n"})
    write(tmp_path, {f"{group}/memory.max": "5000\n", f"{group}/memory.current": "3000\n"})
    write(tmp_path, {f"{group}/memory.stat": "anon 5\ninactive_file 700\n"})
    assert free_bytes(CPU, tmp_path) == 2700


def test_groups_of_the_first_version(tmp_path: Path) -> None:
    write(tmp_path, {"proc/self/cgroup": "4:memory:/job\n3:cpu:/job\n"})
    base = "sys/fs/cgroup/memory"
    write(tmp_path, {f"{base}/job/memory.limit_in_bytes": "8000\n", f"{base}/job/memory.usage_in_bytes": "1000\n"})
    write(tmp_path, {f"{base}/memory.limit_in_bytes": f"{2**63 - 4096}\n", f"{base}/memory.usage_in_bytes": "1\n"})
    assert free_bytes(CPU, tmp_path) == 7000


def test_this_machine_has_some() -> None:
    assert free_bytes(CPU) > 1 << 20


def test_live_tensors_are_counted_until_they_are_gone() -> None:
    with Live() as live:
        one = torch.zeros(100)
        assert live.num_bytes == 400
        two = one.view(10, 10)[3:].t()  # no memory of its own
        one.add_(1)
        assert live.num_bytes == 400
        three = two * 2
        assert (live.num_bytes, live.peak) == (400 + 280, 680)
        del three
        assert (live.num_bytes, live.peak) == (400, 680)
        del one
        assert live.num_bytes == 400
        del two
        assert live.num_bytes == 0


def test_the_backward_pass_is_seen() -> None:
    net = nn.Linear(100, 50)
    frames = torch.randn(8, 100)
    with Live() as live:
        (net(frames) ** 2).sum().backward()
    assert live.num_bytes == 4 * (50 * 100 + 50)  # the gradients
    assert live.peak >= live.num_bytes + 4 * 8 * 50


def test_what_is_recomputed_is_seen_where_it_lives() -> None:
    net = nn.Sequential(*(nn.Linear(64, 64) for _ in range(6)))
    frames = torch.randn(500, 64, requires_grad=True)
    peaks = []
    for recomputed in (False, True):
        with Live() as live:
            out = checkpoint_sequential(net, 3, frames, use_reentrant=False) if recomputed else net(frames)
            out.sum().backward()
        peaks.append(live.peak)
    assert 4 * 500 * 64 * 3 < peaks[1] < peaks[0]
