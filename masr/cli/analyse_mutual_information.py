"""How much representations tell of labels, or of another view of the same speech: bounds on mutual information.

Z is an array FILE.npy (frames x features), a folder that `masr extract --pool none` wrote, a data directory with
archives (log-mel), or, with --data, MODEL:LAYER. The last argument is Y: an array of whole numbers (labels), frames of
another view, or a data directory whose labels --labels names: phones (from phones.ctm), or a kind, as lang. A view is
turned into symbols by k-means on its training frames. Whole utterances are held out; probe and clusters never see them.

Several Z, as layers or checkpoints, give a curve. --views gives each Z a view of its own, as the unmasked pass beside
the masked one; --mask names an array that says which frames were masked. --future N pairs each frame with the one that
comes N later, for models that see the past.

example:
  masr analyse mutual-information Z.npy Y.npy
  masr analyse mutual-information exp/frames/1 exp/frames/2 data/test --labels phones --out exp/mutual_information
  masr analyse mutual-information masked.npy clean.npy --mask mask.npy --clusters 25 --clusters 50 --clusters 100
  masr analyse mutual-information exp/apc:3 data/test --data data/test --future 5 --estimate infonce
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.analysis.frames import Frames
    from masr.analysis.information_grid import Row, Task
    from masr.analysis.mutual_information import Bound
    from masr.io.figure import Curves


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse mutual-information`."""
    parser.add_argument("given", nargs="+", metavar="Z", help="representations, and Y as the last one")
    parser.add_argument("--views", nargs="+", default=[], metavar="B", help="a view for each Z, in place of one Y")
    parser.add_argument("--labels", metavar="KIND", help="Y is a data directory: phones, lang, ...")
    parser.add_argument(
        "--probe", action="append", choices=["logistic", "mlp"], help="may be given twice (default: both)"
    )
    parser.add_argument("--clusters", action="append", type=int, metavar="V", help="may be given again (default 50)")
    parser.add_argument(
        "--method", choices=["kmeans", "minibatch", "mixture"], default="kmeans", help="of clusters (default kmeans)"
    )
    parser.add_argument("--mask", type=Path, metavar="FILE.npy", help="only frames where it is not 0")
    parser.add_argument("--future", type=int, default=0, metavar="N", help="frames of Z that Y is later (default 0)")
    parser.add_argument(
        "--estimate",
        action="append",
        choices=["plug-in", "infonce", "mine"],
        default=[],
        help="beside the bounds; may be given again",
    )
    parser.add_argument("--rate", action="append", type=float, metavar="R", help="frames a second of each, in order")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that models are run on")
    parser.add_argument("--held-out", type=float, default=0.2, metavar="SHARE", help="of utterances (default 0.2)")
    parser.add_argument(
        "--frames", type=int, default=200_000, metavar="N", help="to train on at most, drawn (default 200000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a table and a figure for masr report there")


