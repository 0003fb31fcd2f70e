"""What is paired for bounds on mutual information: representations with labels or views, masked passes with clear ones.

It needs models and an analysis together, which do not know each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.analysis.frame_labels import SPEAKER, LabelFrames, array_labels, kinds_or_phones
from masr.analysis.information.grid import GridTask
from masr.analysis.information.held_out import UTTERANCE
from masr.analysis.information.pairs import Groups, PairSource
from masr.api import masked_pass
from masr.api.frames import expand, open_model, open_sources
from masr.errors import UsageError
from masr.inference.frame_sources import EncoderFrames, HiddenFrames, KeptFrames
from masr.io.datadir import DataDir
from masr.io.frames import ArrayFrames, Frames, load_array
from masr.io.layout import UTT2SPK, label_table
from masr.io.model_name import ModelName, model_name


@dataclass(frozen=True)
class Pairing:
    """What is paired with what; each is an option of `masr analyse mutual-information`."""

    given: Sequence[str]
    """Representations, and their other side as the last one; models alone where `masked`."""
    views: Sequence[str] = ()
    """An other side for each representation."""
    labels: str | None = None
    """The other side is a data directory, and these are its labels."""
    mask: Path | None = None
    """An array that is not 0 at the frames that count."""
    masked: bool = False
    """Models are asked themselves: their masked pass beside their clear one."""
    mask_share: Sequence[float] | None = None
    mask_span: int | None = None
    mask_seed: int = 0
    future: int = 0
    """Frames that the other side is later."""
    rate: Sequence[float] | None = None
    data: Path | None = None
    held_out_by: str | None = None
    """What is held out whole: `utterance`, or all with one value of a kind, as `spk`; None leaves it to `groups_of`."""


def tasks(pairing: Pairing) -> Iterator[GridTask]:
    """What is to be bounded; each is opened when it is its turn, and what cannot be meant is refused before."""
    return _of_models(pairing) if pairing.masked else _of_pairs(pairing)


def _of_pairs(pairing: Pairing) -> Iterator[GridTask]:
    names = expand(pairing.given if pairing.views else pairing.given[:-1])
    views = pairing.views or [pairing.given[-1]]
    if not names or len(views) not in (1, len(names)):
        raise UsageError(
            f"{len(names)} representations and {len(views)} views do not go together",
            fix="give Z and Y, or a view for each Z: Z1 Z2 --views B1 B2",
        )
    if pairing.labels and pairing.views:
        raise UsageError("--views are frames, --labels says that Y is a data directory", fix="give one of the two")
    if pairing.mask_share or pairing.mask_span or pairing.mask_seed:
        raise UsageError("--mask-share, --mask-span and --mask-seed belong to --masked", fix="add --masked")
    rates = pairing.rate or []
    if len(rates) > 1 and len(rates) != len(names) + len(views):
        raise UsageError(f"{len(rates)} rates for {len(names)} Z and {len(views)} Y", fix="give one, or one for each")
    return (_pair(pairing, names, views, k) for k in range(len(names)))


def _pair(pairing: Pairing, names: Sequence[str], views: Sequence[str], k: int) -> GridTask:
    """The k-th representation with its other side."""
    rates, other = pairing.rate or [], k if len(views) > 1 else 0
    own_rates = rates if len(rates) < 2 else [rates[k], rates[len(names) + other]]
    first = open_sources([names[k]], own_rates[:1], pairing.data)[0]
    second, num_classes = _other_side(views[other], pairing.labels, own_rates[-1:], first, pairing.data)
    sides = [KeptFrames(side) if isinstance(side, EncoderFrames) else side for side in (first, second)]
    folders = [Path(one) for one in (views[other], pairing.data, names[k]) if one is not None]
    groups = groups_of(pairing.held_out_by, pairing.labels, first, second, folders)
    classes = None if num_classes is None else second.names if isinstance(second, LabelFrames) else range(num_classes)
    source = PairSource(sides[0], sides[1], open_mask(pairing.mask), classes, pairing.future, groups)
    return GridTask(names[k], source, num_classes)


def groups_of(
    asked: str | None, labels: str | None, first: Frames, second: Frames, folders: Sequence[Path]
) -> Groups | None:
    """What is held out whole, as the first of `folders` that is a data directory with that kind says; None: utterances.

    Where nobody asked, it is speakers, unless the labels are the speakers themselves, or what has labels is of one
    speaker, or no speaker has two utterances: then nobody knew who speaks.
    """
    if asked == UTTERANCE or (asked is None and labels == SPEAKER):
        return None
    kind, utts = asked or SPEAKER, first.utts
    tables = [table for table in (_table(folder, kind) for folder in folders) if table is not None]
    if asked is not None and (utts is None or not tables):
        raise UsageError(
            f"--held-out-by {kind}: nothing says of which {kind} the utterances are",
            why="no data directory that was given has "
            f"{label_table(kind)}, and {first.name} {'does not name' if utts is None else 'names'} its utterances",
            fix=f"add {label_table(kind)} to the data directory, or say --held-out-by {UTTERANCE}",
        )
    if utts is None or not tables:
        return None
    if asked is None:
        spans = second.spans if isinstance(second, LabelFrames) else None
        known = [tables[0].get(utt) for utt in utts if spans is None or utt in spans]
        if not 1 < len(set(known)) < len(known):
            return None
    return Groups(kind, tables[0])


def _table(folder: Path, kind: str) -> Mapping[str, str] | None:
    if not (folder / UTT2SPK).is_file():
        return None
    data = DataDir.open(folder)
    return data.labels(kind) if data.has(label_table(kind)) else None


def _other_side(
    text: str, labels: str | None, rate: Sequence[float], first: Frames, data: Path | None
) -> tuple[Frames, int | None]:
    """Y, and how many classes it has where it is labels."""
    if labels:
        found = kinds_or_phones(DataDir.open(Path(text)), labels, first)
        return found, len(found.names)
    if Path(text).is_file():
        array = load_array(Path(text))
        if array.ndim == 1:
            return array_labels(text, array)
    return open_sources([text], rate, data)[0], None


def _of_models(pairing: Pairing) -> Iterator[GridTask]:
    """Each model's masked pass beside its unmasked one, for every share that is hidden."""
    for name in ("views", "labels", "mask", "future", "rate"):
        if getattr(pairing, name):
            raise UsageError(f"--{name} and --masked do not go together", fix="leave one of them out")
    words = list(dict.fromkeys(expand(pairing.given)))
    models = [model_name(word) for word in words]
    if None in models:
        raise UsageError(
            f"--masked asks models, and {words[models.index(None)]} is none",
            fix="give RUN, RUN:LAYER or RUN@STEP; Y is the model's own unmasked pass",
        )
    return (task for word, named in zip(words, models) if named for task in _masked(pairing, word, named))


def _masked(pairing: Pairing, word: str, named: ModelName) -> Iterator[GridTask]:
    """Tasks of one model and layer, each with another share of its frames hidden."""
    model, data = open_model(named, pairing.data)
    clear = EncoderFrames(word, model, named.layer, data)
    kept = KeptFrames(clear)
    groups = groups_of(pairing.held_out_by, None, clear, clear, [data.folder])
    shares: Sequence[float | None] = pairing.mask_share or [None]
    for share in dict.fromkeys(shares):
        masked = masked_pass(Path(named.model), model, share, pairing.mask_span, pairing.mask_seed)
        hidden = KeptFrames(EncoderFrames(word, model, named.layer, data, masked))
        source = PairSource(hidden, kept, HiddenFrames(clear, masked), groups=groups)
        yield GridTask(word, source, None, masked.masker.config.share)


def open_mask(path: Path | None) -> Frames | None:
    """One number a frame."""
    if path is None:
        return None
    array = load_array(path)
    return ArrayFrames(str(path), (array.view("u1") if array.dtype == bool else array).reshape(len(array), -1))
