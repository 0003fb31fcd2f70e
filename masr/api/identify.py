"""`masr identify` as a function: the language of audio files, or of every utterance of a data directory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.api import identifier, reads_archives
from masr.errors import UsageError
from masr.inference.identify import Identifier
from masr.inference.identify_report import Report
from masr.inference.lid_windows import data_windows, file_windows
from masr.io.datadir import DataDir

STDIN = "-"


@dataclass(frozen=True)
class Options:
    """Which speech is identified, and by what; each is an option of `masr identify`."""

    model: Path
    files: Sequence[str]
    """Audio files, `-` for standard input, or one data directory."""
    top: int = 3
    jsonl: bool = False
    scores: Path | None = None
    channel: int | None = None
    """Which channel of the files, from 0; None mixes all."""
    device: str = "auto"


def identify(options: Options) -> int:
    """Says what each is; how many could not be identified."""
    data = _data_of(options)
    model = identifier(options.model, options.device)
    names = options.files if data is None else data.utts
    report = Report(names, model.languages, options.top, options.jsonl, options.scores)
    if data is None:
        _files(options, model, report)
    else:
        _data(options, model, data, report)
    report.close()
    return report.num_failed


def _data_of(options: Options) -> DataDir | None:
    """The data directory; None for files."""
    folders = [name for name in options.files if name != STDIN and Path(name).is_dir()]
    if options.top < 1:
        raise UsageError(f"--top {options.top} is less than 1", fix="give how many languages to print: --top 3")
    if folders and len(options.files) > 1:
        raise UsageError(f"{folders[0]} is a folder, and a data directory stands alone", fix="give it by itself")
    if list(options.files).count(STDIN) > 1:
        raise UsageError("standard input can be read once", fix="give - once")
    return DataDir.open(Path(folders[0])) if folders else None


def _files(options: Options, model: Identifier, report: Report) -> None:
    sources = [sys.stdin.buffer.read() if name == STDIN else Path(name) for name in options.files]
    windows = file_windows(sources, model.geometry, model.max_frames, options.channel, report.complain)
    for found in model.identify(windows, are_frames=False):
        report.add(found)


def _data(options: Options, model: Identifier, data: DataDir, report: Report) -> None:
    inner = model.model
    from_archives = not inner.takes_samples and reads_archives(options.model, inner.features, data)
    windows = data_windows(model, data, from_archives, report.complain)
    for found in model.identify(windows, are_frames=from_archives):
        report.add(found)
