"""Stage 1: any corpus becomes data directories, its parts read by several processes.

Everything is made under OUT/.prepare and a split takes its place in OUT as a whole, so that a run that was stopped
leaves nothing that looks finished. Parts of it that were done are used by the next run, where the corpus can tell
that their files are the same.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from pathlib import Path

from masr.corpora.columns import aligned
from masr.corpora.merge import Split, SplitSummary, cures
from masr.corpora.part_job import Job, read_rows, run_part
from masr.corpora.sidecar import read_sidecar
from masr.errors import CorpusError, UsageError
from masr.files import can_be_named
from masr.io.atomic import replace_folder
from masr.io.checksums import sums_path
from masr.io.layout import ARCHIVES, PROBLEMS_TSV
from masr.io.one_writer import only_writer
from masr.io.progress import track
from masr.io.provenance import write_provenance
from masr.io.workers import end_with_parent
from masr.types import Corpus, Part

WORKSHOP = ".prepare"
MAX_BAD = 1.0
MAX_NAME_BYTES = 180
"""What file systems take is 255; prefixes, endings and a random name while it is written are added to it."""


def prepare(
    corpus: Corpus,
    source: Path,
    out: Path,
    max_bad: float = MAX_BAD,
    num_jobs: int = 1,
    shards: bool = False,
    resample: bool = False,
) -> list[SplitSummary]:
    """Writes OUT/<split> for every split of the corpus, and returns what became of each.

    Audio that comes out of archives is kept as int16 shards under OUT/<split>/data; with `shards`, all audio is;
    `resample` implies it and converts other sampling rates instead of refusing them.
    """
    if not 0 <= max_bad <= 1:
        raise UsageError(f"--max-bad {max_bad:g} is no share", fix="give a number between 0 and 1")
    if num_jobs < 1:
        raise UsageError(f"{num_jobs} processes cannot do anything", fix="give --nj 1 or more")
    source, out = Path(source), Path(out)
    read_sidecar(source)
    parts = corpus.parts(source)
    if not parts:
        raise CorpusError(f"{source}: nothing of this corpus is there")
    _require_names(source, parts)
    splits = list(dict.fromkeys(part.split for part in parts))
    with _workshop(out) as workshop:
        jobs = {(part.split, part.name): _job(corpus, part, source, out, workshop, shards, resample) for part in parts}
        waiting = {split: sum(part.split == split for part in parts) for split in splits}
        summaries: dict[str, SplitSummary] = {}
        with closing(_results(_clean(workshop, jobs), num_jobs)) as results:
            for split, _ in track(results, "prepare", len(jobs), "part"):
                waiting[split] -= 1
                if not waiting[split]:
                    mine = [job for job in jobs.values() if job.part.split == split]
                    summaries[split] = _finish(split, mine, out, max_bad)
    return [summaries[split] for split in splits]


def _require_names(source: Path, parts: Sequence[Part]) -> None:
    """CorpusError where a split or a part cannot be a file of its own inside OUT."""
    for name in (name for part in parts for name in (part.split, part.name)):
        if (
            not name
            or name != Path(name).name
            or name.startswith(".")
            or not can_be_named(name)
            or len(name.encode()) > MAX_NAME_BYTES
        ):
            raise CorpusError(
                f"{source}: {name[:60]!r} cannot be the name of a split or of a part of one",
                why=f"files are named by it: at most {MAX_NAME_BYTES} bytes, no folder, no dot in front",
                fix="rename the file or the folder, or the series in metadata.tsv",
            )


def _job(corpus: Corpus, part: Part, source: Path, out: Path, workshop: Path, shards: bool, resample: bool) -> Job:
    return Job(
        corpus=corpus,
        part=part,
        source=source,
        staging=workshop / "splits" / part.split,
        final=out / part.split,
        rows=workshop / "rows" / part.split / f"{part.name}.jsonl",
        shards=shards,
        resample=resample,
    )


def _clean(workshop: Path, jobs: dict[tuple[str, str], Job]) -> list[Job]:
    """The jobs, after what an earlier run left in the workshop was taken away, but for parts that it finished."""
    if len(jobs) != len({(job.rows, job.shard) for job in jobs.values()}):
        raise ValueError("a corpus named two parts of a split alike")
    done = {path for job in jobs.values() if job.done() for path in (job.rows, job.shard, sums_path(job.shard))}
    for path in [p for p in workshop.rglob("*") if p.is_file() and p.name != "lock"]:
        if path not in done:
            path.unlink()
    return list(jobs.values())


def _results(jobs: Sequence[Job], num_jobs: int) -> Generator[tuple[str, str]]:
    """(split, part) of each job as it ends; one job or one process needs no pool."""
    todo = [job for job in jobs if not job.done()]
    yield from ((job.part.split, job.part.name) for job in jobs if job not in todo)
    if num_jobs == 1 or len(todo) < 2:
        yield from map(run_part, todo)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(num_jobs, len(todo)), mp_context=context, initializer=end_with_parent)
    try:
        futures: list[Future[tuple[str, str]]] = [pool.submit(run_part, job) for job in todo]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        raise CorpusError(
            "a worker process was ended from outside",
            why="most often the machine had no memory left",
            fix="run the same command again, with a smaller --nj: parts that were done are kept where possible",
        ) from None
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finish(split: str, jobs: Sequence[Job], out: Path, max_bad: float) -> SplitSummary:
    """Merges a split's parts, in their order, and puts the directory in its place."""
    merged = Split(split)
    for job in jobs:
        merged.add(read_rows(job.rows))
    merged.settle()
    merged.check(max_bad, out / f"{split}.{PROBLEMS_TSV}")
    staging, final = jobs[0].staging, jobs[0].final
    _keep_only(staging, {path for job in jobs for path in (job.shard, sums_path(job.shard))})
    notes = merged.write(staging)
    summary = merged.summary(notes)
    write_provenance(
        staging,
        getattr(jobs[0].corpus, "config", None),
        source=str(jobs[0].source.absolute()),
        parts=len(jobs),
        utterances=summary.num_utterances,
        problems=dict(summary.problems.most_common()),
    )
    replace_folder(staging, final, staging.with_name(f"{split}.old"))
    shutil.rmtree(jobs[0].rows.parent)
    return summary