def run(args: argparse.Namespace) -> None:
    """Opens, bounds, prints."""
    from masr.analysis.information_grid import Settings, run_tasks
    from masr.analysis.paired_frames import Limits

    settings = Settings(
        tuple(dict.fromkeys(args.probe or ["logistic", "mlp"])),
        tuple(dict.fromkeys(args.clusters or [50])),
        args.method,
        tuple(dict.fromkeys(args.estimate)),
        Limits(args.frames, max(10, args.frames // 2), args.held_out, args.seed),
    )
    rows = run_tasks(open_tasks(args), settings)
    if args.out:
        write(args.out, rows)
    if args.json:
        from masr.cli.analyse_source import write_json

        write_json(args.json, {"bounds": [row.as_json() for row in rows]})
    if args.json != "-":
        print(report(rows))


def open_tasks(args: argparse.Namespace) -> list[Task]:
    """What is paired with what."""
    from masr.analysis.information_grid import Task
    from masr.analysis.paired_frames import Source
    from masr.cli.analyse_source import open_sources
    from masr.errors import UsageError

    names = args.given if args.views else args.given[:-1]
    views = args.views or [args.given[-1]]
    if not names or len(views) not in (1, len(names)):
        raise UsageError(
            f"{len(names)} representations and {len(views)} views do not go together",
            fix="give Z and Y, or a view for each Z: Z1 Z2 --views B1 B2",
        )
    if args.labels and args.views:
        raise UsageError("--views are frames, --labels says that Y is a data directory", fix="give one of the two")
    rates, tasks = args.rate or [], []
    if len(rates) > 1 and len(rates) != len(names) + len(views):
        raise UsageError(f"{len(rates)} rates for {len(names)} Z and {len(views)} Y", fix="give one, or one for each")
    for k, name in enumerate(names):
        other = k if len(views) > 1 else 0
        own_rates = rates if len(rates) < 2 else [rates[k], rates[len(names) + other]]
        first = open_sources([name], own_rates[:1], args.data)[0]
        second, num_classes = open_other(views[other], args.labels, own_rates[-1:], first, args.data)
        source = Source(first, second, open_mask(args.mask), num_classes is not None, args.future)
        tasks.append(Task(name, source, num_classes))
    return tasks


def open_other(
    text: str, labels: str | None, rate: Sequence[float], first: Frames, data: Path | None
) -> tuple[Frames, int | None]:
    """Y, and how many classes it has where it is labels."""
    from masr.analysis.frame_labels import array_labels, kinds_or_phones
    from masr.analysis.frames import load_array
    from masr.cli.analyse_source import open_sources
    from masr.io.datadir import DataDir

    if labels:
        found = kinds_or_phones(DataDir.open(Path(text)), labels, first)
        return found, len(found.names)
    if Path(text).is_file():
        array = load_array(Path(text))
        if array.ndim == 1:
            return array_labels(text, array)
    return open_sources([text], rate, data)[0], None


def open_mask(path: Path | None) -> Frames | None:
    """One number a frame."""
    from masr.analysis.frames import ArrayFrames, load_array

    if path is None:
        return None
    array = load_array(path)
    return ArrayFrames(str(path), (array.view("u1") if array.dtype == bool else array).reshape(len(array), -1))


def report(rows: Sequence[Row]) -> str:
    """A line for each bound."""
    from masr.analysis.information_grid import best

    lines = []
    for row in rows:
        of = "labels" if row.clusters is None else f"{row.clusters} clusters"
        lines += [f"{row.name}  {of}  {_line(one)}" for one in row.bounds]
        lines += [f"{row.name}  {of}  {name}: {value:.4f} nats" for name, value in row.estimates]
    if rows and rows[0].bounds:
        frames = rows[0].bounds[0]
        lines.append(f"{frames.num_train} frames to train on, {frames.num_test} held out")
    if len({row.name for row in rows}) > 1:
        lines.append(f"highest bound: {best(rows).name}")
    return "\n".join(lines)


def _line(one: Bound) -> str:
    return (
        f"{one.probe}: I >= {one.bound:.4f} nats [{one.low:.4f}, {one.high:.4f}] = {one.bound / math.log(2):.4f} bits, "
        f"{100 * one.share:.1f} % of H {one.entropy:.4f}, CE {one.cross_entropy:.4f}, ceiling {one.ceiling:.4f}"
    )


HEADER = "representation\tclusters\tprobe\tentropy\tcross_entropy\tbound\tlow\thigh\tshare\tceiling"


def write(folder: Path, rows: Sequence[Row]) -> None:
    """mutual_information.tsv and .figure.json, and what was run."""
    from masr.io.atomic import atomic_write
    from masr.io.figure_file import write_figure
    from masr.io.layout import FIGURE_SUFFIX
    from masr.io.provenance import write_provenance

    lines = [HEADER]
    for row in rows:
        for one in row.bounds:
            figures = (one.entropy, one.cross_entropy, one.bound, one.low, one.high, one.share, one.ceiling)
            clusters = "" if row.clusters is None else str(row.clusters)
            lines.append("\t".join([row.name, clusters, one.probe, *(f"{value:.6f}" for value in figures)]))
    atomic_write(folder / "mutual_information.tsv", "\n".join(lines) + "\n")
    write_figure(folder / f"mutual_information{FIGURE_SUFFIX}", figure(rows))
    write_provenance(folder)


def figure(rows: Sequence[Row]) -> Curves:
    """Bounds over representations, a curve for each probe and number of clusters; or over clusters of the only one."""
    import numpy as np

    from masr.io.figure import Axis, Curve, Curves

    names = list(dict.fromkeys(row.name for row in rows))
    over_clusters = len(names) == 1
    points: dict[str, list[tuple[float, Bound]]] = {}
    for row in rows:
        place = float(row.clusters or 0) if over_clusters else float(names.index(row.name))
        of = "" if over_clusters or row.clusters is None else f", {row.clusters} clusters"
        for one in row.bounds:
            points.setdefault(f"{one.probe}{of}", []).append((place, one))
    curves = []
    for name, found in points.items():
        x, y, low, high = np.array([(place, one.bound, one.low, one.high) for place, one in found]).T
        curves.append(Curve(name, x, y, low, high))
    axis = Axis("clusters") if over_clusters else Axis("representation", ticks=tuple(names))
    return Curves("Mutual information, at least", tuple(curves), axis, Axis("bound", "nats"))
