"""What this machine has to give to jobs: cores, memory and GPUs, within what the container or taskset allows."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from masr.errors import UsageError
from masr.jobs.launch_line import JobArray


@dataclass
class Machine:
    """What this machine has to give."""

    num_cores: int
    mem_bytes: int
    gpus: list[str] = field(default_factory=list)

    @classmethod
    def here(cls) -> Machine:
        """Within what the container, the batch system or taskset allows."""
        return cls(num_cores(), _memory_bytes(), _gpus())

    def room_for(self, array: JobArray) -> int:
        """How many of the jobs may run at once; raises UsageError where not one can."""
        need = array.resources
        if need.num_nodes > 1:
            raise UsageError(f"--num-nodes {need.num_nodes}: run.py is one machine", fix="several nodes are slurm.py's")
        if need.num_gpus > len(self.gpus):
            found = f"this machine shows {len(self.gpus)}"
            raise UsageError(
                f"--gpu {need.num_gpus}: {found}", fix="leave --gpu out to run on the CPU, or see `masr doctor`"
            )
        num_cores = need.num_threads * need.num_ranks
        limits = [len(array.numbers), need.max_jobs_run or len(array.numbers), self.num_cores // num_cores]
        if need.num_gpus:
            limits.append(len(self.gpus) // need.num_gpus)
        if need.mem_bytes:
            limits.append(self.mem_bytes // need.mem_bytes)
            if need.mem_bytes > self.mem_bytes:
                free = f"{self.mem_bytes / 2**30:.1f} GiB are free"
                print(
                    f"run.py: warning: a job asks for more memory than there is ({free}): one at a time",
                    file=sys.stderr,
                )
        return max(1, min(limits))


def num_cores(group: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores that this process may use: those it is bound to, or what its control group has time for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return cores


def _memory_bytes() -> int:
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    try:
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):
        return free
    return min(free, max(0, limit - used))


def _gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES allows, or all that the driver lists."""
    if (allowed := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in allowed.split(",") if name.strip() and name.strip() != "-1"]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i, _ in enumerate(folder.iterdir())] if folder.is_dir() else []
