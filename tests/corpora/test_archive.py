from __future__ import annotations

import io
import tarfile
import tracemalloc

import pytest

from masr.corpora.archive import Member, tar_members
from masr.errors import ArchiveError
from masr.types import Problem
from reference import corpus_layouts as layouts


def test_members_in_their_order(tmp_path) -> None:
    path = tmp_path / "a.tar.gz"
    layouts.tar_gz(path, [("train/b.wav", b"1"), ("train/notes.txt", b"2"), ("./deep/er/a.WAV", b"3")])
    found = list(tar_members(path))
    assert found == [Member("train/b.wav", b"1"), Member("./deep/er/a.WAV", b"3")]
    assert [member.base_name for member in found] == ["b.wav", "a.WAV"]


@pytest.mark.parametrize("name", ["../x.wav", "a/../../x.wav", "/etc/x.wav", "a\\..\\x.wav"])
def test_a_path_that_leaves_the_folder(tmp_path, name) -> None:
    layouts.tar_gz(tmp_path / "a.tar.gz", [("fine.wav", b"1"), (name, b"2")])
    with pytest.raises(ArchiveError, match="leave the folder"):
        list(tar_members(tmp_path / "a.tar.gz"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_passed_over(tmp_path, kind) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("x.wav")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert [item.reason for item in tar_members(tmp_path / "a.tar")] == ["not a regular file: a link or a device"]


def test_a_member_that_is_too_large_never_enters_memory(tmp_path) -> None:
    size = 64 << 20
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("bomb.wav")
        info.size = size
        with (tmp_path / "zeros").open("wb") as zeros:
            zeros.truncate(size)
        with (tmp_path / "zeros").open("rb") as zeros:
            archive.addfile(info, zeros)
        info = tarfile.TarInfo("fine.wav")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    assert (tmp_path / "bomb.tar.gz").stat().st_size < size / 100
    tracemalloc.start()
    bomb, fine = tar_members(tmp_path / "bomb.tar.gz", max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(bomb, Problem)
    assert bomb.reason.startswith("too large")
    assert fine == Member("fine.wav", b"abc")
    assert peak < size / 8


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_an_archive_cut_short_gives_what_it_has_and_says_so(tmp_path, keep) -> None:
    path = tmp_path / "a.tar.gz"
    members = [(f"{i}.wav", layouts.wav(layouts.samples(i))) for i in range(8)]
    layouts.tar_gz(path, members)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else keep])
    *found, last = tar_members(path)
    assert [(member.name, member.content) for member in found] == members[: len(found)]
    assert isinstance(last, Problem)
    assert last.reason.startswith(f"damaged archive: ends after {len(found)} members")


def test_what_is_no_archive(tmp_path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"<html>404</html>" * 100)
    (only,) = tar_members(tmp_path / "a.tar.gz")
    assert only.reason.startswith("damaged archive")
    with pytest.raises(ArchiveError, match="no such file"):
        list(tar_members(tmp_path / "none.tar.gz"))
