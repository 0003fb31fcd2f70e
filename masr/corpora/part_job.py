"""One part of a corpus, in a process of its own: its utterances become rows on disk, its archived audio a shard."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.corpora.check_utterance import Admission, UtteranceRow
from masr.corpora.sidecar import NAME, read_sidecar
from masr.errors import CorpusError
from masr.files import parse_json
from masr.io.atomic import atomic_open
from masr.io.identity import digest, stat_state
from masr.io.layout import ARCHIVES
from masr.io.provenance import loaded_commit
from masr.io.shards import ShardWriter
from masr.types import Corpus, Part, Problem


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know."""

    corpus: Corpus
    part: Part
    source: Path
    staging: Path
    """The split's folder while it is being made."""
    final: Path
    """Where that folder will lie."""
    rows: Path
    """The file of the part's rows and problems."""
    shards: bool
    resample: bool

    @property
    def shard(self) -> Path:
        """The file of the part's audio, where audio has to be kept."""
        return self.staging / ARCHIVES / f"wav.{self.part.name}.ark"

    @property
    def final_shard(self) -> Path:
        """Where the part's audio will lie at the end, as wav.scp names it."""
        return self.final / ARCHIVES / self.shard.name

    def fingerprint(self) -> str:
        """Changes with whatever the part's rows depend on; empty where the corpus cannot say what that is.

        A corpus can, that has `inputs(part)`: the files that a part is read from.
        """
        inputs = getattr(self.corpus, "inputs", None)
        if inputs is None:
            return ""
        files = [*inputs(self.part), self.source / NAME]
        stats = [(str(path), stat_state(path)) for path in files]
        return digest(
            [repr(self.corpus), stats, self.shards, self.resample, str(self.final.absolute()), loaded_commit()]
        )

    def done(self) -> bool:
        """Whether an earlier run that was stopped has finished this very part."""
        wanted = self.fingerprint()
        if not wanted or not self.rows.is_file():
            return False
        with self.rows.open(encoding="utf-8") as stream:
            head = parse_json(stream.readline())
        return bool(head["fingerprint"] == wanted and (self.shard.is_file() or not head["shard"]))


def run_part(job: Job) -> tuple[str, str]:
    """Reads and checks one part; its rows appear as a whole. Returns (split, part)."""
    fingerprint = job.fingerprint()
    job.rows.parent.mkdir(parents=True, exist_ok=True)
    lines = job.rows.with_name(job.rows.name + ".lines")
    try:
        with (
            ShardWriter(job.shard, named=job.final_shard) as shard,
            lines.open("w", encoding="utf-8") as stream,
        ):
            admission = Admission(shard, read_sidecar(job.source), job.shards, job.resample)
            spoilt: Problem | None = None
            for item in job.corpus.read(job.part):
                row = item if isinstance(item, Problem) else admission.row(item)
                spoilt = row if isinstance(row, Problem) and row.spoils_part else spoilt
                stream.write(json.dumps(_as_json(row), ensure_ascii=True) + "\n")
            if spoilt:
                shard.discard()
        with atomic_open(job.rows) as stream, lines.open(encoding="utf-8") as written:
            stream.write(json.dumps({"fingerprint": fingerprint, "shard": shard.num_utterances > 0}) + "\n")
            stream.writelines(_left_out(written, spoilt) if spoilt else written)
    except OSError as error:
        raise CorpusError(
            f"{job.part.source}: {error}", fix="see that it can be read, and that the disk is not full"
        ) from None
    finally:
        lines.unlink(missing_ok=True)
    return job.part.split, job.part.name


def read_rows(path: Path) -> Iterator[UtteranceRow | Problem]:
    """The rows and problems that `run_part` wrote."""
    with path.open(encoding="utf-8") as stream:
        next(stream)
        for line in stream:
            values = parse_json(line)
            if "reason" in values:
                yield Problem(**values)
            else:
                values["phones"] = tuple((label, start, length) for label, start, length in values.get("phones", ()))
                yield UtteranceRow(**values)


def _left_out(lines: Iterable[str], spoilt: Problem) -> Iterator[str]:
    """The lines with a problem in place of every row."""
    for line in lines:
        values = parse_json(line)
        if "reason" not in values:
            problem = Problem(f"{values['utt']} ({spoilt.where})", spoilt.reason)
            line = json.dumps(_as_json(problem), ensure_ascii=True) + "\n"
        yield line


def _as_json(row: UtteranceRow | Problem) -> dict[str, Any]:
    """The fields of a row or a problem, without those at their default: rows are held by the million."""
    fields = {}
    for f in dataclasses.fields(row):
        value = getattr(row, f.name)
        if value is not None and value is not False and value not in ({}, ()):
            fields[f.name] = value
    return fields
