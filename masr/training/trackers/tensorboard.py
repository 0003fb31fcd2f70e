"""TensorBoard: curves and the configuration, in the run's own folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from masr.training.tracking import Told

FOLDER = "tensorboard"


class Board:
    """The events of one run. It has no artefacts, and pictures are on the report's page."""

    def __init__(self, folder: Path, step: int, values: Mapping[str, str]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What a killed run drew beyond its checkpoint is taken back.
        self.writer: Any = SummaryWriter(str(folder / FOLDER), purge_step=step + 1)
        if values:
            rows = [f"| {key} | `{value}` |" for key, value in values.items()]
            self.writer.add_text("configuration", "\n".join(["| key | value |", "| --- | --- |", *rows]), step)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """A point of each curve."""
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, name: str, path: Path) -> None:
        """Nothing: pictures are on the report's page."""

    def keep(self, path: Path) -> None:
        """Nothing: TensorBoard has no artefacts."""

    def close(self) -> None:
        """Writes what is still held."""
        self.writer.close()


def open_run(told: Told) -> Board:
    """The events of the run in `folder`."""
    return Board(told.folder, told.step, told.values)
