"""Valid inputs, broken: each a function of the seeds, the words of the format and a source of random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from random import Random

from fuzz.case import Content, Files, Odd
from fuzz.containers import inside
from fuzz.octets import changed_octets
from fuzz.words import changed_text

_MOST_CHANGES = 10
MOST_BYTES = 1 << 21


def input_of(seeds: Sequence[Files], words: Sequence[str], name: str, seed: int, index: int) -> Files:
    """The index-th input of a target: the same for the same seed, whatever ran before."""
    return mutated(seeds, words, Random(f"{name} {seed} {index}"))


def mutated(seeds: Sequence[Files], words: Sequence[str], random: Random) -> Files:
    """One of the seeds with a few changes, most often to one of its files."""
    files = dict(random.choice(seeds))
    others = random.choice(seeds)
    name = _pick(files, random)
    for _ in range(min(1 + int(random.expovariate(0.8)), _MOST_CHANGES)):
        if random.random() < 0.04:
            _change_tree(files, random)
            continue
        if name not in files or random.random() < 0.3:
            name = _pick(files, random)
        content = files.get(name)
        if isinstance(content, bytes):
            donor = others.get(name, content)
            files[name] = changed(content, donor if isinstance(donor, bytes) else b"", words, random)
    return files


def changed(content: bytes, donor: bytes, words: Sequence[str], random: Random, depth: int = 0) -> bytes:
    """A file with one change; what is compressed or has checksums is opened, changed inside and closed again."""
    found = None
    if depth < 3 and random.random() < 0.8:
        found = inside(content, lambda inner: changed(inner, b"", words, random, depth + 1), random)
    if found is None:
        if _is_text(content) and random.random() < 0.85:
            found = changed_text(content, donor, words, random)
        else:
            found = changed_octets(content, donor, random)
    return found[:MOST_BYTES]


def _is_text(content: bytes) -> bool:
    return b"\0" not in content[:4096]


def _pick(files: Files, random: Random) -> str:
    """The name of a file; each kind of file as often as any other, however many there are of it."""
    names = sorted(name for name, content in files.items() if isinstance(content, bytes))
    if not names:
        return ""
    kinds = sorted({PurePosixPath(name).suffix for name in names})
    kind = random.choice(kinds)
    return random.choice([name for name in names if PurePosixPath(name).suffix == kind])


def _change_tree(files: dict[str, Content], random: Random) -> None:
    """A file goes away, is empty, takes another's place or name, or is no file."""
    if not files:
        return
    names = sorted(files)
    name, other = random.choice(names), random.choice(names)
    kind = random.randrange(6)
    if kind == 0:
        del files[name]
    elif kind == 1:
        files[name] = b""
    elif kind == 2:
        files[name] = files[other]
    elif kind == 3:
        path = PurePosixPath(name)
        strange = random.choice(
            ["\u0000"[:0] + "a b", "ü\u0301", "-", "x" * 200, ".hidden", "new\nline", "tab\t", "%s"]
        )
        renamed = path.with_name(strange + path.suffix).as_posix()
        if renamed not in files:
            files[renamed] = files.pop(name)
    else:
        files[name] = random.choice(list(Odd))
    for place in [p for p in files if any(str(above) in files for above in PurePosixPath(p).parents)]:
        files.pop(place, None)
