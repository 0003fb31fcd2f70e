"""`masr export` as a function: a run becomes a folder that other projects load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.interop.folder import export_folder
from masr.interop.opened import Opened, open_run
from masr.io.origin import read_provenance

Format = Literal["hf"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What goes out, and as what; each is an option of `masr export`."""

    model: Path
    out: Path
    to: Format


def export(options: Options, say: Say = print) -> None:
    """Writes the folder; `say` is told what a reader has to know."""
    opened = open_run(options.model)
    commit = read_provenance(opened.run).get("commit")
    with export_folder(options.out, to=options.to, kind=opened.kind, commit=commit) as new:
        _WRITERS[options.to](opened, new, options, say)
    say(f"{options.out}: {opened.model.num_layers} layers, {opened.model.dim} wide, for {options.to}")


def _hf(opened: Opened, out: Path, options: Options, say: Say) -> None:  # noqa: ARG001 (every writer is given all)
    from masr.interop.native import padding_counts, processor_of, save_native, without_counterpart
    from masr.interop.own import save_own
    from masr.interop.vocabulary import save_tokenizer

    reason = without_counterpart(opened)
    if reason:
        save_own(opened, out)
        say(f"{reason}: it loads by `import masr.interop.hf`, or with trust_remote_code=True where there is no masr")
    else:
        save_native(opened, out)
        if padding_counts(opened):
            say("its group norms count padding in transformers: run it on one utterance at a time there")
    if opened.units is not None:
        save_tokenizer(opened.units, processor_of(opened), out)


_WRITERS: dict[str, Callable[[Opened, Path, Options, Say], None]] = {"hf": _hf}
