from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece as peer

from masr.errors import UnitsError
from masr.units import sentencepiece
from masr.units.sentencepiece import Config

SYLLABLES = ["the", "cat", "sat", "on", "mat", "le", "ro", "wi", "dou", "ky", "दो", "ती"]
LINES = [
    f"the {a}{b} {b}{c}  {a} {c}{a}{b}"
    for i, a in enumerate(SYLLABLES)
    for b in SYLLABLES
    for c in SYLLABLES[i % 3 :: 3]
] + [" lead and", "trail "]


class Counted(list[str]):
    """Lines that count how often they are read through."""

    passes = 0

    def __iter__(self) -> Iterator[str]:
        self.passes += 1
        return super().__iter__()


@pytest.mark.parametrize("model", ["unigram", "bpe"])
def test_size_and_ids_are_those_asked_for(model: str, tmp_path: Path) -> None:
    units = sentencepiece.train(Config(model=model, vocab_size=40), LINES)  # type: ignore[arg-type]
    assert units.size == 40
    units.save(tmp_path)
    theirs = peer.SentencePieceProcessor(model_file=str(tmp_path / "units.model"))
    assert theirs.encode("the cats") == units.encode("the cats")
    listed = [line.rsplit(" ", 1)[0] for line in (tmp_path / "units.txt").read_text(encoding="utf-8").splitlines()]
    assert listed == [theirs.id_to_piece(i) for i in range(40)]


def test_the_same_text_gives_the_same_bytes_and_is_read_once() -> None:
    lines = Counted(LINES)
    one = sentencepiece.train(Config(vocab_size=40), lines)
    assert lines.passes == 1
    assert one._model == sentencepiece.train(Config(vocab_size=40), LINES)._model


@pytest.mark.parametrize("model", ["unigram", "bpe"])
@pytest.mark.parametrize("tags", [(), ("hin", "eng")])
def test_too_large_a_vocabulary_names_the_largest_and_that_one_works(model: str, tags: tuple[str, ...]) -> None:
    config = Config(model=model, vocab_size=9000, language_tags=True)  # type: ignore[arg-type]
    with pytest.raises(UnitsError, match=r"more than the text allows: \d+ at most") as caught:
        sentencepiece.train(config, LINES, tags)
    size = int(caught.value.fix.split("vocab_size=")[1].split(",")[0])
    exact = Config(model=model, vocab_size=size, language_tags=True)  # type: ignore[arg-type]
    assert sentencepiece.train(exact, LINES, tags).size == size
    soft = Config(model=model, vocab_size=9000, hard_vocab_limit=False, language_tags=True)  # type: ignore[arg-type]
    assert sentencepiece.train(soft, LINES, tags).size == size


def test_too_small_a_vocabulary_names_the_least_and_that_one_works() -> None:
    with pytest.raises(UnitsError, match="less than the text needs") as caught:
        sentencepiece.train(Config(vocab_size=5), LINES)
    size = int(caught.value.fix.split("vocab_size=")[1].split()[0])
    assert sentencepiece.train(Config(vocab_size=size), LINES).size == size


@pytest.mark.parametrize("lines", [[], [""], ["", ""], ["\u2581"], ["\x00"]])
def test_no_text_is_refused(lines: list[str]) -> None:
    with pytest.raises(UnitsError, match="no text"):
        sentencepiece.train(Config(), lines)


def test_it_says_nothing_on_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    units = sentencepiece.train(Config(vocab_size=40), LINES)
    with pytest.raises(UnitsError):
        sentencepiece.train(Config(vocab_size=5), LINES)
    units.decode(units.encode("never seen: QXZ"))
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_mistake_in_the_text_keeps_its_own_error() -> None:
    class Broken(list[str]):
        def __iter__(self) -> Iterator[str]:
            yield "fine"
            raise UnitsError("line 2 is not text")

    with pytest.raises(UnitsError, match=r"^line 2 is not text$"):
        sentencepiece.train(Config(), Broken(["a", "b"]))


