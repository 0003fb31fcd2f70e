"""TensorBoard, where it is installed: the same figures as metrics.jsonl, as curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_FOLDER = "tensorboard"


class Board:
    """Every figure of a line under the name of its split."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What a killed run drew beyond its checkpoint is taken back.
        self.writer: Any = SummaryWriter(str(folder / _FOLDER), purge_step=step + 1)

    def write(self, line: dict[str, Any]) -> None:
        """One line of metrics.jsonl."""
        for name, value in line.items():
            if name != "step" and isinstance(value, int | float):
                self.writer.add_scalar(f"{line['split']}/{name}", value, line["step"])

    def close(self) -> None:
        """Writes what is still held."""
        self.writer.close()


def open_board(folder: Path, step: int, say: Callable[[str], None]) -> Board | None:
    """None, and a note, where TensorBoard is not installed."""
    try:
        return Board(folder, step)
    except ImportError:
        say("training.tensorboard is on, but tensorboard is not installed: metrics.jsonl has the same figures")
        return None
