"""How well phones are told apart: ABX as ZeroSpeech has it, the error over triplets of phones.

X and A are the same phone, B is another, all three between the same phones (--context same) or anywhere (any), of one
speaker (within) or X of another than A and B (across). Sequences of frames are compared by dynamic time warping. Errors
are averaged over contexts, speakers and then pairs of phones; 50 % is chance. The interval is over drawn speakers.

FRAMES is a folder that `masr extract --pool none` wrote, MODEL:LAYER with --data, or a data directory with feature
archives. PHONES is a data directory with phones.ctm, or an item file of ZeroSpeech.

example:
  masr analyse phone-abx exp/frames/dev_clean data/dev_clean
  masr analyse phone-abx data/dev_clean data/dev_clean --context any --max-items 30
  masr analyse phone-abx exp/hubert:9 data/dev_clean --data data/dev_clean --speakers across --out exp/phone_abx
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from masr.analysis.abx.items import Items
    from masr.analysis.abx.phones import PhoneErrors


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse phone-abx`."""
    parser.add_argument("frames", metavar="FRAMES", help="folder, MODEL:LAYER, or data directory with archives")
    parser.add_argument("phones", type=Path, metavar="PHONES", help="data directory with phones.ctm, or item file")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that a model is run on")
    parser.add_argument("--speakers", choices=["within", "across", "both"], default="both", help="default both")
    parser.add_argument("--context", choices=["same", "any"], default="same", help="phones around (default same)")
    parser.add_argument(
        "--distance",
        choices=["angular", "cosine", "euclidean", "kl", "kl_symmetric"],
        default="angular",
        help="of frames (default angular)",
    )
    parser.add_argument("--span", choices=["phone", "triphone"], default="phone", help="of phones.ctm (default phone)")
    parser.add_argument("--merge-stress", action="store_true", help="AH0 and AH1 of phones.ctm are one phone")
    parser.add_argument("--max-items", type=int, metavar="N", help="of one phone, context and speaker; default: all")
    parser.add_argument("--max-speakers", type=int, metavar="N", help="X's of so many others (across); default: all")
    parser.add_argument("--rate", type=float, metavar="R", help="frames a second, where FRAMES does not say")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default 0)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables and figures there")


def run(args: argparse.Namespace) -> None:
    """Finds the items, scores, prints."""
    from masr.analysis.abx.blocks import PhoneAbxSettings
    from masr.analysis.abx.items import ItemFrames, from_alignment, from_item_file, place_items
    from masr.analysis.abx.phones import phone_errors
    from masr.cli.analyse.source import open_sources
    from masr.errors import UsageError
    from masr.io.datadir import DataDir
    from masr.io.json_file import write_json

    for option in ("max_items", "max_speakers"):
        if (value := getattr(args, option)) is not None and value < 1 + (option == "max_items"):
            raise UsageError(f"--{option.replace('_', '-')} {value} leaves no triplet", fix="give 2 or more")
    frames = open_sources([args.frames], None if args.rate is None else [args.rate], args.data)[0]
    if args.phones.is_dir():
        said = list(from_alignment(DataDir.open(args.phones), args.span, args.merge_stress))
    else:
        said = list(from_item_file(args.phones))
    items = place_items(said, frames)
    held = ItemFrames(frames, items, args.distance)
    found: dict[str, PhoneErrors] = {}
    for speakers in ("within", "across") if args.speakers == "both" else (args.speakers,):
        chosen = PhoneAbxSettings(speakers, args.context, args.distance, args.max_items, args.max_speakers, args.seed)
        found[speakers] = phone_errors(held, items, chosen)
    result = as_json(args, found, items)
    if args.out:
        write(args.out, args.context, found)
        write_json(str(args.out / "phone_abx.json"), result)
    if args.json:
        write_json(args.json, result)
    if args.json != "-":
        print(report(args.context, found, items))


def report(context: str, found: dict[str, PhoneErrors], items: Items) -> str:
    """A line for each condition, then the pairs that are told apart worst."""
    lines = [f"{len(items)} phones of {len(items.phone_names)} kinds by {len(items.speaker_names)} speakers"]
    for speakers, one in found.items():
        error = f"{one.error.value_text(2):>6} %  {one.error.interval_text(2)}"
        lines.append(
            f"  {speakers} speakers, {context} context: error {error}  of "
            f"{one.num_cells:,} cells, {one.num_triplets:,} triplets, {one.num_speakers} speakers"
        )
        worst = sorted(_pairs(one), key=lambda pair: -pair[2])[:5]
        lines.append("    worst: " + ", ".join(f"{a} for {b} {100 * error:.0f} %" for a, b, error in worst))
    if items.num_without_frames:
        lines.append(f"  {items.num_without_frames} phones left out: no middle of a frame lies in them")
    if items.num_without_utterance:
        lines.append(f"  {items.num_without_utterance} phones left out: their utterances have no frames")
    return "\n".join(lines)


def _pairs(one: PhoneErrors) -> list[tuple[str, str, float]]:
    import numpy as np

    rows, columns = np.nonzero(~np.isnan(one.pairs))
    return [(one.phones[i], one.phones[j], float(one.pairs[i, j])) for i, j in zip(rows, columns)]


def as_json(args: argparse.Namespace, found: dict[str, PhoneErrors], items: Items) -> dict[str, Any]:
    """Every figure."""
    return {
        "frames": args.frames,
        "phones": str(args.phones),
        "context": args.context,
        "distance": args.distance,
        "max_items": args.max_items,
        "max_speakers": args.max_speakers,
        "seed": args.seed,
        "num_items": len(items),
        "without_frames": items.num_without_frames,
        "without_utterance": items.num_without_utterance,
        "conditions": {
            speakers: {
                **one.error.as_json(value="error"),
                "num_cells": one.num_cells,
                "num_triplets": one.num_triplets,
                "num_speakers": one.num_speakers,
                "pairs": {f"{a} {b}": error for a, b, error in _pairs(one)},
            }
            for speakers, one in found.items()
        },
    }


def write(folder: Path, context: str, found: dict[str, PhoneErrors]) -> None:
    """phone_abx.<speakers>.<context>.tsv and .figure.json for each condition."""
    from masr.io.atomic import atomic_write
    from masr.io.figure import Axis, Heatmap
    from masr.io.figure_file import write_figure
    from masr.io.layout import FIGURE_SUFFIX
    from masr.io.provenance import write_provenance

    for speakers, one in found.items():
        stem = f"phone_abx.{speakers}.{context}"
        lines = ["phone\tother\terror", *(f"{a}\t{b}\t{error:.6f}" for a, b, error in _pairs(one))]
        atomic_write(folder / f"{stem}.tsv", "\n".join(lines) + "\n")
        figure = Heatmap(
            f"Phone ABX error, {speakers} speakers, {context} context",
            one.pairs,
            one.phones,
            one.phones,
            x=Axis("phone of B"),
            y=Axis("phone of A and X"),
            unit="share",
            low=0.0,
            high=0.5,
            note=f"mean {one.error.value_text(2)} %",
        )
        write_figure(folder / f"{stem}{FIGURE_SUFFIX}", figure)
    write_provenance(folder)
