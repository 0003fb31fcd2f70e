"""Which weights a word names: those that a run ended with, or those of one of its checkpoints.

    exp/apc                                  what the run ended with
    exp/apc@80                               its checkpoint after 80 steps
    exp/apc/checkpoints/step_000000080       the same
    downloads/wav2vec2-large-xlsr-53         a checkpoint that transformers wrote, by its config.json
    hf:facebook/wav2vec2-base                one that lies in the cache of the Hugging Face Hub

Configuration, statistics and all else that a model needs beside its weights lie in the run's folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from masr.errors import CheckpointError
from masr.files import can_be_named, ordinary, parse_json
from masr.hub_cache import PREFIX, cached
from masr.io.layout import AVERAGE, CHECKPOINTS, MODEL, RECORD, RESOLVED_CONFIG, group_of, rank_files, step_folder

_STEP = re.compile(r"step_(\d+)")
_MOST_NAMED = 12
DESCRIPTION, SHARDS = "config.json", "model.safetensors.index.json"
"""What transformers writes: the model in words, and which file has which weight where there are several."""


@dataclass(frozen=True)
class Trained:
    """A run, or what transformers wrote, and where its weights lie."""

    run: Path
    step: int | None = None
    """The step of the checkpoint; None for the final weights."""

    @property
    def is_transformers(self) -> bool:
        """Whether it is no run, but a folder that transformers wrote."""
        return self.step is None and is_transformers(self.run)

    @property
    def is_there(self) -> bool:
        """Whether there is a model of that name; its files may yet turn out to be damaged, or a pickle."""
        return self.is_transformers or self.weights[0].is_file()

    @property
    def weights(self) -> tuple[Path, ...]:
        """The files of weights in order: a tensor of a later one replaces that of an earlier one.

        Where ranks have each written rows of their own, their files stand one after another in the order of ranks.
        """
        if self.step is None:
            whole = self.run / MODEL
            return (whole,) if whole.is_file() or not (self.run / SHARDS).is_file() else _shards(self.run)
        folder = self.run / CHECKPOINTS / step_folder(self.step)
        return (*(_of_ranks(folder, MODEL) or [folder / MODEL]), *_of_ranks(folder, AVERAGE))


def open_trained(model: str | Path) -> Trained:
    """What a folder, RUN@STEP or the folder of a checkpoint names; a folder that is none of these is taken as a run."""
    if str(model).startswith(PREFIX):
        return Trained(cached(str(model)))
    path = Path(model)
    found = _STEP.fullmatch(path.name)
    if found and path.parent.name == CHECKPOINTS:
        return _checkpoint(path.parent.parent, int(found[1]))
    run, at, step = str(path).rpartition("@")
    if not at or path.exists() or not (step.isascii() and step.isdigit()) or not Path(run).is_dir():
        return Trained(path)
    return _checkpoint(Path(run), int(step))


def is_transformers(folder: Path) -> bool:
    """Whether a folder holds a model of transformers rather than a run."""
    return (folder / DESCRIPTION).is_file() and not (folder / RESOLVED_CONFIG).is_file()


def steps_of(run: Path) -> list[int]:
    """The steps of the checkpoints that a run has kept, the earliest first."""
    found = ((_STEP.fullmatch(path.parent.name), path) for path in (run / CHECKPOINTS).glob(f"step_*/{RECORD}"))
    return sorted(int(name[1]) for name, _ in found if name)


def _of_ranks(folder: Path, name: str) -> list[Path]:
    """The file of that name, or all that ranks wrote of it; none where there is nothing of it."""
    if (folder / name).is_file():
        return [folder / name]
    found = (rank_files(group_of(name), path.name) for path in folder.glob(f"{group_of(name)}.rank-*"))
    return [folder / file for file in next(filter(None, found), [])]


def _shards(folder: Path) -> tuple[Path, ...]:
    """The files that a large model of transformers is cut into."""
    try:
        names = set(parse_json(ordinary(folder / SHARDS).read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder / SHARDS}: cannot be read: {error}", fix="download the folder again") from None
    if strange := [name for name in names if not isinstance(name, str) or not _is_shard(name)]:
        raise CheckpointError(
            f"{folder / SHARDS}: names {strange[0]!r}, which is no file NAME.safetensors of the folder itself",
            why="weights would be read from elsewhere on this machine, or from a pickle",
            fix="download the folder again",
        )
    return tuple(folder / name for name in sorted(names))


def _is_shard(name: str) -> bool:
    """Whether it is a safetensors file of the folder, by a name without a path."""
    return Path(name).name == name and name.endswith(".safetensors") and can_be_named(name)


def _checkpoint(run: Path, step: int) -> Trained:
    if not (run / CHECKPOINTS / step_folder(step) / RECORD).is_file():
        kept = steps_of(run)
        shown = ", ".join(map(str, kept[-_MOST_NAMED:])) + (", the newest ones" if len(kept) > _MOST_NAMED else "")
        raise CheckpointError(
            f"{run} has no checkpoint of step {step}" + (f"; it has {shown}" if kept else ""),
            why="a run keeps its newest checkpoints and the best one",
            fix="train with training.keep_every=STEPS, which keeps those of every so many steps",
        )
    return Trained(run, step)