def _keep_only(staging: Path, shards: set[Path]) -> None:
    staging.mkdir(parents=True, exist_ok=True)
    for path in (staging / ARCHIVES).glob("*"):
        if path not in shards:
            path.unlink()
    if (staging / ARCHIVES).is_dir() and not any((staging / ARCHIVES).iterdir()):
        (staging / ARCHIVES).rmdir()


@contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """OUT/.prepare, locked against a second run; it goes away when all is done."""
    folder = out / WORKSHOP
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lock").touch()
    except OSError as error:
        raise CorpusError(f"{out}: cannot be written to: {error.strerror}", fix="choose another folder") from None
    busy = CorpusError(f"another `masr prepare` is writing to {out}", fix="wait for it, or give another folder")
    with only_writer(folder / "lock", busy):
        yield folder
        shutil.rmtree(folder)


def table(summaries: Sequence[SplitSummary]) -> str:
    """The closing table: split, utterances, speakers, hours, and what was left out."""
    head = ("split", "utterances", "speakers", "hours", "left out", "because")
    rows = [head]
    for s in summaries:
        reasons = ", ".join(f"{count} x {kind}" for kind, count in s.problems.most_common(4))
        hours = f"{s.duration_sec / 3600:.2f}"
        rows.append((s.split, f"{s.num_utterances}", f"{s.num_speakers}", hours, f"{s.problems.total()}", reasons))
    lines = [aligned(rows)]
    lines += [f"note: {s.split}: {note}" for s in summaries for note in s.notes]
    lines += [f"note: {cure}" for cure in cures(sum((s.problems for s in summaries), start=Counter[str]()))]
    return "\n".join(lines)
