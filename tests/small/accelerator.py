"""A pretend accelerator: tensors that say they lie on a device, computed on the CPU.

It counts what makes a host wait for the device (a number that is read, a shape that depends on values, a copy that
blocks), and refuses operations over two devices as a real one does. A copy that is asked for with `non_blocking` is no
wait.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

import masr

_NAME = "pretend"
_SOURCE = str(Path(masr.__file__).parent)
_INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_", "aten::_unsafe_index")
_WAITS = {
    "aten::_local_scalar_dense": 1,
    "aten::is_nonzero": 1,
    "aten::equal": 1,
    "aten::nonzero": 1,
    "aten::masked_select": 1,
    "aten::_unique2": 1,
    "aten::unique_dim": 1,
    "aten::unique_consecutive": 1,
    "aten::bincount": 2,  # the least and the greatest, which have to be known
}
_READS_LENGTHS = ("aten::_ctc_loss", "aten::_ctc_loss_backward")
"""Operations that want some of their input on the CPU."""


class _Backend(_DummyBackendModule):
    """What PyTorch asks of a device's module."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Types of autocast."""
        return [torch.bfloat16]

    def get_rng_state(self, _device: int = 0) -> Tensor:
        """The CPU's generator draws for this device too."""
        return torch.get_rng_state()

    def set_rng_state(self, state: Tensor, _device: int = 0) -> None:
        """Goes back to that state."""
        torch.set_rng_state(state)


_setup_privateuseone_for_python_backend(_NAME, _Backend())
DEVICE = torch.device(_NAME, 0)


@dataclass
class Waits:
    """What the host waited for."""

    found: Counter[str] = field(default_factory=Counter)
    """Kind and line of the package -> how often."""
    is_counting: bool = False

    def note(self, kind: str, times: int = 1) -> None:
        """One more, charged to the innermost line of the package on the stack."""
        if self.is_counting and times:
            self.found[f"{kind} at {_line()}"] += times

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.found.values())

    def __str__(self) -> str:
        return "\n".join(f"{times:3} {what}" for what, times in sorted(self.found.items()))


WAITS = Waits()


@contextmanager
def counted() -> Iterator[Waits]:
    """The waits of a block, which begins at none."""
    WAITS.found, WAITS.is_counting = Counter(), True
    try:
        yield WAITS
    finally:
        WAITS.is_counting = False


class OnDevice(Tensor):
    """A tensor of the pretend device; `held` has its values."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        made: OnDevice = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=DEVICE,
        )
        made.held = held
        return made

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"OnDevice({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})

    def tolist(self) -> Any:
        """One wait, as of any tensor on a device."""
        WAITS.note("tolist")
        return self.held.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Refused, as by a device."""
        raise TypeError("a tensor on a device has no numpy()")

    def new_tensor(self, data: Any, **options: Any) -> Any:
        """A copy from the host that blocks."""
        WAITS.note("new_tensor")
        return OnDevice(self.held.new_tensor(data, **options))


class Pretend(TorchDispatchMode):
    """Inside its `with` block factories may be asked for tensors on the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operation on the device where it belongs there."""
        kwargs = kwargs or {}
        if _asks_for(kwargs, _NAME) or any(isinstance(x, OnDevice) for x in _leaves((args, kwargs))):
            return _computed(func, args, kwargs)
        return func(*args, **kwargs)

    def __enter__(self) -> Self:
        self._tensor = torch.tensor
        torch.tensor = self._made
        entered: Self = super().__enter__()
        return entered

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.tensor = self._tensor

    def _made(self, data: Any, **options: Any) -> Tensor:
        """torch.tensor, whose copy to a device blocks."""
        if not _asks_for(options, _NAME):
            return self._tensor(data, **options)
        WAITS.note("torch.tensor")
        return OnDevice(self._tensor(data, dtype=options.get("dtype")))


def moved(module: nn.Module) -> nn.Module:
    """The module with its parameters and buffers on the device."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                there = OnDevice(parameter.detach().clone())
                part._parameters[name] = nn.Parameter(there, requires_grad=parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = OnDevice(buffer.clone())
    return module


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name, leaves = func._schema.name, _leaves((args, kwargs))
    is_there = any(isinstance(x, OnDevice) for x in leaves)
    to_cpu = name == "aten::_to_copy" and _asks_for(kwargs, "cpu")
    if is_there:
        _refuse_two_devices(name, leaves)
        _note_waits(name, args, kwargs, to_cpu)
    elif name == "aten::_to_copy" and not kwargs.get("non_blocking"):
        WAITS.note("copy to the device")
    given, options = _mapped(_held, args), _mapped(_held, kwargs)
    if kwargs.get("device") is not None:
        options["device"] = torch.device("cpu")
    options.pop("pin_memory", None)
    out = func(*given, **options)
    if to_cpu or name in ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal"):
        return out
    before = {id(x.held): x for x in leaves if isinstance(x, OnDevice)}
    return _mapped(lambda x: before[id(x)] if id(x) in before else OnDevice(x) if type(x) is Tensor else x, out)


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """The same lists, tuples and dictionaries, each value in them changed; PyTorch's own tree_map takes far longer."""
    if isinstance(value, list | tuple):
        return type(value)([_mapped(change, part) for part in value])
    if isinstance(value, dict):
        return {key: _mapped(change, part) for key, part in value.items()}
    return change(value)


def _leaves(value: Any) -> list[Any]:
    found: list[Any] = []
    _mapped(found.append, value)
    return found


def _refuse_two_devices(name: str, leaves: list[Any]) -> None:
    others = [x for x in leaves if isinstance(x, Tensor) and not isinstance(x, OnDevice) and x.dim()]
    if not others or name in ("aten::copy_", *_READS_LENGTHS):
        return
    if name in _INDEXING:
        WAITS.note("index that lies on the host")
        return
    raise RuntimeError(f"{name}: tensors on two devices, on the CPU {[tuple(other.shape) for other in others]}")


def _note_waits(name: str, args: Any, kwargs: dict[str, Any], to_cpu: bool) -> None:
    WAITS.note(name.removeprefix("aten::"), _WAITS.get(name, 0))
    if name in _INDEXING:
        masks = [index for index in args[1] if index is not None and index.dtype in (torch.bool, torch.uint8)]
        WAITS.note("index by a mask", len(masks))
    if name == "aten::repeat_interleave":
        WAITS.note("repeat_interleave by a tensor")
    if to_cpu:
        WAITS.note("copy to the host")
    is_across = name == "aten::copy_" and isinstance(args[0], OnDevice) != isinstance(args[1], OnDevice)
    if is_across and not (kwargs.get("non_blocking") or (len(args) > 2 and args[2])):
        WAITS.note("copy between host and device")


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


def _asks_for(options: dict[str, Any], kind: str) -> bool:
    return options.get("device") is not None and torch.device(options["device"]).type == kind


def _line() -> str:
    for frame in reversed(traceback.extract_stack()):
        if frame.filename.startswith(_SOURCE):
            return f"{Path(frame.filename).relative_to(_SOURCE)}:{frame.lineno}"
    return "the backward pass"