def test_marks_of_sentencepiece_split_a_line_and_are_unknown() -> None:
    units = sentencepiece.train(Config(vocab_size=30, hard_vocab_limit=False), ["ab\u2585cd", "cd\u2581ab\x00x"] * 9)
    assert units.decode(units.encode("ab cd x")) != ""
    for mark in "\u2581\u2585\x00\uffff\ud800":
        assert 1 in units.encode(f"a{mark}b")
        assert units.decode(units.encode(f"ab{mark}cd")) == "ab\u2047cd"


def test_a_line_longer_than_any_limit_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentencepiece, "_MAX_CHARS", 10)
    units = sentencepiece.train(Config(vocab_size=60, hard_vocab_limit=False), ["abcdefghij" * 3 + "Z"] * 3)
    assert 1 not in units.encode("aZ")


@pytest.mark.parametrize(("policy", "text"), [("unk", "the \u2047 cat"), ("drop", "the  cat")])
def test_unknown_characters(policy: str, text: str) -> None:
    units = sentencepiece.train(Config(vocab_size=40, unknown=policy), LINES)  # type: ignore[arg-type]
    assert units.decode(units.encode("the QQ cat")) == text


def test_unknown_characters_can_stop_the_run() -> None:
    units = sentencepiece.train(Config(vocab_size=40, unknown="error"), LINES)
    with pytest.raises(UnitsError, match=r"no unit for 'Q' \(U\+0051\)"):
        units.encode("the Q cat")


def test_bytes_know_everything() -> None:
    units = sentencepiece.train(Config(vocab_size=300, byte_fallback=True, unknown="error"), LINES)
    assert units.decode(units.encode("the Q 漢 cat")) == "the Q 漢 cat"


def test_a_sample_bounds_what_the_trainer_holds() -> None:
    lines = [f"the number {i} is next" for i in range(3000)]
    units = sentencepiece.train(Config(vocab_size=40, max_sentences=300), lines)
    assert units.size == 40


def test_a_model_from_elsewhere_keeps_blank_at_0_and_unknown_at_1(tmp_path: Path) -> None:
    model = io.BytesIO()
    peer.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_writer=model,
        vocab_size=40,
        minloglevel=2,
        user_defined_symbols=["<noise>"],
    )
    path = tmp_path / "their.model"
    path.write_bytes(model.getvalue())
    units = sentencepiece.train(Config(model_file=path, language_tags=True), [], ["hin"])
    assert units.size == 40 - 3 + 2 + 1
    assert units.tokens[:2] == ("<blank>", "<unk>")
    assert units.decode(units.encode("the cat sat", "hin")) == "the cat sat"
    assert {"<s>", "</s>"}.isdisjoint(units.tokens)
    units.save(tmp_path / "units")
    again = sentencepiece.build(Config(), tmp_path / "units")
    assert again.tokens == units.tokens


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitsError, match="no such file"):
        sentencepiece.train(Config(model_file=tmp_path / "none"), [])
    sentencepiece.train(Config(vocab_size=40), LINES).save(tmp_path)
    good = (tmp_path / "units.model").read_bytes()
    for bad in (b"", b"not a model", good[: len(good) // 2]):
        (tmp_path / "units.model").write_bytes(bad)
        with pytest.raises(UnitsError):
            sentencepiece.build(Config(), tmp_path)


def test_files_of_two_runs_do_not_mix(tmp_path: Path) -> None:
    sentencepiece.train(Config(vocab_size=40), LINES).save(tmp_path / "a")
    sentencepiece.train(Config(vocab_size=42), LINES).save(tmp_path / "b")
    (tmp_path / "a" / "units.model").write_bytes((tmp_path / "b" / "units.model").read_bytes())
    with pytest.raises(UnitsError, match="do not belong together"):
        sentencepiece.build(Config(), tmp_path / "a")


def test_a_model_with_pieces_that_are_not_utf8_is_refused(tmp_path: Path) -> None:
    units = sentencepiece.train(Config(vocab_size=12, hard_vocab_limit=False), ["\u0928\u0928 a"] * 9)
    units.save(tmp_path)
    path = tmp_path / "units.model"
    whole = path.read_bytes()
    assert "\u0928".encode() in whole
    path.write_bytes(whole.replace("\u0928".encode(), b"\xe0\xa4\x41"))
    with pytest.raises(UnitsError, match="not a sentencepiece model"):
        sentencepiece.build(Config(), tmp_path)
