"""Weights & Biases: offline unless WANDB_MODE says online; `wandb sync` sends an offline run whenever one likes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from masr.training.tracking import Told, shared_folder


class WandbRun:
    """One run of W&B."""

    def __init__(self, run: Any) -> None:
        self.run = run
        # steps come with the figures: a resumed run may write some of them again
        self.run.define_metric("step")
        self.run.define_metric("*", step_metric="step")

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of a step."""
        self.run.log({"step": step, **figures})

    def picture(self, name: str, path: Path) -> None:
        """A PNG among the run's media."""
        import wandb

        self.run.log({f"figures/{name}": wandb.Image(str(path))})

    def keep(self, path: Path) -> None:
        """A file as an artefact of the run."""
        import wandb

        artifact = wandb.Artifact(f"{path.stem}-{self.run.id[:8]}", type=path.stem)
        artifact.add_file(str(path))
        self.run.log_artifact(artifact)

    def close(self) -> None:
        """Writes what is still held."""
        self.run.finish()


def open_run(told: Told) -> WandbRun:
    """The run of this id, begun or gone on with."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    mode: Any = os.environ.get("WANDB_MODE", "offline")
    place = os.environ.get("WANDB_DIR") or str(shared_folder(told.folder, "wandb"))
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True, disable_git=True)
    run = wandb.init(
        project=told.project,
        name=told.name,
        id=told.run_id,
        dir=place,
        mode=mode,
        resume="allow",
        reinit="create_new",
        settings=settings,
    )
    run.config.update(dict(told.values), allow_val_change=True)
    return WandbRun(run)
