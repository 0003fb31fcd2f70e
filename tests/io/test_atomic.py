from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from masr.io import atomic
from masr.io.atomic import atomic_open, atomic_path, atomic_write, replace_folder, reserve, temporary_name


def test_write_text_and_bytes(tmp_path: Path) -> None:
    atomic_write(tmp_path / "new" / "a", "é\n")
    atomic_write(tmp_path / "b", b"\x00\xff")
    assert (tmp_path / "new" / "a").read_bytes() == "é\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\x00\xff"


def test_lines_end_in_a_newline_alone(tmp_path: Path) -> None:
    with atomic_open(tmp_path / "a") as stream:
        stream.write("x\ny\n")
    assert (tmp_path / "a").read_bytes() == b"x\ny\n"


def test_the_target_is_not_touched_before_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with atomic_open(path) as stream:
        stream.write("new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_no_litter(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def write() -> None:
        with atomic_open(path) as stream:
            stream.write("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208 (hidden names too)


def test_an_error_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_file_is_hidden_and_beside_the_target(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "feats.ark") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".feats.ark.")
        temporary.touch()


def test_a_killed_process_leaves_nothing_under_the_good_name(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from masr.io.atomic import atomic_open\n"
        f"with atomic_open(Path({str(tmp_path / 'a')!r})) as f:\n"
        "    f.write('half'); f.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script])
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "a").exists()


def test_two_writers_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "a"
    contents = [letter * 100_000 for letter in "abcd"]
    threads = [threading.Thread(target=atomic_write, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in contents
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("number", "is_raised"), [(errno.ENOSPC, True), (errno.EIO, True), (errno.EINVAL, False)])
def test_a_full_disk_is_heard_of_before_the_name_is_given(
    number: int, is_raised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, "as asked")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="as asked") if is_raised else nullcontext():
        atomic_write(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ([] if is_raised else ["a"])


@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_takes_the_place_of_another(is_there: bool, tmp_path: Path) -> None:
    new, folder, retired = (tmp_path / name for name in ("new", "folder", "retired"))
    for one in (new, retired, *([folder] if is_there else [])):
        one.mkdir()
        (one / "name").write_text(one.name)
    replace_folder(new, folder, retired)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (folder / "name").read_text() == "new"


def test_what_a_killed_process_left_goes_when_the_next_one_writes_there(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from masr.io.atomic import atomic_open, temporary_name\n"
        f"temporary_name(Path({str(tmp_path / 'folder')!r})).mkdir()\n"
        f"with atomic_open(Path({str(tmp_path / 'a')!r})) as f:\n"
        "    f.write('half'); f.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script])
    assert len(list(tmp_path.iterdir())) == 2
    alive, elsewhere = temporary_name(tmp_path / "alive"), tmp_path / ".a.0123abcd-1.89abcdef.tmp"
    other = tmp_path / ".hidden.tmp"
    for path in (alive, elsewhere, other):
        path.touch()
    atomic.remove_left_behind.cache_clear()
    atomic_write(tmp_path / "b", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive.name, elsewhere.name, other.name, "b"])


def test_a_write_that_is_refused_says_of_which_file(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            atomic_write(tmp_path / "a", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_room_for_a_mapped_file_is_asked_for_before_it_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    os.truncate(tmp_path / "a", 100_000)
    assert (tmp_path / "a").stat().st_blocks == 0
    reserve(tmp_path / "a")
    assert (tmp_path / "a").stat().st_blocks * 512 >= 100_000
    for number, is_raised in ((errno.ENOSPC, True), (errno.EOPNOTSUPP, False)):

        def refuse(*_: int, number: int = number) -> None:
            raise OSError(number, "as asked")

        monkeypatch.setattr(os, "posix_fallocate", refuse)
        with pytest.raises(OSError, match="as asked") if is_raised else nullcontext():
            reserve(tmp_path / "a")
