"""What counts as a change of what lies at a path, and what does not, by the kind of thing that lies there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from masr.errors import ArchiveError
from masr.io import identity as module
from masr.io.ark import ArchiveWriter
from masr.io.datadir import write_table
from masr.io.identity import MISSING, digest, digest_of_file, identity, walk

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is a large one."""
    monkeypatch.setattr(module, "CONTENT_LIMIT_BYTES", 1)


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def flip(path: Path) -> None:
    """Another byte; size and times stay."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def a_folder(root: Path) -> Path:
    put(root / "deep/a.wav")
    put(root / "b.txt")
    return root


def data_directory(root: Path) -> Path:
    """Tables, and features as stage 2 leaves them."""
    for table in ("utt2spk", "utt2lang", "text"):
        put(root / table, "u1 a\nu2 b\n")
    put(root / "wav.scp", f"u1 {put(root / 'audio/1.wav')}\nu2 {put(root / 'audio/2.ark', 'yy')}:17\n")
    features(root)
    return root


def features(root: Path) -> Path:
    ark, cmvn = put(root / "data/feats.1.ark", "frames"), put(root / "data/cmvn.ark", "sums")
    put(root / "cmvn.scp", f"a {cmvn}:2\n")
    put(root / "utt2num_frames", "u1 4\n")
    put(root / "data/config.yaml", "storage: float32\n")
    return put(root / "feats.scp", f"u1 {ark}:3\nu2 {ark}:30[0:5]\n")


def confidences(root: Path) -> Path:
    put(root / "confidence.json", "{}")
    return put(root / "confidence.scp", f"u1 {put(root / 'data/confidence.1.ark')}:3\n")


def a_run(root: Path) -> Path:
    for name in ("model.safetensors", "config.yaml", "stats.safetensors", "units/units.txt", "encoder/config.json"):
        put(root / name)
    for name in ("model.safetensors", "average.safetensors", "record.json"):
        put(root / "checkpoints/step_000000080" / name)
    return root


def a_model_of_transformers(root: Path) -> Path:
    put(root / "model.safetensors.index.json", '{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}')
    for name in ("config.json", "preprocessor_config.json", "one.safetensors", "two.safetensors"):
        put(root / name)
    return root


def a_configuration(root: Path) -> Path:
    put(root / "far/base.yaml", "b: 1\n")
    return put(root / "near/top.yaml", 'base: ["../far/base.yaml"]\na: 1\n')


KINDS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "file": (lambda root: put(root / "a"), "sha256"),
    "yaml": (a_configuration, "yaml"),
    "folder": (a_folder, "folder"),
    "data": (data_directory, "data"),
    "features": (features, "archive"),
    "confidences": (confidences, "archive"),
    "run": (a_run, "run"),
    "checkpoint": (lambda root: Path(f"{a_run(root)}@80"), "checkpoint"),
    "transformers": (a_model_of_transformers, "run"),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_it_says_what_is_there(kind: str, tmp_path: Path) -> None:
    make, word = KINDS[kind]
    assert identity(tmp_path / "it") == MISSING
    found = identity(make(tmp_path / "it"))
    assert found.split()[0] == word and len(found.split()[1]) == 32
    assert found == identity(str(make(tmp_path / "it")))


@each_kind
def test_a_moved_copy_is_the_same(kind: str, tmp_path: Path) -> None:
    """Where the paths inside its tables were corrected."""
    here, there = tmp_path / "here", tmp_path / "over/there"
    before = identity(KINDS[kind][0](here))
    shutil.copytree(here, there)
    shutil.rmtree(here)
    for scp in there.rglob("*.scp"):
        scp.write_text(scp.read_text().replace(str(here), str(there)))
    own = Path(str(KINDS[kind][0](tmp_path / "again")).replace(str(tmp_path / "again"), str(there)))
    assert identity(own) == before


COUNTS = {
    "file": ["a"],
    "yaml": ["near/top.yaml", "far/base.yaml"],
    "folder": ["deep/a.wav", "b.txt"],
    "data": ["utt2spk", "utt2lang", "text"],
    "features": ["data/feats.1.ark", "data/cmvn.ark", "utt2num_frames", "data/config.yaml"],
    "confidences": ["data/confidence.1.ark", "confidence.json"],
    "run": ["model.safetensors", "config.yaml", "stats.safetensors", "units/units.txt", "encoder/config.json"],
    "checkpoint": [
        *(f"checkpoints/step_000000080/{name}.safetensors" for name in ("model", "average")),
        *("config.yaml", "stats.safetensors", "units/units.txt"),
    ],
    "transformers": ["one.safetensors", "two.safetensors", "config.json", "preprocessor_config.json"],
}
each_that_counts = pytest.mark.parametrize(("kind", "name"), [(k, name) for k in COUNTS for name in COUNTS[k]])


@each_that_counts
def test_another_byte_of_the_same_age_is_a_change(kind: str, name: str, tmp_path: Path) -> None:
    path = KINDS[kind][0](tmp_path)
    before = identity(path)
    touch(tmp_path / name)
    assert identity(path) == before
    flip(tmp_path / name)
    assert identity(path) != before
    flip(tmp_path / name)
    assert identity(path) == before
    (tmp_path / name).unlink()
    assert identity(path) != before


WHOLE = [
    ("data", "utt2lang"),
    ("features", "data/cmvn.ark"),
    ("features", "utt2num_frames"),
    ("run", "model.safetensors"),
    ("checkpoint", "checkpoints/step_000000080/average.safetensors"),
    ("transformers", "two.safetensors"),
    ("yaml", "far/base.yaml"),
]
BY_TIME = [("file", "a"), ("folder", "deep/a.wav"), ("confidences", "data/confidence.1.ark")]


@pytest.mark.parametrize(("kind", "name"), WHOLE)
@pytest.mark.usefixtures("large")
def test_what_is_read_whole_anyway_is_so_however_large(kind: str, name: str, tmp_path: Path) -> None:
    path = KINDS[kind][0](tmp_path)
    before = identity(path)
    touch(tmp_path / name)
    assert identity(path) == before
    flip(tmp_path / name)
    assert identity(path) != before


@pytest.mark.parametrize(("kind", "name"), BY_TIME)
@pytest.mark.usefixtures("large")
def test_other_large_files_are_their_size_and_time(kind: str, name: str, tmp_path: Path) -> None:
    path = KINDS[kind][0](tmp_path)
    put(tmp_path / name, "xx")
    before = identity(path)
    flip(tmp_path / name)
    assert identity(path) == before  # not opened
    touch(tmp_path / name)
    assert identity(path) != before


@pytest.mark.usefixtures("large")
def test_large_features_that_were_made_again_are_told_by_their_statistics(tmp_path: Path) -> None:
    path, ark = features(tmp_path), tmp_path / "data/feats.1.ark"
    before = identity(path)
    touch(ark)
    assert identity(path) == before
    for text in ("frames and more", "Frames", "frameS"):
        put(ark, text)
        assert identity(path) != before


@pytest.mark.usefixtures("large")
def test_of_large_features_samples_are_looked_at_from_end_to_end(tmp_path: Path) -> None:
    path, ark = features(tmp_path), tmp_path / "data/feats.1.ark"
    size, block = 10_000_000, 4096
    content = bytearray(size)
    ark.write_bytes(content)
    before = identity(path)
    places = [n * (size - block) // 63 for n in (0, 1, 31, 62, 63)]
    for place in [*places, *(place + block - 1 for place in places)]:
        content[place] = 1
        ark.write_bytes(content)
        assert identity(path) != before
        content[place] = 0
    content[places[1] + block] = 1  # between two samples: the statistics vouch for it
    ark.write_bytes(content)
    assert identity(path) == before


@pytest.mark.parametrize("missing", ["data/config.yaml", "cmvn.scp", "data/cmvn.ark"])
@pytest.mark.usefixtures("large")
def test_large_features_of_another_program_are_told_by_their_time(missing: str, tmp_path: Path) -> None:
    path = features(tmp_path)
    (tmp_path / missing).unlink()
    before = identity(path)
    touch(tmp_path / "data/feats.1.ark")
    assert identity(path) != before


def test_a_data_directory_is_its_tables_without_those_of_later_stages(tmp_path: Path) -> None:
    before = identity(data_directory(tmp_path))
    for later in ("feats.scp", "cmvn.scp", "utt2num_frames", "confidence.scp", "features_problems.tsv", ".index"):
        put(tmp_path / later, "u1 other\n")
    put(tmp_path / "provenance.json")
    assert identity(tmp_path) == before
    for table in ("segments", "phones.ctm", "words.ctm", "utt2accent", "reco2dur", "spk2gender"):
        put(tmp_path / table)
        assert identity(tmp_path) != before
        (tmp_path / table).unlink()
    assert identity(tmp_path) == before


@pytest.mark.parametrize(
    ("row", "same"),
    [
        ("u1 /elsewhere/1.wav", True),
        ("u1 1.wav", True),
        ("u1 /elsewhere/other.wav", False),
        ("u3 /elsewhere/1.wav", False),
        ("u1 sox /a/1.wav -t wav - |", False),
    ],
)
def test_where_audio_lies_is_no_content_of_a_data_directory(row: str, same: bool, tmp_path: Path) -> None:
    before = identity(data_directory(tmp_path))
    second = (tmp_path / "wav.scp").read_text().splitlines()[1]
    put(tmp_path / "wav.scp", f"{row}\n{second}\n")
    assert (identity(tmp_path) == before) == same


@pytest.mark.parametrize("audio", ["1.wav", "2.ark"])
def test_audio_is_an_archive_of_its_own(audio: str, tmp_path: Path) -> None:
    before = identity(data_directory(tmp_path) / "wav.scp")
    flip(tmp_path / "audio" / audio)
    assert identity(tmp_path / "wav.scp") != before


def test_another_place_in_an_archive_is_a_change(tmp_path: Path) -> None:
    states = {identity(features(tmp_path))}
    for old, new in ((":3\n", ":4\n"), ("[0:5]", "[1:5]"), ("u2 ", "u3 ")):
        put(tmp_path / "feats.scp", features(tmp_path).read_text().replace(old, new))
        states.add(identity(tmp_path / "feats.scp"))
    assert len(states) == 4


def test_of_very_many_files_some_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(module, "file_state", lambda path: looked.append(path) or "seen")
    for count, expected in ((1000, 1000), (1001, 501), (2500, 834)):
        files = [put(tmp_path / f"{n}.wav", "") for n in range(count)]
        scp = put(tmp_path / "wav.scp", "".join(f"u{n} {path}\n" for n, path in enumerate(files)))
        looked.clear()
        identity(scp)
        assert len(looked) == expected and looked[0] == files[0] and files.index(looked[-1]) > count - 4


def test_records_of_a_run_are_none_of_its_weights(tmp_path: Path) -> None:
    before = identity(a_run(tmp_path))
    for name in ("metrics.jsonl", "provenance.json", "units/provenance.json", "test/embeddings.npy", ".lock"):
        put(tmp_path / name)
    flip(tmp_path / "checkpoints/step_000000080/model.safetensors")
    assert identity(tmp_path) == before


def test_a_checkpoint_goes_by_two_names_and_is_no_other_step(tmp_path: Path) -> None:
    folder = a_run(tmp_path) / "checkpoints/step_000000080"
    assert identity(f"{tmp_path}@80") == identity(folder) != identity(tmp_path)
    assert identity(f"{tmp_path}@81") == MISSING


def test_a_run_that_has_not_ended_is_a_folder(tmp_path: Path) -> None:
    (a_run(tmp_path) / "model.safetensors").unlink()
    assert identity(tmp_path).startswith("folder ")


def test_a_folder_changes_with_any_visible_file_in_it(tmp_path: Path) -> None:
    states = [identity(a_folder(tmp_path))]
    put(tmp_path / "deep/c.wav")
    states.append(identity(tmp_path))
    (tmp_path / "deep/c.wav").rename(tmp_path / "deep/d.wav")
    states.append(identity(tmp_path))
    (tmp_path / "deep/d.wav").unlink()
    (tmp_path / "deep/d.wav").symlink_to("nowhere")
    states.append(identity(tmp_path))
    assert len(set(states)) == len(states)
    for name in (".hidden/x", "deep/.x", "provenance.json", "deep/problems.tsv"):
        put(tmp_path / name)
    assert identity(tmp_path) == states[-1]


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    put(tmp_path / "a/x")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    assert [path.name for path in walk(tmp_path)] == ["x"]


@pytest.mark.parametrize(
    "text",
    [
        "base: ../far/base.yaml\n",
        "a: 1\nbase: '../far/base.yaml' # why\n",
        'base: [other.yaml,\n  "../far/base.yaml"]\n',
        "base:\n  - other.yaml\n  - ../far/base.yaml\nb: 1\n",
        "base: middle.yaml\n",
    ],
)
def test_a_base_is_found_however_it_is_written(text: str, tmp_path: Path) -> None:
    top, base = put(tmp_path / "near/top.yaml", text), put(tmp_path / "far/base.yaml", "base: base.yaml\n")
    put(tmp_path / "near/other.yaml")
    put(tmp_path / "near/middle.yaml", "base: ../far/base.yaml\n")
    before, folder = identity(top), identity(tmp_path / "near")
    flip(base)
    assert identity(top) != before and identity(tmp_path / "near") != folder


def test_a_key_that_only_ends_in_base_names_no_file(tmp_path: Path) -> None:
    put(tmp_path / "x")
    assert identity(put(tmp_path / "a.yaml", "database: x\nc:\n  base: x\n")).startswith("sha256 ")


def test_digests_are_sha256_of_sorted_json_and_of_whole_files(tmp_path: Path) -> None:
    expected = hashlib.sha256(b'{"a": [2, null], "b": "\\u00e9"}').hexdigest()
    assert digest({"b": "é", "a": (2, None)}) == expected[:32]
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)) * 9000)
    assert digest_of_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest_of_file(path, "blake2b") == hashlib.blake2b(path.read_bytes()).hexdigest()


def test_launchers_can_import_it_without_any_package() -> None:
    program = "import sys; sys.path.append(sys.argv[1]); import masr.io.identity; print(*sys.modules)"
    command = [sys.executable, "-ES", "-c", program, str(CHECKOUT)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"__main__", "masr"}
    assert not {name for name in foreign if not name.startswith("_")}


@pytest.mark.parametrize("row", ["a", "a ", "a :5", "a ..", "a /", "a \0:5"])
def test_a_row_that_names_no_file_has_an_identity_too(row: str, tmp_path: Path) -> None:
    (tmp_path / "feats.scp").write_text(f"{row}\nb x.ark:2\n", encoding="utf-8")
    assert identity(tmp_path / "feats.scp").startswith("archive ")


def test_an_archive_that_is_not_what_was_written_is_an_error(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "feats.1.ark") as archive:
        archive.append("u", np.ones((3, 2), np.float32))
    write_table(tmp_path / "feats.scp", archive.rows)
    before = identity(tmp_path / "feats.scp")
    data = bytearray((tmp_path / "feats.1.ark").read_bytes())
    data[-1] ^= 1
    (tmp_path / "feats.1.ark").write_bytes(data)
    with pytest.raises(ArchiveError, match="u: damaged"):
        identity(tmp_path / "feats.scp")
    (tmp_path / "feats.1.ark.crc32").unlink()
    assert identity(tmp_path / "feats.scp") != before


def rows_by_line(text: str) -> tuple[list[str], list[str]]:
    """The rows without folders, and the files, by the rule itself: a line after another."""
    rows: list[str] = []
    files: dict[str, None] = {}
    for line in text.splitlines(keepends=True):
        key, _, entry = line.strip().partition(" ")
        if entry.endswith("|"):
            rows.append(line)
            continue
        found = re.fullmatch(r"(.+?)(:\d+(?:\[\d+:\d+\]|\+\d+)?)", entry, re.DOTALL)
        file, place = found.groups() if found else (entry, "")
        files[file] = None
        rows.append(f"{key} {file.rpartition('/')[2]}{place}")
    return rows, list(files)


ALIKE = "".join(f"u{n:05d} /a b/é/feats.{n // 40}.ark:{9 * n}\n" for n in range(300))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        ALIKE,
        ALIKE.removesuffix("\n"),
        ALIKE + "v /c/feats.1.ark:5\n",
        ALIKE + "v feats.1.ark:5\n",
        ALIKE + "v /a b/é/x y.ark:5\n",
        ALIKE + "v cat x |\n" + ALIKE,
        ALIKE.replace("u00007", 'u"7'),
        ALIKE.replace("u00007", "u\\7"),
        ALIKE.replace("u00007", "ü7"),
        ALIKE.replace("u00007", "u\x017"),
        ALIKE.replace(":63\n", ":63[1:2]\n"),
        ALIKE.replace(":63\n", ":63 \n"),
        ALIKE.replace(":63\n", ":63+9\n"),
        ALIKE.replace("u00007 ", "u00007  "),
        ALIKE.replace("/a b/é/", "/a:1/"),
        ALIKE.replace("/a b/é/", ""),
        "a /x/ /x/b:1\nc /x/d:2\n",
    ],
)
def test_an_scp_is_read_in_pieces_and_means_what_its_lines_mean(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scp = tmp_path / "some.scp"
    scp.write_text(text, encoding="utf-8")
    expected, files = rows_by_line(text)
    for size in (1 << 20, 700, 1):
        monkeypatch.setattr(module, "_CHUNK", size)
        rows = module._Rows()
        assert json.loads(b"".join(rows.json_of(scp))) == expected
        assert list(rows.files) == files
        facts = b"".join(module._Rows().json_of(scp))
        assert facts.decode() == json.dumps(expected)


def test_a_shard_that_changed_is_another_archive(tmp_path: Path, large: None) -> None:
    """What wav.scp points into without a copy."""
    shard = put(tmp_path / "x.tar", "0" * 2000)
    scp = put(tmp_path / "wav.scp", f"a {shard}:512+100\nb {shard}:1024+90\n")
    before = identity(scp)
    put(shard, "1" * 2100)
    assert identity(scp) != before
