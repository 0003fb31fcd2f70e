"""Checksums beside archives: they cover every byte, and an archive without them is read as ever."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from masr.errors import ArchiveError
from masr.io.ark import ArchiveWriter, read_array
from masr.io.checksums import damaged, damaged_offsets, read_sums, require_whole, sums_path
from masr.io.shards import ShardWriter


def write(path: Path, count: int = 5) -> dict[str, str]:
    with ArchiveWriter(path) as archive:
        for n in range(count):
            archive.append(f"ü{n}", np.full((3 + n, 2), n, np.float32))
    return archive.rows


def test_a_line_is_what_zlib_says_of_the_bytes_of_a_value(tmp_path: Path) -> None:
    rows = write(tmp_path / "a.ark")
    data = (tmp_path / "a.ark").read_bytes()
    lines = [line.split(" ") for line in (tmp_path / "a.ark.crc32").read_text(encoding="utf-8").splitlines()]
    assert [line[3] for line in lines] == list(rows)
    end = 0
    for crc32, first, num_bytes, key in lines:
        assert int(first) == end
        end += int(num_bytes)
        assert int(crc32, 16) == zlib.crc32(data[int(first) : end])
        assert rows[key].endswith(f":{int(first) + len(key.encode()) + 1}")
    assert end == len(data)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_any_flipped_bit_is_found(place: float, bit: int, tmp_path: Path) -> None:
    path = tmp_path / "a.ark"
    write(path)
    assert list(damaged(path)) == []
    data = bytearray(path.read_bytes())
    where = int(place * len(data))
    data[where] ^= 1 << bit
    path.write_bytes(data)
    (found,) = damaged(path)
    assert found.first <= where < found.first + found.num_bytes
    assert list(damaged_offsets(path)) == [found.first + len(found.key.encode()) + 1]
    with pytest.raises(ArchiveError, match=f"{found.key}: damaged"):
        require_whole(path, 1 << 20)


def test_an_archive_that_was_cut_short_is_found(tmp_path: Path) -> None:
    write(tmp_path / "a.ark")
    data = (tmp_path / "a.ark").read_bytes()
    (tmp_path / "a.ark").write_bytes(data[:-3])
    assert [one.key for one in damaged(tmp_path / "a.ark")] == ["ü4"]


def test_a_part_is_looked_at_evenly(tmp_path: Path) -> None:
    path = tmp_path / "a.ark"
    with ArchiveWriter(path) as archive:
        for n in range(100):
            archive.append(f"u{n:02d}", np.zeros((10, 10), np.float32))
    path.write_bytes(bytes(path.stat().st_size))
    some = [one.key for one in damaged(path, path.stat().st_size // 10)]
    assert some == [f"u{n:02d}" for n in range(0, 100, 10)]
    assert len(list(damaged(path, 0))) >= 1


def test_audio_in_shards_is_covered_too(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "wav.ark") as shard:
        shard.append("a", np.arange(100, dtype=np.int16))
        shard.discard()
        for key in "bcd":
            shard.append(key, np.arange(100, dtype=np.int16))
    assert [one.key for one in read_sums(tmp_path / "wav.ark")] == ["b", "c", "d"]
    assert list(damaged(tmp_path / "wav.ark")) == []
    data = bytearray((tmp_path / "wav.ark").read_bytes())
    data[-1] ^= 1
    (tmp_path / "wav.ark").write_bytes(data)
    assert [one.key for one in damaged(tmp_path / "wav.ark")] == ["d"]
    with ShardWriter(tmp_path / "none.ark"):
        pass
    assert not (tmp_path / "none.ark").exists() and not sums_path(tmp_path / "none.ark").exists()


def test_an_archive_of_another_program_is_read_and_nobody_says_that_it_is_whole(tmp_path: Path) -> None:
    rows = write(tmp_path / "a.ark")
    sums_path(tmp_path / "a.ark").unlink()
    assert read_array(rows["ü2"]).shape == (5, 2)
    assert list(damaged(tmp_path / "a.ark")) == []
    require_whole(tmp_path / "a.ark", 1 << 20)


def test_an_archive_is_never_beside_the_checksums_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ark"
    write(path)
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="NaN"), ArchiveWriter(path) as archive:
        archive.append("new", np.full((2, 2), np.nan, np.float32))
    assert (path.read_bytes(), len(read_sums(path))) == (before, 5)
    monkeypatch.setattr("masr.io.checksums.atomic_open", lambda _: (_ for _ in ()).throw(OSError("killed here")))
    with pytest.raises(OSError, match="killed here"):
        write(path, 2)
    assert path.read_bytes() != before
    assert read_sums(path) == []


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.ark")
    sums_path(tmp_path / "a.ark").write_text("0a1b2c3d 0 5 u\nsomething else\n")
    with pytest.raises(ArchiveError, match=r"a.ark.crc32:2: is no line of checksums"):
        list(damaged(tmp_path / "a.ark"))
