"""A copy of a data directory in which stretches of each utterance are noise, music or silence: frames worth nothing.

It is a copy and not done in batches, so that the scorer of a data directory has heard the very audio that is
pre-trained on. corrupted.ctm says which stretches they are, and goes along with subset, split and combine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from masr.data.other_sounds import OtherSounds
from masr.data.samples import Samples
from masr.data.stretches import KINDS, Plan, Stretch, stretches
from masr.errors import DataError, UsageError
from masr.io.audio import SAMPLE_RATE, to_int16
from masr.io.datadir import DataDir, DataDirWriter
from masr.io.datadir.select import refuse_same
from masr.io.datadir.tables import keyed_by
from masr.io.layout import (
    ARCHIVES,
    CORRUPTED_CTM,
    SEGMENTS,
    SPK2UTT,
    UTT2DUR,
    UTT2NUM_FRAMES,
    UTT2SPK,
    WAV_SCP,
)
from masr.io.progress import track
from masr.io.shards import ShardWriter
from masr.maths.keyed_random import combine, places_of, uniform
from masr.types import FloatArray

_LEVEL = 87
_FADE_SEC = 0.01
_QUIETEST = 1e-3
"""Speech that is quieter than this counts as if it were so loud: a stretch of noise in silence is still noise."""


@dataclass(frozen=True)
class Corruption:
    """Where other sounds are, how loud, and from where."""

    plan: Plan = Plan()
    level_db: tuple[float, float] = (-5.0, 5.0)
    """Noise and music beside the utterance as a whole: at least, at most."""
    overlay: bool = False
    """Whether speech goes on under them."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Data directories of noise and of music; what is not there is made."""

    def __post_init__(self) -> None:
        low, high = self.level_db
        if not -60 < low <= high < 60:
            raise UsageError(f"--level-db {low:g},{high:g}: levels lie between -60 and 60 dB, the smaller first")
        named = [kind for kind, _ in self.plan.kinds]
        if self.overlay and "silence" in named:
            raise UsageError(
                "--overlay lays sounds over speech, and silence over speech is speech",
                why="corrupted.ctm would name stretches that are as they were",
                fix="--kinds noise,music",
            )
        unused = [kind for kind in self.folders if kind not in named]
        if unused:
            raise UsageError(f"--{unused[0]} names a folder, and --kinds has no {unused[0]}", fix="name it in --kinds")


def kinds_of(words: list[str]) -> tuple[tuple[str, float], ...]:
    """noise=2, silence -> (("noise", 2.0), ("silence", 1.0))."""
    found = []
    for word in words:
        name, _, share = word.partition("=")
        try:
            found.append((name, float(share or 1)))
        except ValueError:
            raise UsageError(f"--kinds {word} is not KIND=SHARE", fix=f"as {KINDS[0]}=2,{KINDS[1]}=1") from None
    return tuple(found)


def corrupt(source: DataDir, out: Path, config: Corruption) -> DataDir:
    """Writes OUT: the same utterances with new audio, their words, speakers and labels, and corrupted.ctm."""
    refuse_same(out, [source.folder])
    if source.has(CORRUPTED_CTM):
        raise DataError(
            f"{source.folder} is corrupted already: it has {CORRUPTED_CTM}",
            why="a second time would leave no list of all that is not speech",
            fix="corrupt the directory that it was made of",
        )
    samples = Samples(source, SAMPLE_RATE)
    sounds = OtherSounds(SAMPLE_RATE, config.folders)
    kept = [name for name in source.tables() if _is_kept(name)]
    made = {WAV_SCP, UTT2DUR, CORRUPTED_CTM}
    writer = DataDirWriter(out, [*kept, *made])
    tables: dict[str, dict[str, str]] = {name: {} for name in made}
    folder = Path(out) / ARCHIVES
    folder.mkdir(parents=True, exist_ok=True)
    with ShardWriter(folder / "corrupted.ark", SAMPLE_RATE) as shard:
        for place, utt in enumerate(track(source.utts, f"corrupt {source.folder.name}", len(source), unit="utt")):
            heard = samples.read(place, 0, int(samples.num_samples[place]))
            where = stretches(utt, len(heard), SAMPLE_RATE, config.plan)
            entry, count = shard.append(utt, to_int16(corrupted(heard, utt, where, sounds, config)))
            tables[WAV_SCP][utt] = entry
            tables[UTT2DUR][utt] = f"{count / SAMPLE_RATE:.6f}"
            tables[CORRUPTED_CTM][utt] = "\n".join(_line(stretch) for stretch in where)
    for name in kept:
        if name not in (UTT2SPK, SPK2UTT):
            writer.add(name, source.table(name))
    for name in made:
        writer.add(name, tables[name])
    writer.finish(dict(source.table(UTT2SPK).items()))
    return DataDir.open(out)


def corrupted(
    speech: FloatArray, utt: str, where: list[Stretch], sounds: OtherSounds, config: Corruption
) -> FloatArray:
    """(S,) with other sounds in these stretches; elsewhere as it was, unless a peak asks for less of the whole."""
    power = max(float(np.sqrt(np.mean(np.square(speech, dtype=np.float64)))), _QUIETEST)
    place, found = places_of([utt]), np.array(speech, dtype=np.float32)
    for number, (first, last, kind) in enumerate(where, 1):
        key = combine(config.plan.seed, number, place)
        low, high = config.level_db
        drawn_db = low + (high - low) * float(uniform(key, 1, _LEVEL)[0, 0])
        level = power * 10 ** (sounds.level_db(kind, drawn_db) / 20)
        fade = _fade(last - first)
        under = found[first:last] if config.overlay else found[first:last] * (1 - fade)
        found[first:last] = under + fade * level * sounds.sound(kind, utt, key, last - first)
    return found / max(1.0, float(np.abs(found).max(initial=0.0)))


def _fade(size: int) -> FloatArray:
    """(S,) from 0 up to 1 and down again, within a hundredth of a second at both ends."""
    width = max(1, min(round(_FADE_SEC * SAMPLE_RATE), size // 2))
    near = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.minimum(near / width, 1.0)), dtype=np.float32)


def _is_kept(name: str) -> bool:
    """Whether a table says the same of the new audio: not where it lies, what was made of it, or of recordings."""
    is_of_audio = name.endswith(".scp") or name in (SEGMENTS, UTT2DUR, UTT2NUM_FRAMES, CORRUPTED_CTM)
    return not is_of_audio and keyed_by(name) != "recording"


def _line(stretch: Stretch) -> str:
    start, length = stretch.first / SAMPLE_RATE, (stretch.last - stretch.first) / SAMPLE_RATE
    return f"1 {start:.6f} {length:.6f} {stretch.kind}"


def render(out: DataDir) -> str:
    """How much of a corrupted directory is what, in a few words."""
    seconds = float(out.table(UTT2DUR).numbers().sum())
    by_kind: dict[str, float] = {}
    for lines in out.table(CORRUPTED_CTM).values():
        for line in filter(None, lines.split("\n")):
            _, _, length, kind = line.split()
            by_kind[kind] = by_kind.get(kind, 0.0) + float(length)
    parts = ", ".join(f"{kind} {100 * by_kind[kind] / seconds:.1f} %" for kind in sorted(by_kind))
    return f"{out.folder}: {len(out)} utterances, {seconds / 60:.1f} minutes; {parts} (see {CORRUPTED_CTM})"
