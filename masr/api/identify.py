"""`masr identify` as a function: the language of audio files, or of every utterance of a data directory."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.api import config_of_run, identifier, reads_archives
from masr.errors import UsageError
from masr.inference.identify import Identified, Identifier
from masr.inference.identify_report import Report
from masr.inference.lid_windows import data_windows, file_windows
from masr.inference.speech import Channel
from masr.io.audio_folder import EXTENSIONS, audio_files
from masr.io.datadir import DataDir
from masr.io.layout import UTT2SPK
from masr.io.origin import read_provenance
from masr.io.progress import clock, show

STDIN = "-"
_SHOWN = 12


@dataclass(frozen=True)
class Options:
    """Which speech is identified, and by what; each is an option of `masr identify`."""

    model: Path
    files: Sequence[str]
    """Audio files and folders of them, `-` for standard input, or one data directory."""
    top: int = 3
    jsonl: bool = False
    scores: Path | None = None
    channel: Channel | None = None
    """Which channel of the files is heard; None mixes all."""
    device: str = "auto"


def identify(options: Options) -> int:
    """Says what each is; how many could not be identified."""
    data = _data_of(options)
    names = _files_of(options) if data is None else data.utts
    with clock("identify: opening the model") as say:
        model = identifier(options.model, options.device)
        show(learnt(options.model, model.languages), sys.stderr)
        report = Report(names, model.languages, options.top, options.jsonl, options.scores)
        for found in _files(options, names, model, report) if data is None else _data(options, model, data, report):
            report.add(found)
            say(f"identify: {report.next} of {len(names)}")
    report.close()
    return report.num_failed


def learnt(model: Path, languages: Sequence[str]) -> str:
    """A sentence: what the model learnt from, and which answers it has."""
    config = config_of_run(model)
    source = read_provenance(config.train).get("source")
    made_of = f" (made of {source})" if source else ""
    shown = ", ".join(languages[:_SHOWN]) + (", ..." if len(languages) > _SHOWN else "")
    return f"masr: {model} was trained on {config.train}{made_of}; it knows {len(languages)} languages: {shown}"


def _data_of(options: Options) -> DataDir | None:
    """The data directory; None for files."""
    folders = [name for name in options.files if name != STDIN and (Path(name) / UTT2SPK).is_file()]
    if options.top < 1:
        raise UsageError(f"--top {options.top} is less than 1", fix="give how many languages to print: --top 3")
    if folders and len(options.files) > 1:
        raise UsageError(f"{folders[0]} is a data directory, which stands alone", fix="give it by itself")
    if list(options.files).count(STDIN) > 1:
        raise UsageError("standard input can be read once", fix="give - once")
    return DataDir.open(Path(folders[0])) if folders else None


def _files_of(options: Options) -> list[str]:
    """The files as they were given, and those of folders."""
    names: list[str] = []
    for name in options.files:
        if name == STDIN or not Path(name).is_dir():
            names.append(name)
            continue
        found = audio_files(Path(name))
        if not found:
            raise UsageError(
                f"{name}: no audio file is in this folder, and no {UTT2SPK}, which would make it a data directory",
                why=f"audio is known by its extension: {' '.join(sorted(EXTENSIONS))}",
                fix="give files, a folder of them, or a data directory",
            )
        names += map(str, found)
    return names


def _files(options: Options, names: Sequence[str], model: Identifier, report: Report) -> Iterator[Identified]:
    sources = [sys.stdin.buffer.read() if name == STDIN else Path(name) for name in names]
    windows = file_windows(sources, model.geometry, model.max_frames, options.channel, report.complain)
    return model.identify(windows, are_frames=False)


def _data(options: Options, model: Identifier, data: DataDir, report: Report) -> Iterator[Identified]:
    inner = model.model
    from_archives = not inner.takes_samples and reads_archives(options.model, inner.features, data)
    windows = data_windows(model, data, from_archives, report.complain)
    return model.identify(windows, are_frames=from_archives)
