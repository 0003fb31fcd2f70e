"""Kaldi archives, shards, and tar files."""

from __future__ import annotations

import gzip
import io
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files, read_folder
from fuzz.target import Reader, Target
from fuzz.targets.several import each


def _kaldi(scratch: Path) -> Reader:
    import numpy as np

    from masr.io.ark import ArchiveWriter, Storage, read_archive, read_array, read_matrix, read_shape
    from masr.io.datadir import read_table, write_table
    from masr.io.identity import identity

    draw = np.random.default_rng(0)
    storages: tuple[Storage, ...] = ("float32", "float16", "uint8")
    seeds = []
    for storage in storages:
        folder = scratch / storage
        with ArchiveWriter(folder / "feats.ark", storage) as archive:
            for key in ("a", "b"):
                archive.append(key, draw.standard_normal((5, 4)).astype(np.float32))
            archive.append("d", draw.standard_normal((3, 2)))
            archive.append("v", draw.standard_normal(7).astype(np.float32))
        rows = {key: entry.replace(str(folder), "input") for key, entry in archive.rows.items()}
        write_table(folder / "feats.scp", {**rows, "r": rows["a"] + "[1:3]"})
        seeds.append(read_folder(folder))

    def read(box: Box) -> Any:
        found = each(lambda: [array for _, array in read_archive(box.input / "feats.ark")])
        each(lambda: identity(box.input / "feats.scp") and None)
        for table in each(lambda: read_table(box.input / "feats.scp")):
            for entry in table.values():
                found += each(
                    partial(read_array, entry),
                    partial(read_matrix, entry),
                    partial(read_shape, entry),
                )
        return found

    return Reader(
        seeds, read, words=["input/feats.ark:2", "input/feats.ark:99", "[0:1]", "[2:1]", "a", "cat x |", ":0"]
    )


def _shards(scratch: Path) -> Reader:
    import numpy as np

    from masr.io.audio import entry_info, read_audio
    from masr.io.datadir import read_table, write_table
    from masr.io.identity import identity
    from masr.io.shards import ShardWriter

    with ShardWriter(scratch / "wav.ark") as shard:
        rows = {key: shard.append(key, np.arange(-40, 40 + i, dtype=np.int16))[0] for i, key in enumerate("abc")}
    write_table(scratch / "wav.scp", {key: entry.replace(str(scratch), "input") for key, entry in rows.items()})

    def read(box: Box) -> Any:
        each(lambda: identity(box.input / "wav.scp") and None)
        found = []
        for table in each(lambda: read_table(box.input / "wav.scp")):
            for entry in table.values():
                found += each(
                    partial(entry_info, entry),
                    partial(read_audio, entry),
                    partial(read_audio, entry, 0.001, 0.004),
                )
        return found

    return Reader(
        [read_folder(scratch)], read, words=["input/wav.ark:2", "input/wav.ark:44", "RIFF", "WAVE", "a", "x |"]
    )


def _tar(_: Path) -> Reader:
    from masr.corpora.archive import tar_members
    from reference.corpus_layouts import samples, wav

    def whole(form: int, long: bool = False) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
            for i in range(3):
                content = wav(samples(i, 300))
                info = tarfile.TarInfo(f"train/{'n' * 120 if long else ''}{i}.wav")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return stream.getvalue()

    tars = [whole(tarfile.USTAR_FORMAT), whole(tarfile.GNU_FORMAT, True), whole(tarfile.PAX_FORMAT, True)]

    def read(box: Box) -> Any:
        for _ in tar_members(box.input / "a.tar.gz"):
            pass

    seeds: list[Files] = [{"a.tar.gz": gzip.compress(tar, 1, mtime=0)} for tar in tars]
    seeds += [{"a.tar.gz": tar} for tar in tars]
    return Reader(
        seeds, read, words=["30 mtime=1", "path=../x.wav", "size=99999999999", "GNU.sparse.map=0,1", "hdrcharset"]
    )


TARGETS = (
    Target("archives", "Kaldi's matrices and vectors, with their scp", _kaldi),
    Target("shards", "shards of 16-bit audio, with their wav.scp", _shards),
    Target("tars", "tar files, plain and compressed", _tar),
)
