"""What the commands of a recipe's stages read, and whether their --inputs see it change."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from masr.errors import ArchiveError
from masr.io.identity import identity

NO_CONTENT = ("provenance.json", "problems.tsv", "digests.json")
"""Records that are no content of what they lie beside; weights that do not fit their digests are refused."""
FOLDERS = ("data", "exp", "conf", "corpus", "tables")
MANY = 8
"""Where one folder has so many files of one kind, only the first and the last are changed on trial."""


@dataclass
class Stage:
    """One `stage` line of run.sh, and the files that all processes of its command have opened."""

    name: str
    inputs: list[Path]
    outputs: list[Path]
    reads: set[Path] = field(default_factory=set)
    writes: set[Path] = field(default_factory=set)


def stages_of(recipe: Path, traces: Path) -> list[Stage]:
    """What each stage read, by the traces of forked.py; `recipe` is the folder of run.sh."""
    found: dict[str, Stage] = {}
    for trace in sorted(traces.glob("*.trace")):
        head, *lines = trace.read_text().splitlines()
        folder, words = json.loads(head)
        if folder != str(recipe):
            continue
        stage = found.setdefault(
            json.dumps(words),
            Stage(" ".join(words[:2]), paths_behind("--inputs", words), paths_behind("--outputs", words)),
        )
        for line in lines:
            kind, _, path = line.partition("\t")
            (stage.reads if kind == "r" else stage.writes).add(Path(json.loads(path)))
    return list(found.values())


def paths_behind(option: str, words: list[str]) -> list[Path]:
    """The paths behind --inputs or --outputs."""
    own = words[: words.index("--")]
    behind = own[own.index(option) + 1 :] if option in own else []
    end = next((n for n, word in enumerate(behind) if word.startswith("--")), len(behind))
    return [Path(word) for word in behind[:end]]


def read_from_before(stage: Stage, recipe: Path) -> list[Path]:
    """Files of the recipes, and of a corpus elsewhere, that were there before the stage; a few of each kind."""
    kinds: dict[tuple[Path, str], list[Path]] = {}
    folders = {parent for path in (*stage.reads, *stage.writes) for parent in path.parents}  # flushed, not read
    for path in sorted(stage.reads):
        places = path.relative_to(recipe.parent).parts[1:2] if recipe.parent in path.parents else ()
        hidden = any(part.startswith(".") for part in path.parts)
        outputs = {recipe / output for output in stage.outputs}  # of an earlier run, that this one goes on with
        own = path in stage.writes or not (stage.writes | outputs).isdisjoint((path, *path.parents))
        if places and places[0] in FOLDERS and not hidden and not own and path not in folders:
            kinds.setdefault((path.parent, path.suffix), []).append(path)
    files = [path for same in kinds.values() for path in (same if len(same) < MANY else same[:: len(same) - 1])]
    return [path for path in files if path.name not in NO_CONTENT]


def unseen(stage: Stage, recipe: Path) -> Iterator[Path]:
    """What the stage reads and could change without that any of its --inputs shows it."""
    before = Path.cwd()
    os.chdir(recipe)
    try:
        now = {path: identity(path) for path in stage.inputs}
        for file in read_from_before(stage, recipe):
            status, content = file.stat(), file.read_bytes()
            file.write_bytes(bytes([(content or b"\0")[0] ^ 1]) + content[1:])
            try:
                nearest = sorted(stage.inputs, key=lambda path: recipe / path not in (file, *file.parents))
                if not any(_changed(path, now[path]) for path in nearest):
                    yield file.relative_to(recipe.parent)
            finally:
                file.write_bytes(content)
                os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.chdir(before)


def _changed(path: Path, then: str) -> bool:
    """Whether it is another than it was, or no longer what its own checksums say."""
    try:
        return identity(path) != then
    except ArchiveError:
        return True
