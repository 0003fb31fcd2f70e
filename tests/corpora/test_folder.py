"""A folder of anybody's audio, and tables of what is known of it in the formats that people have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from masr.cli.main import main
from masr.config import loads
from masr.corpora import folder
from masr.corpora.label_files import read_label_file
from masr.errors import CorpusError
from masr.io.datadir import DataDir
from masr.types import Problem, Utterance
from reference import corpus_layouts as layouts


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two languages of five files each, and a stray file."""
    root = tmp_path / "my recordings"
    for n, language in enumerate(("Hindi", "Urdu")):
        (root / language).mkdir(parents=True)
        for k in range(5):
            (root / language / f"{language[0]}{k}.wav").write_bytes(layouts.wav(layouts.samples(10 * n + k)))
    (root / "notes.txt").write_text("not audio")
    return root


def read(source: Path, **options: object) -> dict[str, list[Utterance | Problem]]:
    overrides = [f"{key}={json.dumps(value)}" for key, value in options.items()]
    corpus = folder.build(loads(folder.Config, "", "test", overrides))
    found: dict[str, list[Utterance | Problem]] = {}
    for part in corpus.parts(source):
        found.setdefault(part.split, []).extend(corpus.read(part))
    return found


def utterances(found: dict[str, list[Utterance | Problem]]) -> dict[str, Utterance]:
    return {item.utt: item for items in found.values() for item in items if isinstance(item, Utterance)}


def test_without_labels_files_are_dealt_out_and_are_their_own_speakers(source: Path) -> None:
    found = read(source)
    assert {split: len(items) for split, items in found.items()} == {"train": 8, "dev": 1, "test": 1}
    assert found == read(source) != read(source, seed=5)
    assert all(u.speaker == u.utt and not u.labels and u.text is None for u in utterances(found).values())
    assert "Hindi_H0" in utterances(found)


def test_the_language_is_the_folder_or_what_a_file_says_of_the_folder(source: Path, tmp_path: Path) -> None:
    found = read(source, language_from="parent")
    assert {split: len(items) for split, items in found.items()} == {"train": 6, "dev": 2, "test": 2}
    for items in found.values():
        assert {item.labels["lang"] for item in items if isinstance(item, Utterance)} == {"Hindi", "Urdu"}
    (tmp_path / "codes").write_text("Hindi hin\n")
    labels = {utt: u.labels for utt, u in utterances(read(source, language_from=str(tmp_path / "codes"))).items()}
    assert labels["Hindi_H0"] == {"lang": "hin"} and labels["Urdu_U0"] == {}


ROWS = [
    {"file": "Hindi/H0.wav", "language": "hin", "speaker": "anna", "text": "a, \"b\"", "accent": "delhi"},
    {"file": "H1", "language": "hin", "speaker": "anna", "text": "", "accent": ""},
    {"file": "Urdu/U0", "language": "urd", "speaker": "bob", "text": "c", "accent": "x"},
]  # fmt: skip


