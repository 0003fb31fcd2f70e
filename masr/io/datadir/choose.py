"""Which utterances of a data directory: by list, label, length or number."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from masr.errors import DataError, near
from masr.io.datadir.directory import DataDir
from masr.io.layout import SEGMENTS, UTT2DUR

_LIST = "`masr data validate` lists lines that cannot be"

How = Literal["random", "first", "last", "shortest", "each", "surest"]


@dataclass(frozen=True)
class Choice:
    """What is asked for: filters, which apply together, and then how many of what is left."""

    utts: Collection[str] | None = None
    speakers: Collection[str] | None = None
    keep: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Kind -> labels; utterances with one of them are kept."""
    drop: Mapping[str, Collection[str]] = field(default_factory=dict)
    min_sec: float = 0.0
    max_sec: float = math.inf
    num: int | None = None
    how: How = "random"
    """Which `num` of them; `each` takes at most so many of every label of `kind`."""
    kind: str = "spk"
    seed: int = 0
    share: float | None = None
    """In place of `num`: so much of the filtered utterances' time, at most, as a share of it."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Utterance -> what `surest` takes the greatest of first."""


def choose(source: DataDir, choice: Choice) -> list[str]:
    """The utterances that a choice asks for; DataError where it names what is not there."""
    utts = list(source.utts)
    if choice.utts is not None:
        _refuse_unknown(source, choice.utts, set(utts), "utterance")
        wanted = set(choice.utts)
        utts = [utt for utt in utts if utt in wanted]
    if choice.speakers is not None:
        utts = with_labels(source, utts, "spk", choice.speakers)
    for kind, labels in choice.keep.items():
        utts = with_labels(source, utts, kind, labels)
    for kind, labels in choice.drop.items():
        utts = with_labels(source, utts, kind, labels, keep=False)
    if choice.min_sec > 0 or choice.max_sec < math.inf:
        utts = of_length(source, utts, choice.min_sec, choice.max_sec)
    if choice.share is not None:
        return _of_share(source, utts, choice, choice.share)
    return utts if choice.num is None else _some(source, utts, choice, choice.num)


def _of_share(source: DataDir, utts: list[str], choice: Choice, share: float) -> list[str]:
    """The first utterances, in the choice's order, that together last no longer than the share; at least one."""
    if not 0 < share <= 1:
        raise DataError(f"{share:g} is no share", fix="give a number above 0 and at most 1")
    seconds = durations(source)
    ordered = surest_first(utts, choice) if choice.how == "surest" else in_random_order(utts, choice.seed)
    limit, taken, found = share * sum(seconds[utt] for utt in utts) + 1e-6, 0.0, []
    for utt in ordered:
        taken += seconds[utt]
        if taken > limit:
            break
        found.append(utt)
    return found or ordered[:1]


def surest_first(utts: Iterable[str], choice: Choice) -> list[str]:
    """By falling score; equals by the draw of the seed."""
    return sorted(in_random_order(utts, choice.seed), key=lambda utt: -choice.scores[utt])


def _some(source: DataDir, utts: list[str], choice: Choice, num: int) -> list[str]:
    if num < 1:
        raise DataError(f"{num} utterances cannot be chosen", fix="ask for 1 or more")
    if choice.how == "each":
        return per_label(source, utts, choice.kind, num, choice.seed)
    if num > len(utts):
        raise DataError(f"{num} utterances asked for, {len(utts)} are there", fix="ask for fewer, or filter less")
    if choice.how == "shortest":
        seconds = durations(source)
        utts = sorted(utts, key=lambda utt: (seconds[utt], utt))
    elif choice.how == "surest":
        utts = surest_first(utts, choice)
    elif choice.how == "random":
        utts = in_random_order(utts, choice.seed)
    return utts[-num:] if choice.how == "last" else utts[:num]


def in_random_order(utts: Iterable[str], seed: int) -> list[str]:
    """The ids shuffled by seed; an id's place does not depend on the others, so that a smaller draw is in a larger."""

    def draw(utt: str) -> bytes:
        return hashlib.blake2b(f"{seed} {utt}".encode(), digest_size=8).digest()

    return sorted(sorted(utts), key=draw)


def with_labels(
    source: DataDir, utts: Iterable[str], kind: str, labels: Collection[str], keep: bool = True
) -> list[str]:
    """The utterances that have (or, with keep=False, do not have) one of the labels; an unknown label is an error."""
    label_of = dict(source.labels(kind).items())
    _refuse_unknown(source, labels, set(label_of.values()), "speaker" if kind == "spk" else kind)
    wanted = set(labels)
    return [utt for utt in utts if (label_of.get(utt) in wanted) == keep]


def per_label(source: DataDir, utts: Iterable[str], kind: str, num: int, seed: int = 0) -> list[str]:
    """At most `num` utterances of each label, drawn by seed."""
    label_of = dict(source.labels(kind).items())
    groups: dict[str, list[str]] = defaultdict(list)
    for utt in utts:
        if utt in label_of:
            groups[label_of[utt]].append(utt)
    return [utt for group in groups.values() for utt in in_random_order(group, seed)[:num]]


def of_length(source: DataDir, utts: Iterable[str], min_sec: float = 0.0, max_sec: float = math.inf) -> list[str]:
    """The utterances of `min_sec` to `max_sec` seconds."""
    seconds = durations(source)
    return [utt for utt in utts if min_sec <= seconds[utt] <= max_sec]


def durations(source: DataDir) -> dict[str, float]:
    """Seconds of every utterance: utt2dur, or what segments say; DataError where neither is there."""
    if source.has(UTT2DUR):
        table = source.table(UTT2DUR)
        seconds = dict(zip(table, table.numbers().tolist()))
    elif source.has(SEGMENTS):
        seconds = {utt: _segment_sec(utt, value, source) for utt, value in source.table(SEGMENTS).items()}
    else:
        raise DataError(f"{source.folder} does not say how long its utterances are", fix="it has no utt2dur: write it")
    missing = next((utt for utt in source.utts if utt not in seconds), None)
    if missing is not None:
        raise DataError(f"{source.folder} does not say how long {missing} is", fix="`masr data fix` drops it")
    if not math.isfinite(sum(seconds.values())):
        raise DataError(f"{source.folder}: its utterances are longer together than any number", fix=_LIST)
    return seconds


def _segment_sec(utt: str, value: str, source: DataDir) -> float:
    try:
        _, start, end = value.split()
        length_sec = float(end) - float(start)
        if not math.isfinite(length_sec):
            raise ValueError("a time is not finite")
        return length_sec
    except ValueError:
        raise DataError(
            f"{source.folder / SEGMENTS}: {utt}: not a recording, a start and an end: {value!r}",
            fix=f"`masr data validate {source.folder}` lists every such line",
        ) from None


def _refuse_unknown(source: DataDir, wanted: Collection[str], known: Collection[str], what: str) -> None:
    unknown = sorted(name for name in wanted if name not in known)
    if unknown:
        more = f", nor {len(unknown) - 1} others that were asked for" if len(unknown) > 1 else ""
        fix = near(unknown[0], known) if len(known) < 100_000 else "look into its tables"
        raise DataError(f"{source.folder} has no {what} {unknown[0]}{more}", fix=fix)
