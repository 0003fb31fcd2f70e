"""How much representations tell of labels, or of another view of the same speech: bounds on mutual information.

Z is an array FILE.npy (frames x features), a folder that `masr extract --pool none` wrote, a data directory with
archives (log-mel), or, with --data, a model: RUN, RUN:LAYER, RUN@STEP for a checkpoint, RUN:all for all layers,
RUN@all for all checkpoints that it kept (training.keep_every). The last argument is Y: an array of whole numbers
(labels), frames of another view, or a data directory whose labels --labels names: phones (from phones.ctm), or a kind,
as lang. A view is turned into symbols by k-means on its training frames. Whole utterances are held out; probe and
clusters never see them.

Several Z, as layers or checkpoints, give a curve. --views gives each Z a view of its own, as the unmasked pass beside
the masked one; --mask names an array that says which frames were masked. --future N pairs each frame with the one that
comes N later, for models that see the past. --masked asks models themselves: Z is each one's pass over speech of which
a part is hidden, as its training hid it, Y its unmasked pass, at the frames that were hidden; there is no Y to give.

example:
  masr analyse mutual-information Z.npy Y.npy
  masr analyse mutual-information exp/frames/1 exp/frames/2 data/test --labels phones --out exp/mutual_information
  masr analyse mutual-information masked.npy clean.npy --mask mask.npy --clusters 25 --clusters 50 --clusters 100
  masr analyse mutual-information exp/apc:3 data/test --data data/test --future 5 --estimate infonce
  masr analyse mutual-information exp/apc@all data/test --data data/test --labels phones --out exp/apc/bounds
  masr analyse mutual-information exp/mpc:all --data data/test --masked --mask-share 0.15 --mask-share 0.4 --clusters 25
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.analysis.information.grid import GridTask
    from masr.io.frames import Frames
    from masr.io.model_name import ModelName


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse mutual-information`."""
    parser.add_argument(
        "given", nargs="+", metavar="Z", help="representations, and Y as the last one; models alone with --masked"
    )
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
    parser.add_argument("--masked", action="store_true", help="Z are models: their masked beside their unmasked pass")
    parser.add_argument(
        "--mask-share",
        action="append",
        type=float,
        metavar="S",
        help="may be given again (default: as in its training)",
    )
    parser.add_argument(
        "--mask-span", type=int, metavar="N", help="frames hidden together (default: as in its training)"
    )
    parser.add_argument("--mask-seed", type=int, default=0, help="of the places that are hidden (default 0)")
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
    from masr.analysis.information.grid import GridSettings, run_tasks
    from masr.analysis.information.pairs import Limits
    from masr.analysis.information.report import report, write

    settings = GridSettings(
        tuple(dict.fromkeys(args.probe or ["logistic", "mlp"])),
        tuple(dict.fromkeys(args.clusters or [50])),
        args.method,
        tuple(dict.fromkeys(args.estimate)),
        Limits(args.frames, max(10, args.frames // 2), args.held_out, args.seed),
    )
    rows = run_tasks(open_masked(args) if args.masked else open_tasks(args), settings)
    if args.out:
        write(args.out, rows)
    if args.json:
        from masr.io.json_file import write_json

        write_json(args.json, {"bounds": [row.as_json() for row in rows]})
    if args.json != "-":
        print(report(rows))


def open_tasks(args: argparse.Namespace) -> Iterator[GridTask]:
    """What is paired with what; each is opened when it is its turn."""
    from masr.cli.analyse.model_names import expand
    from masr.errors import UsageError

    names = expand(args.given if args.views else args.given[:-1])
    views = args.views or [args.given[-1]]
    if not names or len(views) not in (1, len(names)):
        raise UsageError(
            f"{len(names)} representations and {len(views)} views do not go together",
            fix="give Z and Y, or a view for each Z: Z1 Z2 --views B1 B2",
        )
    if args.labels and args.views:
        raise UsageError("--views are frames, --labels says that Y is a data directory", fix="give one of the two")
    if args.mask_share or args.mask_span or args.mask_seed:
        raise UsageError("--mask-share, --mask-span and --mask-seed belong to --masked", fix="add --masked")
    rates = args.rate or []
    if len(rates) > 1 and len(rates) != len(names) + len(views):
        raise UsageError(f"{len(rates)} rates for {len(names)} Z and {len(views)} Y", fix="give one, or one for each")
    return (_task(args, names, views, k) for k in range(len(names)))


def _task(args: argparse.Namespace, names: Sequence[str], views: Sequence[str], k: int) -> GridTask:
    """The k-th Z with its Y."""
    from masr.analysis.information.grid import GridTask
    from masr.analysis.information.pairs import PairSource
    from masr.cli.analyse.source import open_sources
    from masr.inference.frame_sources import EncoderFrames, KeptFrames

    rates, other = args.rate or [], k if len(views) > 1 else 0
    own_rates = rates if len(rates) < 2 else [rates[k], rates[len(names) + other]]
    first = open_sources([names[k]], own_rates[:1], args.data)[0]
    second, num_classes = open_other(views[other], args.labels, own_rates[-1:], first, args.data)
    sides = [KeptFrames(side) if isinstance(side, EncoderFrames) else side for side in (first, second)]
    source = PairSource(sides[0], sides[1], open_mask(args.mask), num_classes is not None, args.future)
    return GridTask(names[k], source, num_classes)


def open_masked(args: argparse.Namespace) -> Iterator[GridTask]:
    """Each model's masked pass beside its unmasked one, for every share that is hidden."""
    from masr.cli.analyse.model_names import expand
    from masr.errors import UsageError
    from masr.io.model_name import model_name

    for name in ("views", "labels", "mask", "future", "rate"):
        if getattr(args, name):
            raise UsageError(f"--{name} and --masked do not go together", fix="leave one of them out")
    words = list(dict.fromkeys(expand(args.given)))
    models = [model_name(word) for word in words]
    if None in models:
        raise UsageError(
            f"--masked asks models, and {words[models.index(None)]} is none",
            fix="give RUN, RUN:LAYER or RUN@STEP; Y is the model's own unmasked pass",
        )
    return (task for word, named in zip(words, models) if named for task in _masked_tasks(args, word, named))


def _masked_tasks(args: argparse.Namespace, word: str, named: ModelName) -> Iterator[GridTask]:
    """Of one model and layer."""
    from masr.analysis.information.grid import GridTask
    from masr.analysis.information.pairs import PairSource
    from masr.api import masked_pass
    from masr.cli.analyse.model_names import open_model
    from masr.inference.frame_sources import EncoderFrames, HiddenFrames, KeptFrames

    model, data = open_model(named, args.data)
    clear = EncoderFrames(word, model, named.layer, data)
    kept = KeptFrames(clear)
    for share in dict.fromkeys(args.mask_share or [None]):
        masked = masked_pass(Path(named.model), model, share, args.mask_span, args.mask_seed)
        hidden = KeptFrames(EncoderFrames(word, model, named.layer, data, masked))
        yield GridTask(word, PairSource(hidden, kept, HiddenFrames(clear, masked)), None, masked.masker.config.share)


def open_other(
    text: str, labels: str | None, rate: Sequence[float], first: Frames, data: Path | None
) -> tuple[Frames, int | None]:
    """Y, and how many classes it has where it is labels."""
    from masr.analysis.frame_labels import array_labels, kinds_or_phones
    from masr.cli.analyse.source import open_sources
    from masr.io.datadir import DataDir
    from masr.io.frames import load_array

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
    from masr.io.frames import ArrayFrames, load_array

    if path is None:
        return None
    array = load_array(path)
    return ArrayFrames(str(path), (array.view("u1") if array.dtype == bool else array).reshape(len(array), -1))
