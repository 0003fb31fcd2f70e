"""Archives that are damaged, or made to do harm: nothing wrong comes out of them unsaid, and nothing takes for ever."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from masr.corpora.archive import Member, tar_members
from masr.corpora.check import check
from masr.corpora.prepare import prepare
from masr.errors import CorpusError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.types import Problem
from reference import corpus_layouts as layouts
from small.alarm import ends

NUM_MEMBERS = 12
WAVS = {f"{i}.wav": layouts.wav(layouts.samples(i)) for i in range(NUM_MEMBERS)}
MEMBERS = [(f"train/{name}", content) for name, content in WAVS.items()]
COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def plain_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in MEMBERS:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def read(path: Path, content: bytes) -> tuple[list[tuple[str, bytes]], list[Problem]]:
    path.write_bytes(content)
    with ends():
        items = list(tar_members(path))
    members = [(item.name, item.content) for item in items if isinstance(item, Member)]
    return members, [item for item in items if isinstance(item, Problem)]


def assert_nothing_silent(path: Path, content: bytes) -> None:
    """Either all members as they were, or a damaged archive that spoils what came before."""
    members, problems = read(path, content)
    if problems:
        assert problems[-1].reason.startswith("damaged archive")
        assert problems[-1].spoils_part
    else:
        assert members == MEMBERS


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_single_flipped_bit_never_passes(tmp_path, kind) -> None:
    whole = COMPRESS[kind](plain_tar())
    draw = np.random.default_rng(0)
    for place in draw.integers(0, len(whole), 100):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.integers(8)
        assert_nothing_silent(tmp_path / "a.tar", bytes(damaged))


@pytest.mark.parametrize("kind", COMPRESS)
def test_512_zeroed_bytes_never_pass(tmp_path, kind) -> None:
    whole = COMPRESS[kind](plain_tar())
    for place in np.random.default_rng(1).integers(0, len(whole) - 512, 20):
        assert_nothing_silent(tmp_path / "a.tar", whole[:place] + bytes(512) + whole[place + 512 :])


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_compressed_archive_cut_short_spoils_what_it_gave(tmp_path, kind) -> None:
    whole = COMPRESS[kind](plain_tar())
    for keep in (7, len(whole) // 2, len(whole) - 1):
        assert_nothing_silent(tmp_path / "a.tar", whole[:keep])


def test_a_hole_in_a_plain_archive_is_not_its_end(tmp_path) -> None:
    whole = plain_tar()
    header = whole.index(b"train/5.wav")
    members, problems = read(tmp_path / "a.tar", whole[:header] + bytes(1024) + whole[header + 1024 :])
    assert members == MEMBERS[:5]
    assert "more follows the mark of its end" in problems[0].reason


def test_a_plain_archive_cut_between_members_says_so(tmp_path) -> None:
    whole = plain_tar()
    members, problems = read(tmp_path / "a.tar", whole[: whole.index(b"train/5.wav")])
    assert members == MEMBERS[:5]
    assert "without the mark of its end" in problems[0].reason


@pytest.mark.parametrize("kind", ["", *COMPRESS])
def test_a_sound_archive_passes_in_every_compression(tmp_path, kind) -> None:
    whole = plain_tar()
    assert read(tmp_path / "a.tar", COMPRESS[kind](whole) if kind else whole) == (MEMBERS, [])
    record = whole + bytes(1 << 16)
    assert read(tmp_path / "a.tar", COMPRESS[kind](record) if kind else record) == (MEMBERS, [])


def test_two_gzip_streams_one_behind_the_other_are_one_archive(tmp_path) -> None:
    whole = plain_tar()
    assert read(tmp_path / "a.tar", gzip.compress(whole[:70000]) + gzip.compress(whole[70000:])) == (MEMBERS, [])


def break_checksum(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)


def test_prepare_fleurs_uses_nothing_of_an_archive_whose_crc_does_not_fit(open_corpus, tmp_path) -> None:
    root = layouts.fleurs(tmp_path / "c", "hi_in", "train", WAVS)
    layouts.fleurs(root, "ur_pk", "train", {"9.wav": layouts.wav(layouts.samples(99))})
    break_checksum(root / "data/hi_in/audio/train.tar.gz")
    (summary,) = prepare(open_corpus("fleurs"), root, tmp_path / "data")
    assert dict(summary.problems) == {"damaged archive": NUM_MEMBERS + 1}
    data = DataDir.open(tmp_path / "data/train")
    assert list(data.utts) == ["ur_pk-9"]
    assert len(read_audio(data.table("wav.scp")["ur_pk-9"])) == 8000
    written = sorted(path.name for path in (tmp_path / "data/train/data").iterdir())
    assert written == ["wav.ur_pk.ark", "wav.ur_pk.ark.crc32"]
    with pytest.raises(CorpusError, match="--max-bad"):
        prepare(open_corpus("fleurs"), root, tmp_path / "data2", max_bad=0.05)


def test_lost_members_are_damaged_archive_and_never_row_without_audio(open_corpus, read_all, tmp_path) -> None:
    root = layouts.fleurs(tmp_path, "hi_in", "train", WAVS)
    path = root / "data/hi_in/audio/train.tar.gz"
    path.write_bytes(path.read_bytes()[:-4000])
    _, problems = read_all(open_corpus("fleurs"), root)
    assert {problem.reason.partition(":")[0] for problem in problems} == {"damaged archive"}
    assert any(problem.reason.endswith(f"{NUM_MEMBERS - 1}.wav") for problem in problems)


class OneArchive:
    """A corpus of one archive, which has no survey of its own."""

    def parts(self, source):
        from masr.types import Part

        return [Part("train", "one", source / "a.tar.gz")]

    def read(self, part):
        from masr.types import Utterance

        for item in tar_members(part.source):
            yield item if isinstance(item, Problem) else Utterance(item.base_name, item.base_name, item.content)


def test_a_count_leaves_out_what_a_damaged_archive_gave(tmp_path) -> None:
    layouts.tar_gz(tmp_path / "a.tar.gz", MEMBERS)
    assert check(OneArchive(), tmp_path).split()[-3:] == ["1", "12", "0"]
    break_checksum(tmp_path / "a.tar.gz")
    with pytest.raises(CorpusError, match="no utterance that could be used") as caught:
        check(OneArchive(), tmp_path)
    assert caught.value.why == "13 x damaged archive"


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, form: int = tarfile.GNU_FORMAT) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(form)


def with_checksum(block: bytes) -> bytes:
    """A header whose own checksum fits again."""
    total = sum(block[:148]) + 8 * 32 + sum(block[156:512])
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def pax(records: dict[str, str]) -> bytes:
    content = b""
    for key, value in records.items():
        rest = f" {key}={value}\n".encode()
        length = len(rest) + len(str(len(rest)))
        length = len(rest) + len(str(length))
        content += str(length).encode() + rest
    return header("pax", len(content), tarfile.XHDTYPE) + padded(content)


def long_name(name: str) -> bytes:
    return header("././@LongLink", len(name) + 1, tarfile.GNUTYPE_LONGNAME) + padded(name.encode() + b"\0")


END = bytes(1024)
SPARSE = with_checksum(
    header("x.wav", 512, tarfile.GNUTYPE_SPARSE)[:386]
    + b"%011o\0%011o\0" % (1 << 20, 512)
    + bytes(4 * 24 - 24)
    + b"\0"
    + b"%011o\0" % (2 << 20)
    + bytes(17)
)
HARMFUL = {
    "claims of 2^62 bytes": header("x.wav", 1 << 62),
    "claims of 2^62 bytes by what is no audio": header("x.txt", 1 << 62),
    "claims of 10^30 bytes in a pax header": pax({"size": str(10**30)}) + header("x.wav"),
    "claims of 5,000 digits in a pax header": pax({"size": "9" * 5000}) + header("x.wav"),
    "a negative size": with_checksum(header("x.wav")[:124] + b"\xff" * 12 + header("x.wav")[136:]),
    "a long name of 2^60 bytes": header("././@LongLink", 1 << 60, tarfile.GNUTYPE_LONGNAME),
    "3,000 chained long names": b"".join(long_name(f"{i}.wav") for i in range(3000)) + header("x.wav"),
    "3,000 chained pax headers": pax({"comment": "x"}) * 3000 + header("x.wav"),
    "a pax record of length 0": header("p", 512, tarfile.XHDTYPE) + padded(b"0 path=x\n") + header("x.wav"),
    "a pax record of 5,000 digits": header("p", 5010, tarfile.XHDTYPE) + padded(b"1" * 5000 + b" path=x\n"),
    "a NUL in a name": pax({"path": "a\0b.wav"}) + header("x.wav"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("what", HARMFUL)
def test_archives_that_claim_too_much_are_refused_quickly_and_by_name(tmp_path, what, packed) -> None:
    content = header("fine.wav", 3) + padded(b"abc") + HARMFUL[what] + END
    tracemalloc.start()
    members, problems = read(tmp_path / "bomb.tar", gzip.compress(content) if packed else content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert members[0] == ("fine.wav", b"abc")
    assert len(members) == 1
    assert problems[-1].reason.startswith("damaged archive: ends after 1 members")
    assert problems[-1].where.endswith("bomb.tar")
    assert len(problems[-1].reason) < 250
    assert "claims of 2^62" not in what or f"x.{'txt' if 'no audio' in what else 'wav'}" in problems[-1].reason
    assert peak < 64 << 20


def test_a_sparse_member_is_passed_over_and_the_next_is_read(tmp_path) -> None:
    content = SPARSE + bytes(512) + pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "x"}) + header("y.wav", 512)
    content += bytes(512) + header("fine.wav", 3) + padded(b"abc") + END
    members, problems = read(tmp_path / "a.tar", content)
    assert members == [("fine.wav", b"abc")]
    assert [problem.reason for problem in problems] == ["not a regular file: one with holes"] * 2


def test_names_of_any_length_and_pax_sizes_are_read(tmp_path) -> None:
    deep = "d/" * 150 + "ü.wav"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(tmp_path / "w.tar", "w", format=form, pax_headers={"comment": "x"}) as archive:
            info = tarfile.TarInfo(deep)
            info.size, info.mtime = 3, 1.5
            archive.addfile(info, io.BytesIO(b"abc"))
        assert read(tmp_path / "a.tar", (tmp_path / "w.tar").read_bytes()) == ([(deep, b"abc")], [])
    content = pax({"size": "3", "path": "b.wav"}) + header("x.wav") + padded(b"abc") + END
    assert read(tmp_path / "a.tar", content) == ([("b.wav", b"abc")], [])


def test_zeros_without_end_behind_an_archive(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("masr.corpora.tar_headers.MAX_PADDING_BYTES", 1 << 20)
    _, problems = read(tmp_path / "a.tar", plain_tar() + bytes(2 << 20))
    assert "zeros follow the mark of its end" in problems[0].reason


def test_a_gzip_trailer_that_lies_about_the_length(tmp_path) -> None:
    whole = gzip.compress(plain_tar())
    assert_nothing_silent(tmp_path / "a.tar", whole[:-4] + struct.pack("<I", 7))
