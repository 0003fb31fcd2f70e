"""`masr export` as a function: a run becomes a folder that other projects load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from masr.errors import UsageError
from masr.interop.card import write_card
from masr.interop.folder import export_folder
from masr.interop.opened import Opened, open_run
from masr.io.origin import read_provenance

Format = Literal["hf", "onnx", "pt2", "s3prl", "espnet"]
Say = Callable[[str], None]
Written = tuple[str, dict[str, Any]]
"""How it is loaded, for the card, and facts for the record."""


@dataclass(frozen=True)
class Options:
    """What goes out, and as what; each is an option of `masr export`."""

    model: Path
    out: Path
    to: Format
    features: Literal["inside", "outside"] = "inside"
    """Of a graph: whether it makes log-mel frames itself, or is given them."""
    quantise: Literal["int8"] | None = None
    """Of ONNX: a second file whose matrices are whole numbers."""
    data_licence: str | None = None
    """Of the training data, for the model card; None where their corpus has a known one, or nobody knows."""


def export(options: Options, say: Say = print) -> None:
    """Writes the folder; `say` is told what a reader has to know."""
    if options.quantise and options.to != "onnx":
        raise UsageError(f"--quantise is for ONNX, not for {options.to}", fix="leave it out, or take --to onnx")
    opened = open_run(options.model)
    facts: dict[str, Any] = {"to": options.to, "kind": opened.kind, "commit": read_provenance(opened.run).get("commit")}
    with export_folder(options.out, facts) as new:
        how_to_load, found = _WRITERS[options.to](opened, new, options, say)
        facts |= found
        write_card(opened, options.to, how_to_load, options.data_licence, new)
    say(f"{options.out}: {opened.model.num_layers} layers, {opened.model.dim} wide, for {options.to}")


def _hf(opened: Opened, out: Path, options: Options, say: Say) -> Written:  # noqa: ARG001 (every writer is given all)
    from masr.interop.native import how_to_load, processor_of, what_counts_padding, without_counterpart
    from masr.interop.vocabulary import save_tokenizer

    reason = without_counterpart(opened)
    _save_model(opened, out)
    if reason:
        say(f"{reason}: it loads by `import masr.interop.hf`, or with trust_remote_code=True where there is no masr")
    elif part := what_counts_padding(opened):
        say(f"{part} counts padding in transformers: run it on one utterance at a time there")
    if opened.units is not None:
        save_tokenizer(opened.units, processor_of(opened), out)
    return how_to_load(opened, is_native=not reason), {}


def _save_model(opened: Opened, out: Path) -> None:
    from masr.interop.native import save_native, without_counterpart
    from masr.interop.own import save_own

    (save_own if without_counterpart(opened) else save_native)(opened, out)


def _peer(opened: Opened, out: Path, options: Options, say: Say) -> Written:
    from masr.interop.to_peers import save_for

    if opened.kind != "encoder":
        say(f"its encoder alone goes out: {options.to} trains a head of its own")
    return save_for(options.to, opened, _save_model, out)


def _onnx(opened: Opened, out: Path, options: Options, say: Say) -> Written:
    from masr.interop.to_graph import save_onnx

    how_to_load, facts = save_onnx(opened, options.features, options.quantise, out)
    say(f"onnxruntime differs from the model by {facts['largest_difference']:.1g} at most")
    if "int8" in facts:
        said = f"int8 changes its output by {facts['int8']['relative_change']:.1%}"
        same = facts["int8"]["same_answer"]
        said += "" if same is None else f"; {same:.1%} of its likeliest answers are the same"
        say(said)
        how_to_load += f"\n\n`model.int8.onnx` has matrices of whole numbers: {said}."
    return how_to_load, facts


def _pt2(opened: Opened, out: Path, options: Options, say: Say) -> Written:
    from masr.interop.to_graph import save_program

    how_to_load, facts = save_program(opened, options.features, out)
    say(f"the program differs from the model by {facts['largest_difference']:.1g} at most")
    return how_to_load, facts


_WRITERS: dict[str, Callable[[Opened, Path, Options, Say], Written]] = {
    "hf": _hf,
    "onnx": _onnx,
    "pt2": _pt2,
    "s3prl": _peer,
    "espnet": _peer,
}
