"""Makes an embedded corpus: its jobs in parallel processes, the whole under its final name only when it is whole.

The jobs work in a folder beside the target, which keeps what is done when a build is stopped, so that the next call
goes on from there. The finished corpus carries a marker that says what it was made from: the same request again
finds it and does nothing, any other makes it anew.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from masr.config import to_dict
from masr.errors import CorpusError
from masr.files import parse_json
from masr.io.atomic import atomic_write, replace_folder
from masr.io.identity import digest, digest_of_file
from masr.io.layout import MARKER
from masr.io.one_writer import only_writer
from masr.io.progress import track
from masr.io.workers import end_with_parent
from masr.types import EmbeddedCorpus

_PACKAGES = ("espeakng-loader", "soxr", "numpy", "scipy", "soundfile")
"""What the bytes of a corpus depend on beside our own code."""


def build_corpus(name: str, corpus: EmbeddedCorpus, config: Any, out: Path, num_jobs: int = 1) -> bool:
    """Writes `corpus` to `out`; False where the very same corpus lies there already.

    `name` and `config` are what the marker records. A corpus made from anything else is replaced, once the new one
    is whole; a folder that no build wrote is refused.
    """
    request = describe(name, corpus, config)
    out = Path(out).absolute()
    marker = read_marker(out)
    if marker == request:
        return False
    _refuse_foreign(out, marker)
    work = out.with_name(f".{out.name}.{digest(request)[:12]}.building")
    _drop_other_builds(out, work)
    work.mkdir(parents=True, exist_ok=True)
    with _lock(work):
        _run_jobs(name, corpus, work, num_jobs)
        corpus.finish(work)
        shutil.rmtree(_done_folder(work))
        atomic_write(work / MARKER, json.dumps(request, indent=2, ensure_ascii=False) + "\n")
        _take_place(work, out)
    return True


def describe(name: str, corpus: EmbeddedCorpus, config: Any) -> dict[str, Any]:
    """Everything that the bytes of a corpus depend on, as JSON holds it."""
    request = {
        "corpus": name,
        "config": to_dict(config),
        "code": code_digest(corpus),
        "packages": {package: _version(package) for package in _PACKAGES},
    }
    plain: dict[str, Any] = parse_json(json.dumps(request))
    return plain


def read_marker(out: Path) -> dict[str, Any] | None:
    """What a finished corpus was made from; None where no build has ended."""
    try:
        marker = parse_json((Path(out) / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def code_digest(corpus: EmbeddedCorpus) -> str:
    """A digest of the plug-in's own file and of what the room shares, but not of the other plug-ins."""
    own = Path(inspect.getfile(type(corpus)))
    found = {"own": digest_of_file(own)}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        source = path.read_bytes()
        if path != own and path != Path(__file__) and b"\ndef build(" not in source:
            found[path.name] = digest_of_file(path)
    return digest(found)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _refuse_foreign(out: Path, marker: dict[str, Any] | None) -> None:
    """CorpusError where no build wrote the folder: then it is not ours to replace."""
    if out.exists() and marker is None and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(
            f"{out} exists and is not an embedded corpus",
            why="it holds files that no build of this program wrote",
            fix="name another folder, or remove this one yourself",
        )


def _drop_other_builds(out: Path, work: Path) -> None:
    """Removes unfinished builds of the same folder from another config or other code: they are of no use any more."""
    if not out.parent.is_dir():
        return
    for path in out.parent.iterdir():
        if path == work or not path.name.startswith(f".{out.name}.") or path.suffix != ".building":
            continue
        try:
            with _lock(path):
                shutil.rmtree(path)
        except CorpusError:
            continue


def _lock(work: Path) -> AbstractContextManager[None]:
    """Holds the folder, so that a second builder, which would write over the first, is refused."""
    busy = CorpusError(
        f"{work} is being written by another process",
        why="the same corpus is being built twice at the same time",
        fix="wait for the other build to end, or give another folder",
    )
    return only_writer(work / ".lock", busy)


def _done_folder(work: Path) -> Path:
    return work / ".done"


def _run_jobs(name: str, corpus: EmbeddedCorpus, work: Path, num_jobs: int) -> None:
    """Makes what is not made yet, with a bar that knows how much is left."""
    jobs = corpus.jobs()
    if len(set(jobs)) != len(jobs):
        raise ValueError(f"the jobs of {name} do not have distinct names")
    done = _done_folder(work)
    done.mkdir(exist_ok=True)
    left = [job for job in jobs if not (done / _safe(job)).exists()]
    ended = _in_process(corpus, left, work) if num_jobs <= 1 else _in_processes(corpus, left, work, num_jobs)
    for job in track(ended, f"embedded {name}", total=len(left), unit="job"):
        (done / _safe(job)).touch()


def _safe(job: str) -> str:
    return job.replace("/", "%2F")


def _in_process(corpus: EmbeddedCorpus, jobs: list[str], work: Path) -> Iterator[str]:
    for job in jobs:
        corpus.make(job, work)
        yield job


def _in_processes(corpus: EmbeddedCorpus, jobs: list[str], work: Path, num_jobs: int) -> Iterator[str]:
    """Jobs in the order they end.

    Workers are spawned, not forked: a fork would share its parent's pipes to eSpeak NG, and answers would mix.
    """
    pool = ProcessPoolExecutor(
        max_workers=max(1, min(num_jobs, len(jobs))),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_set_corpus,
        initargs=(corpus, work),
    )
    try:
        futures = {pool.submit(_make, job): job for job in jobs}
        for future in as_completed(futures):
            future.result()
            yield futures.pop(future)
    except BrokenProcessPool:
        raise CorpusError(
            "a process that was building the corpus was killed",
            why="most often the machine ran out of memory",
            fix="run it again with a smaller --nj; what is done is kept",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_current: list[tuple[EmbeddedCorpus, Path]] = []


def _set_corpus(corpus: EmbeddedCorpus, work: Path) -> None:
    end_with_parent()
    _current[:] = [(corpus, work)]


def _make(job: str) -> None:
    corpus, work = _current[0]
    corpus.make(job, work)


def _take_place(work: Path, out: Path) -> None:
    """The finished folder takes its name; what stood there before goes only then."""
    (work / ".lock").unlink()
    replace_folder(work, out, out.with_name(f".{out.name}.replaced.building"))
