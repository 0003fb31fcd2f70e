"""How much memory there is, and how much a forward and backward pass takes."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, UntypedStorage, nn
from torch.utils._python_dispatch import TorchDispatchMode

_ROOT = Path("/")
_ENDLESS = 1 << 60
"""cgroups write 'no limit' as a word or as a number near 2^63."""


def free_bytes(device: torch.device, root: Path = _ROOT) -> int:
    """Bytes that the device, or this machine under its control group's limit, can still give; 0 where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    known = [value for value in (_machine(root), *_groups(root)) if value is not None]
    return min(known, default=0)


def _machine(root: Path) -> int | None:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _groups(root: Path) -> Iterator[int]:
    """Bytes that each control group around this process still allows, of version 1 or 2."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        base = root / "sys/fs/cgroup" / controllers
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        folder = base / place.lstrip("/")
        # In a container the path may be the host's, and only the base be there.
        for group in {base, *(f for f in (folder, *folder.parents) if f.is_relative_to(base))}:
            limit, used = (_text(group / name).strip() for name in names)
            if limit.isdigit() and used.isdigit() and int(limit) < _ENDLESS:
                cache = re.search(r"^(?:total_)?inactive_file (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
                yield max(0, int(limit) - int(used) + (int(cache[1]) if cache else 0))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


class Live(TorchDispatchMode):
    """Bytes of the tensors that operations in the block made and that are still alive, and the most there ever were.

    It watches operations rather than what autograd keeps, because blocks that are recomputed in the backward pass
    keep nothing until then, and because it sees gradients and what lives for a moment only.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.num_bytes = 0
        self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs the operation and takes note of its results."""
        results = func(*args, **(kwargs or {}))
        for storage in _storages((results,)):
            if storage._cdata not in self.known:  # made here, or given by what this block did not see being made
                given = _storages((*args, *(kwargs or {}).values()))
                if storage._cdata not in [one._cdata for one in given]:
                    self._begin(storage)
        return results

    def _begin(self, storage: UntypedStorage) -> None:
        key, num_bytes = storage._cdata, storage.nbytes()
        self.known.add(key)
        self.num_bytes += num_bytes
        self.peak = max(self.peak, self.num_bytes)
        weakref.finalize(storage, self._end, key, num_bytes).atexit = False

    def _end(self, key: int, num_bytes: int) -> None:
        self.known.discard(key)
        self.num_bytes -= num_bytes


def _storages(values: Iterable[Any]) -> Iterator[UntypedStorage]:
    """Memory of the tensors, not of wrappers around a shard: operations take and give tensors, or lists of them."""
    for value in values:
        kind = type(value)
        if kind is Tensor or kind is nn.Parameter:
            yield value.untyped_storage()
        elif kind is list or kind is tuple:
            yield from _storages(value)
