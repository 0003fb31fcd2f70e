"""`masr words`: a lexicon and a language model that the decoder takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.cli.main import main
from masr.inference.language_model import check_language_model
from masr.inference.lexicon import read_lexicon
from masr.io.datadir import write_datadir
from masr.units import characters


def data(folder: Path, **text: str) -> Path:
    tables = {"utt2spk": {utt: utt for utt in text}, "text": text}
    write_datadir(folder, tables)
    return folder


def test_every_word_is_there_and_the_decoder_can_read_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "d", u1="the cat sat", u2="", u3="a cat  sat")
    assert main(["words", str(folder), str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "lexicon.txt").read_text() == "a\ncat\nsat\nthe\n"
    units = characters.train(characters.Config(), ["the cat sat a"], [])
    assert read_lexicon(tmp_path / "out" / "lexicon.txt", units).words == ("a", "cat", "sat", "the")
    check_language_model(tmp_path / "out" / "words.arpa")
    said = capsys.readouterr().out
    assert "4 words of 2 transcripts" in said and "1 transcripts have no word" in said
    assert "ngram 3=" in (tmp_path / "out" / "words.arpa").read_text()


def test_the_order_is_as_asked(tmp_path: Path) -> None:
    folder = data(tmp_path / "d", u1="the cat sat")
    assert main(["words", str(folder), str(tmp_path / "out"), "--order", "2"]) == 0
    text = (tmp_path / "out" / "words.arpa").read_text()
    assert "ngram 2=" in text and "ngram 3=" not in text


def test_without_words_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["words", str(data(tmp_path / "d", u1="", u2="")), str(tmp_path / "out")]) == 2
    write_datadir(tmp_path / "mute", {"utt2spk": {"u1": "s"}})
    assert main(["words", str(tmp_path / "mute"), str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "none of its 2 transcripts has a word" in said and "has no text" in said
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "d", u1="the cat sat")
    (tmp_path / "out").write_text("mine")
    assert main(["words", str(folder), str(tmp_path / "out")]) == 2
    assert main(["words", str(folder), str(tmp_path / "out" / "below")]) == 2
    said = capsys.readouterr().err
    assert said.count(f"{tmp_path / 'out'}") == 2 and said.count("in the way") == 1 and "folder is needed" in said
    assert (tmp_path / "out").read_text() == "mine"
