"""Weights out of the files that a run leaves behind, into modules that they fit by name, shape and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from masr.errors import CheckpointError
from masr.io.weights import read_weights, require_finite

_OBJECTIVES = ("objective.objective.", "objective.", "")
"""Where an objective's weights stand in a model: alone, or inside what is wrapped around it, the innermost first:
streams of metadata, a scorer of its own, or both."""
_PREFIXES = tuple(f"{outer}encoder." for outer in _OBJECTIVES)


def fill_encoder(encoder: nn.Module, files: Sequence[Path]) -> None:
    """Fills the encoder from the files of a model; what else they hold is not read.

    What a later file has takes the place of an earlier one's: running averages of a checkpoint.
    """
    stored = read_weights(files, lambda name: name.startswith(_PREFIXES))
    prefix = next((p for p in _PREFIXES if any(name.startswith(p) for name in stored)), "")
    if not prefix:
        raise CheckpointError(f"{files[0]}: holds no encoder")
    fill(encoder, _below(stored, prefix), files[0], "the encoder of config.yaml beside it")


def fill_objective(objective: nn.Module, files: Sequence[Path]) -> None:
    """Fills an objective from a run, in which it stood alone or inside what was wrapped around it."""
    stored = read_weights(files, lambda _: True)
    prefix = next((p for p in _OBJECTIVES if any(name.startswith(p) for name in stored)), "")
    fill(objective, _below(stored, prefix), files[0], "the objective of config.yaml beside it")


def fill(module: nn.Module, weights: Mapping[str, Tensor], path: Path, of_what: str) -> None:
    """Fills a module; CheckpointError where a name, a shape or a type is another one's, or a value is not finite."""
    wanted = module.state_dict()
    for name, value in weights.items():
        target = wanted.get(name, value)
        if value.dtype != target.dtype and not (value.is_floating_point() and target.is_floating_point()):
            raise CheckpointError(
                f"{path}: {name} is {_kind(value)}, where {_kind(target)} was trained",
                why="it was converted by a program that rounds weights",
                fix="copy the file of the run again",
            )
    require_finite(path, {name: value.to(wanted[name].dtype) for name, value in weights.items() if name in wanted})
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(f"{path}: does not fit {of_what}: {reason}") from None


def _below(stored: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
