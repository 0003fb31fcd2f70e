"""Checkpoints of runs, step by step: the loss, bounds on mutual information, and what a probe reads.

RUN is the folder of a training that kept its checkpoints (training.keep_every). For each of them: the loss of its
validation, out of metrics.jsonl; with --data, how much its frames tell of the labels of DATA at least, and how much of
another view of the same speech, for which nobody has to label anything; with --probe, how often a linear probe of
frames names the phone. The other view is the unmasked pass beside the masked one for models that learn by masks, and
for others the cluster of the log-mel frame --future frames later.

Printed are a line for each checkpoint, Spearman's and Kendall's rank correlation of every two figures with 95 %
intervals over checkpoints, and the checkpoint that each figure would choose. --out writes checkpoints.tsv, curves over
steps and scatter plots for masr report and masr analyse picture.

example:
  masr analyse checkpoints exp/apc
  masr analyse checkpoints exp/apc exp/best_rq --data data/test_clean --out exp/checkpoints
  masr analyse checkpoints exp/apc --data data/test_clean --probe data/dev_other data/dev_clean data/test_clean
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from masr.analysis.checkpoints import Checkpoint
    from masr.analysis.information.grid import GridTask
    from masr.inference.load import Model
    from masr.inference.masked import MaskedPass
    from masr.maths.estimate import Estimate

ROLES = ("train", "dev", "test")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse checkpoints`."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a training")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="of the runs; commas part them too")
    parser.add_argument("--metric", default="loss", metavar="FIGURE", help="of the validation (default loss)")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory for bounds on mutual information")
    parser.add_argument(
        "--labels", default="phones", metavar="KIND", help="of DATA: phones (default), lang, ... or none"
    )
    parser.add_argument("--clusters", type=int, default=50, metavar="V", help="of the other view (default 50)")
    parser.add_argument("--future", type=int, default=5, metavar="N", help="frames that log-mel is later (default 5)")
    parser.add_argument("--mask-share", type=float, metavar="S", help="of frames (default: as in the training)")
    parser.add_argument("--mask-span", type=int, metavar="N", help="frames hidden together (default: the same)")
    parser.add_argument(
        "--probe", nargs=3, type=Path, metavar=("TRAIN", "DEV", "TEST"), help="data directories with phones.ctm"
    )
    parser.add_argument("--layer", type=int, metavar="L", help="default: the last")
    parser.add_argument(
        "--frames", type=int, default=200_000, metavar="N", help="to learn from at most (default 200000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a table and figures there")


def run(args: argparse.Namespace) -> None:
    """Looks at every checkpoint, prints, writes."""
    from masr.analysis.checkpoints import agreements, as_json, table
    from masr.analysis.checkpoints_show import figures, report
    from masr.io.atomic import atomic_write
    from masr.io.figure_file import write_figure
    from masr.io.json_file import write_json
    from masr.io.layout import FIGURE_SUFFIX
    from masr.io.provenance import write_provenance

    found = [one for folder, name in zip(args.runs, names_of(args), strict=True) for one in look(args, folder, name)]
    ranked = agreements(found, args.seed)
    if args.out:
        atomic_write(args.out / "checkpoints.tsv", table(found))
        for stem, figure in figures(found):
            write_figure(args.out / f"{stem}{FIGURE_SUFFIX}", figure)
        write_provenance(args.out, runs=[str(folder) for folder in args.runs])
    if args.json:
        write_json(args.json, as_json(found, ranked))
    if args.json != "-":
        print(report(found, ranked))


def names_of(args: argparse.Namespace) -> list[str]:
    """As given, or the folders' own."""
    from masr.analysis.checkpoints import ALL
    from masr.errors import UsageError

    given = [part.strip() for text in args.names or () for part in text.split(",") if part.strip()]
    names = given or [str(folder) for folder in args.runs]
    if len(names) != len(args.runs) or len({*names, ALL}) <= len(names):
        raise UsageError(f"{len(names)} names for {len(args.runs)} runs", fix=f"give each one of its own, none {ALL!r}")
    return names


