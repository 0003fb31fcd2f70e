"""The weights of an encoder out of the file that a run leaves behind."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from masr.errors import CheckpointError
from masr.files import ordinary

_PREFIXES = ("encoder.", "objective.encoder.")
"""Where an encoder's weights stand in a model: alone, or inside what the streams of metadata are wrapped around."""


def read_weights(path: Path, encoder: nn.Module, *over: Path) -> None:
    """Fills the encoder from a model; what else is in the file is not read.

    What the files `over` have takes the place of the model's own: running averages of a checkpoint.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file", why="the run has not ended, or it is another folder", fix="run `masr train` again"
        )
    try:
        with safe_open(ordinary(path), framework="pt") as stored:
            names = list(stored.keys())
            prefix = next((p for p in _PREFIXES if any(name.startswith(p) for name in names)), "")
            if not prefix:
                raise CheckpointError(f"{path}: holds no encoder")
            weights = {n.removeprefix(prefix): stored.get_tensor(n) for n in names if n.startswith(prefix)}
        for other in over:
            with safe_open(ordinary(other), framework="pt") as stored:
                names = [name for name in stored.keys() if name.startswith(prefix)]  # noqa: SIM118  no mapping
                weights |= {name.removeprefix(prefix): stored.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: cannot be read: {error}",
            why="the file is damaged, or its copy was cut short",
            fix="copy the folder of the run again, or let `masr train` write it again from its last checkpoint",
        ) from None
    try:
        encoder.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"{path}: does not fit the encoder of config.yaml beside it: {reason}") from None
