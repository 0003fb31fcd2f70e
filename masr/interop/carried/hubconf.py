"""The names by which s3prl finds the upstream: `masr` with the folder of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .expert import UpstreamExpert as _UpstreamExpert


def masr(ckpt: str | None = None, *_: Any, **settings: Any) -> _UpstreamExpert:
    """The model of the folder `ckpt`; that which this file came with where none is named."""
    return _UpstreamExpert(ckpt or str(Path(__file__).parent), **settings)


def masr_local(ckpt: str | None = None, *_: Any, **settings: Any) -> _UpstreamExpert:
    """The same, by the name that s3prl's other upstreams have for it."""
    return masr(ckpt, **settings)