def look(args: argparse.Namespace, folder: Path, name: str) -> Iterator[Checkpoint]:
    """Every checkpoint that a run kept, with all figures that are asked for."""
    from masr.analysis.checkpoints import LOSS, Checkpoint, validated
    from masr.errors import CheckpointError
    from masr.io.progress import track
    from masr.io.trained import steps_of
    from masr.maths.estimate import Estimate

    steps, losses = steps_of(folder), validated(folder, args.metric)
    if not steps:
        raise CheckpointError(f"{folder} has no checkpoints", fix="train with training.keep_every=STEPS")
    for step in track(steps, name, unit="checkpoint"):
        figures = {LOSS: Estimate(losses[step])} if step in losses else {}
        if args.data or args.probe:
            with tempfile.TemporaryDirectory(prefix="masr.") as place:
                figures |= _figures(args, f"{folder}@{step}", Path(place))
        yield Checkpoint(name, step, figures)


def _figures(args: argparse.Namespace, name: str, place: Path) -> dict[str, Estimate]:
    """Of one checkpoint, whose frames lie in `place` meanwhile."""
    from masr.analysis.checkpoints import ACCURACY
    from masr.analysis.information.grid import GridSettings, run_task
    from masr.analysis.information.pairs import Limits
    from masr.api import load

    model = load(name)
    limits = Limits(args.frames, max(10, args.frames // 2), seed=args.seed)
    found = {}
    for figure, task in _tasks(args, name, model, place) if args.data else ():
        (row,) = run_task(task, GridSettings(("logistic",), (args.clusters,), limits=limits))
        found[figure] = row.bounds[0].bound
    if args.probe:
        found[ACCURACY] = _accuracy(args, name, model, place)
    return found


def _tasks(args: argparse.Namespace, name: str, model: Model, place: Path) -> Iterator[tuple[str, GridTask]]:
    """What is bounded, by the name of its figure."""
    from masr.analysis.checkpoints import LABELS, VIEW
    from masr.analysis.frame_labels import kinds_or_phones
    from masr.analysis.information.grid import GridTask
    from masr.analysis.information.pairs import PairSource
    from masr.api import masked_pass
    from masr.cli.analyse.mutual_information import open_mask
    from masr.inference.frame_sources import ArchiveFrames
    from masr.io.datadir import DataDir
    from masr.io.frames import open_frames
    from masr.io.layout import MASK

    clear = _extracted(args, name, model, args.data, place / "clear")
    if args.labels != "none":
        frames = open_frames(clear)
        labels = kinds_or_phones(DataDir.open(args.data), args.labels, frames)
        yield LABELS, GridTask(name, PairSource(frames, labels, None, has_labels=True), len(labels.names))
    masked = masked_pass(Path(name), model, args.mask_share, args.mask_span)
    if masked.vector is None and masked.hide is None:  # it never saw hidden speech
        yield VIEW, GridTask(name, PairSource(open_frames(clear), ArchiveFrames(args.data), future=args.future), None)
        return
    hidden = _extracted(args, name, model, args.data, place / "hidden", masked)
    yield VIEW, GridTask(name, PairSource(open_frames(hidden), open_frames(clear), open_mask(hidden / MASK)), None)


def _accuracy(args: argparse.Namespace, name: str, model: Model, place: Path) -> Estimate:
    """Of a linear probe of phones, on the speech to test on."""
    from masr.analysis.probe.frames import Options, open_aligned, probe

    options = Options(most_frames=args.frames, seed=args.seed)
    folders = {role: _extracted(args, name, model, data, place / role) for role, data in zip(ROLES, args.probe)}
    parts = {role: open_aligned({"": folder}, options) for role, folder in folders.items()}
    test = probe(parts, "", None, ["linear"], options).best.test
    assert test is not None
    return test.accuracy


def _extracted(
    args: argparse.Namespace, name: str, model: Model, data: Path, out: Path, masked: MaskedPass | None = None
) -> Path:
    """The folder with a layer's frames of a data directory."""
    from masr.cli.extract import open_extraction, write_extraction
    from masr.inference.extracted import Plan
    from masr.io.datadir import DataDir

    opened: Any = DataDir.open(data)
    extraction = open_extraction(Path(name), model, opened, Plan((args.layer,), None, name), masked)
    extraction.run_job(out, 1, 1)
    write_extraction(extraction, out, 1, model=name, data=str(data), pool="none")
    return out
