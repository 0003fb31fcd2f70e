"""`masr export` as a function: a run becomes a folder that other projects load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.interop.card import write_card
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
    data_licence: str | None = None
    """Of the training data, for the model card; None where their corpus has a known one, or nobody knows."""


def export(options: Options, say: Say = print) -> None:
    """Writes the folder; `say` is told what a reader has to know."""
    opened = open_run(options.model)
    commit = read_provenance(opened.run).get("commit")
    with export_folder(options.out, to=options.to, kind=opened.kind, commit=commit) as new:
        how_to_load = _WRITERS[options.to](opened, new, options, say)
        write_card(opened, options.to, how_to_load, options.data_licence, new)
    say(f"{options.out}: {opened.model.num_layers} layers, {opened.model.dim} wide, for {options.to}")


def _hf(opened: Opened, out: Path, options: Options, say: Say) -> str:  # noqa: ARG001 (every writer is given all)
    from masr.interop.native import how_to_load, padding_counts, processor_of, save_native, without_counterpart
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
    return how_to_load(opened, is_native=not reason)


_WRITERS: dict[str, Callable[[Opened, Path, Options, Say], str]] = {"hf": _hf}
