"""What lies in a corpus's folder and is no file, or has a name that leads elsewhere."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from masr.corpora.ids import safe_id
from masr.corpora.prepare import prepare
from masr.errors import CorpusError
from masr.io.datadir import DataDir
from masr.types import Part, Utterance
from reference import corpus_layouts as layouts
from small.alarm import ends

SOUND = layouts.wav(layouts.samples())
FLAC = layouts.wav(layouts.samples(), kind="FLAC")


def corpus_with(name: str, root: Path, odd: Path) -> Path:
    """A corpus of two good files and one whose audio is a copy of the odd thing, a link or a pipe."""
    if name == "fleurs":
        layouts.fleurs(root, "hi_in", "train", dict.fromkeys(("a.wav", "b.wav", "odd.wav"), SOUND), packed=False)
        place = root / "data/hi_in/audio/train/odd.wav"
    elif name == "librispeech":
        layouts.librispeech(root, dict.fromkeys(("84-121123-0000", "84-121123-0001", "84-121123-0002"), FLAC))
        place = root / "LibriSpeech/dev-clean/84/121123/84-121123-0002.flac"
    elif name == "dhwani":
        layouts.dhwani(root, {f"hindi/broken-vid00000000-{i}.wav": SOUND for i in range(3)})
        place = root / "data_refined/hindi/broken-vid00000000-2.wav"
    elif name == "pangloss":
        layouts.pangloss(root, dict.fromkeys(("a", "b", "odd"), SOUND), {})
        place = root / "odd.wav"
    else:
        layouts.lhotse(root, [layouts.recording(x, f"{x}.wav") for x in ("a", "b", "odd")], [])
        (root / "ami_supervisions_dev.jsonl.gz").unlink()
        for x in ("a", "b"):
            (root / f"{x}.wav").write_bytes(SOUND)
        place = root / "odd.wav"
    place.unlink(missing_ok=True)
    if odd.name == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to({"loop": place.name, "nowhere": "not there", "zero": "/dev/zero"}[odd.name])
    return root


@pytest.mark.parametrize("corpus", ["fleurs", "librispeech", "dhwani", "pangloss", "lhotse"])
@pytest.mark.parametrize("odd", ["loop", "pipe", "nowhere", "zero"])
def test_a_symlink_loop_or_a_fifo_named_wav_is_one_problem_and_never_silence(
    open_corpus, tmp_path, corpus, odd
) -> None:
    source = corpus_with(corpus, tmp_path / "c", Path(odd))
    with ends():
        summaries = prepare(open_corpus(corpus), source, tmp_path / "data")
    problems = sum((summary.problems for summary in summaries), start=Counter())
    assert sum(summary.num_utterances for summary in summaries) == 2
    assert dict(problems) == {"missing file" if odd == "nowhere" else "cannot be read": 1}


def test_annotations_that_are_pipes_or_loops(open_corpus, tmp_path) -> None:
    layouts.pangloss(tmp_path / "c", dict.fromkeys(("a", "b", "c"), SOUND), {})
    os.mkfifo(tmp_path / "c/b.xml")
    (tmp_path / "c/c.xml").symlink_to("c.xml")
    with ends():
        (summary,) = prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data")
    assert dict(summary.problems) == {"bad annotation": 2}


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 19, "0" * 5000 + "1", "०१२", "²"])
def test_a_digit_string_over_4300_in_a_fleurs_row_is_a_bad_row(open_corpus, read_all, tmp_path, digits) -> None:
    rows = [layouts.fleurs_row("a.wav"), layouts.fleurs_row("b.wav").replace("\t8000\t", f"\t{digits}\t")]
    layouts.fleurs(tmp_path, "hi_in", "train", dict.fromkeys(("a.wav", "b.wav"), SOUND), rows)
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert list(utterances) == ["hi_in-a"]
    assert problems[0].reason.startswith("bad number of samples")
    assert len(problems[0].reason) < 90


@pytest.mark.parametrize("series", ["..", ".", "...", "._..", ".prepare", ".hidden", "../../elsewhere"])
def test_a_series_of_dots_touches_nothing_outside_the_output(open_corpus, tmp_path, series) -> None:
    (tmp_path / "home/kept").mkdir(parents=True)
    layouts.pangloss(tmp_path / "c", {"tale": SOUND}, {}, f"file\tseries\ntale\t{series}\n")
    (summary,) = prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "home/out")
    assert len(DataDir.open(tmp_path / "home/out" / summary.split)) == 1
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["kept", "out"]
    assert sorted(path.name for path in (tmp_path / "home/out").iterdir()) == [summary.split]
    assert not summary.split.startswith(".")


@pytest.mark.parametrize("text", ["..", ".", "...", "._.", "._..", "/..", "../x", ".x", "_.x", "-..", "a..b"])
def test_safe_id_begins_with_no_dot_and_is_the_same_twice(text) -> None:
    found = safe_id(text)
    assert found
    assert not found.startswith(".")
    assert Path(found).name == found
    assert safe_id(found) == found


class Named:
    """A corpus whose split or part has a name of its own choice."""

    def __init__(self, split: str, name: str) -> None:
        self.split, self.name = split, name

    def parts(self, source):
        return [Part(self.split, self.name, source)]

    def read(self, part):
        yield Utterance("u", "u", SOUND)


@pytest.mark.parametrize("name", ["..", ".x", "a/b", "/a", "", "x" * 300, "ü" * 100, "a\0b", "a\ud800b"])
@pytest.mark.parametrize("is_split", [True, False])
def test_no_split_and_no_part_is_named_so_that_it_leads_elsewhere(tmp_path, name, is_split) -> None:
    corpus = Named(name, "part") if is_split else Named("train", name)
    with pytest.raises(CorpusError, match="cannot be the name"):
        prepare(corpus, tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_series_of_300_letters_is_refused_by_name(open_corpus, tmp_path) -> None:
    layouts.pangloss(tmp_path / "c", {"tale": SOUND}, {}, f"file\tseries\ntale\t{'x' * 300}\n")
    with pytest.raises(CorpusError, match="cannot be the name"):
        prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data")