def written(path: Path) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif path.suffix == ".tsv":
        path.write_text("".join("\t".join(row) + "\n" for row in (list(ROWS[0]), *(row.values() for row in ROWS))))
    else:
        quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row.values()] for row in ROWS]
        path.write_text("".join(",".join(row) + "\r\n" for row in (list(ROWS[0]), *quoted)))
    return path


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_every_format_says_the_same(source: Path, tmp_path: Path, name: str) -> None:
    found = utterances(read(source, labels=str(written(tmp_path / name)), dev_share=0, test_share=0))
    assert len(found) == 10
    assert found["Hindi_H0"].text == 'a, "b"' and found["Hindi_H0"].speaker == "anna"
    assert found["Hindi_H0"].labels == {"lang": "hin", "accent": "delhi"}
    assert found["Hindi_H1"].text is None and found["Hindi_H1"].labels == {"lang": "hin"}
    assert found["Urdu_U0"].labels == {"lang": "urd", "accent": "x"} and found["Urdu_U1"].labels == {}


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_audiofolder_of_hugging_face(source: Path, name: str) -> None:
    (source / "Hindi").rename(source / "train")
    (source / "Urdu").rename(source / "validation")
    rows = [{"file_name": f"H{k}.wav", "transcription": f"t{k}"} for k in range(5)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if name.endswith("csv"):
        text = "".join(",".join(row) + "\n" for row in (["file_name", "transcription"], *(r.values() for r in rows)))
    (source / "train" / name).write_text(text)
    found = read(source)
    assert {split: len(items) for split, items in found.items()} == {"train": 5, "dev": 5}
    assert [item.text for item in found["train"] if isinstance(item, Utterance)] == [f"t{k}" for k in range(5)]


def test_no_speaker_is_in_two_splits_unless_that_is_asked_for(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    files = [f"{name}{k}" for name in "HU" for k in range(5)]
    table.write_text("file,speaker\n" + "".join(f"{file},s{n // 2}\n" for n, file in enumerate(files)))
    found = read(source, labels=str(table))
    speakers = [{item.speaker for item in items if isinstance(item, Utterance)} for items in found.values()]
    assert len(speakers) == 3 and len(set.union(*speakers)) == sum(map(len, speakers)) == 5
    table.write_text("file,speaker\n" + "".join(f"{file},one\n" for file in files))
    with pytest.raises(CorpusError, match="no speaker is left for dev") as caught:
        read(source, labels=str(table))
    assert "--set apart=file" in caught.value.fix
    assert set(read(source, labels=str(table), apart="file")) == {"train", "dev", "test"}


def test_rows_and_files_that_do_not_fit_are_said(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("file,place,split\nH0,26.9 70.9,Test\nH0,,\ngone.wav,,\nH1,Jaisalmer,validation\n")
    found = read(source, labels=str(table))
    problems = [item.reason for items in found.values() for item in items if isinstance(item, Problem)]
    assert problems == ["file named twice: H0", "row without audio: gone.wav"]
    assert {split: len(items) - len(problems) * (split == "test") for split, items in found.items()} == {
        "test": 1, "dev": 1, "train": 8,
    }  # fmt: skip
    assert utterances(found)["Hindi_H0"].labels == {"loc": "26.9 70.9"}
    assert utterances(found)["Hindi_H1"].labels == {"place": "Jaisalmer"}
    table.write_text("file,accent\ngone.wav,x\n")
    with pytest.raises(CorpusError, match="names none of the 10 audio files"):
        read(source, labels=str(table))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "x", "labels are read from"),
        ("a.csv", "", "is empty"),
        ("a.csv", "name,lang\nx,y\n", "no column names the file"),
        ("a.csv", "file,lang\nx\n", ":2: 1 columns, the header has 2"),
        ("a.tsv", "file\tlang\tlanguage\nx\ty\tz\n", "both say lang"),
        ("a.tsv", "file\tdur\nx\ty\n", "cannot be a label"),
        ("a.csv", "file,a,a\nx,y,z\n", "given twice"),
        ("a.csv", "file,a\n,z\n", "names no file"),
        ("a.jsonl", '{"file": "x"}\n[1]\n', ":2: no JSON object"),
        ("a.jsonl", "nothing\n", ":1: not JSON"),
        ("a.jsonl", '{"file": "x", "boxes": [1]}\n', "'boxes' is a list"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CorpusError, match=message):
        list(read_label_file(tmp_path / name))


def test_from_the_command_line_stereo_at_another_rate(source: Path, tmp_path: Path, capsys) -> None:
    import numpy as np
    import soundfile

    both = np.stack([layouts.samples(1, 4000), layouts.samples(2, 4000)], axis=1)
    soundfile.write(source / "Hindi" / "stereo.wav", both, 8000)
    options = ["--language-from", "parent", "--labels", str(written(tmp_path / "a 'b'.tsv")), "--resample"]
    assert main(["prepare", "folder", str(source), str(tmp_path / "data"), *options]) == 0
    assert "channel=0" in capsys.readouterr().out
    assert main(["prepare", "folder", str(source), str(tmp_path / "data"), *options, "--set", "channel=0"]) == 0
    splits = [DataDir.open(tmp_path / "data" / split) for split in ("train", "dev", "test")]
    assert sum(map(len, splits)) == 11
    assert main(["data", "validate", "--no-text", "--audio", *(str(split.folder) for split in splits)]) == 0


def test_other_corpora_take_no_labels(tmp_path: Path, capsys) -> None:
    assert main(["prepare", "dhwani", str(tmp_path), str(tmp_path / "data"), "--labels", "a.tsv"]) == 2
    assert "labels" in capsys.readouterr().err
