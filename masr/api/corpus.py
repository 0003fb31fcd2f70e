"""`masr corpus` as a function: an embedded corpus is built, a folder is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.config import loads
from masr.corpora.check import check
from masr.errors import UsageError, near
from masr.io.provenance import write_provenance
from masr.plugins import names, open_plugin
from masr.synth.build import build_corpus

SIZES = ("mini", "large")
"""Sizes that every embedded corpus has; a plug-in's own `SIZES` come beside them."""


@dataclass(frozen=True)
class Options:
    """Which corpus; each is an argument or option of `masr corpus`."""

    name: str
    source: str
    """A size of the embedded corpus, or a folder."""
    out: Path | None
    hours: float | None
    seed: int | None
    nj: int
    set: Sequence[str]


def build_or_check(options: Options) -> str:
    """What was built, or what the folder holds, to be printed."""
    return _build(options) if options.source in sizes_of(options.name) else _check(options)


def sizes_of(name: str) -> dict[str, tuple[str, ...]]:
    """The sizes of the embedded corpus, each with its changes to the plug-in's Config."""
    own = getattr(open_plugin("synth", name), "SIZES", {}) if name in names("synth") else {}
    return {**dict.fromkeys(SIZES, ()), **own}


def _check(options: Options) -> str:
    if options.name not in names("corpora"):
        raise UsageError(f"there is no corpus {options.name!r}", fix=near(options.name, names("corpora")))
    if options.out or (given := _given(options)):
        what, sizes = options.out or f"--{given[0].partition('=')[0]}", list(sizes_of(options.name))
        raise UsageError(
            f"{what}: a corpus on disk is only checked, not built",
            why=f"{options.source!r} is none of {', '.join(sizes)}, so it is taken for a folder",
            fix=f"leave it out, or write {' or '.join(sizes)}",
        )
    module = open_plugin("corpora", options.name)
    corpus = module.build(loads(module.Config, "", "<command line>", options.set))
    return str(check(corpus, Path(options.source)))


def _build(options: Options) -> str:
    name, source = options.name, options.source
    if name not in names("synth"):
        raise UsageError(f"no embedded corpus {name!r}", fix=near(name, names("synth")))
    if options.out is None:
        raise UsageError(f"{source}: where to?", fix=f"masr corpus {name} {source} OUT")
    if source == "large" and options.hours is None:
        raise UsageError("large: how many hours?", fix="add --hours, say --hours 10")
    if options.nj < 1:
        raise UsageError(f"--nj {options.nj}: at least one process is needed")
    module = open_plugin("synth", name)
    changes = [*sizes_of(name)[source], *_given(options), *options.set]
    config = loads(module.Config, "", "<command line>", changes)
    if build_corpus(name, module.build(config), config, options.out, options.nj):
        write_provenance(options.out, config)
        return f"{options.out}: embedded {name}, spoken by eSpeak NG"
    return f"{options.out}: embedded {name} is there already, from the same configuration"


def _given(options: Options) -> list[str]:
    """The options that change one key of the plug-in's Config, as its keys."""
    return [f"{key}={value}" for key in ("hours", "seed") if (value := getattr(options, key)) is not None]
