"""Decoders against a sum over all paths, and against an ARPA reader that follows the format's definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.errors import DecodingError
from masr.inference.beam import _merged
from masr.inference.decode import build_decoder
from masr.inference.decode_config import DecodingConfig as Config
from masr.inference.hypothesis import collapse
from masr.inference.language_model import check_language_model
from masr.inference.lexicon import read_lexicon
from masr.types import FloatArray
from masr.units import characters
from reference import slow_arpa, slow_ctc

ARPA = """\\data\\
ngram 1=6
ngram 2=4
ngram 3=1

\\1-grams:
-1.2\t<unk>
0\t<s>\t-0.3
-0.8\t</s>
-0.5\ta\t-0.2
-0.7\tab\t-0.4
-0.9\tb

\\2-grams:
-0.3\t<s> a\t-0.1
-0.6\ta ab\t-0.15
-0.2\tab </s>
-0.45\tb a

\\3-grams:
-0.05\t<s> a ab

\\end\\
"""
WIDE: dict[str, Any] = {
    "beam_size": 100_000,
    "units_per_frame": 99,
    "beam_threshold": 1e6,
    "num_best": 100_000,
    "sure_blank": 1.0,
}


class Pieces:
    """Units as sentencepiece names them, of which each that begins with the mark begins a word."""

    def __init__(self, *pieces: str) -> None:
        self.tokens = ("<blank>", "<unk>", *pieces)
        self.size = len(self.tokens)

    def encode(self, text: str, language: str | None = None) -> list[int]:
        return [self.tokens.index(f"\u2581{text[:1]}"), *(self.tokens.index(c) for c in text[1:])]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.tokens[i] for i in ids if i > 1).replace("\u2581", " ").strip()

    def save(self, folder: Path) -> None:
        raise NotImplementedError


LETTERS = characters.CharacterUnits(characters.Config(), [" ", "a", "b"], ())
PIECES = Pieces("\u2581a", "\u2581b", "b")


def emissions(seed: int, frames: int, units: int, sharpness: float = 1.0) -> FloatArray:
    logits = sharpness * np.random.default_rng(seed).standard_normal((frames, units))
    return (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)


def letters(ids: Sequence[int]) -> str:
    return " ".join(LETTERS.decode(ids).split())


def scores(decoder: Any, frames: FloatArray) -> dict[str, float]:
    return {one.text: one.score for one in decoder.decode(frames)}


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_text("a\nab\nb\nbb\n")
    return tmp_path / "words.txt"


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    (tmp_path / "lm.arpa").write_text(ARPA)
    return tmp_path / "lm.arpa"


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_sums_all_paths_of_every_text(seed: int) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    frames = emissions(seed, 5, 5)
    expected = slow_ctc.text_scores(frames.tolist(), letters)
    assert scores(build_decoder(Config(**WIDE), LETTERS), frames) == pytest.approx(expected, abs=1e-5)


def test_without_the_sum_a_text_has_its_best_path() -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    frames = emissions(3, 5, 5)
    expected = slow_ctc.text_scores(frames.tolist(), letters, best_path=True)
    found = build_decoder(Config(sum_paths=False, **WIDE), LETTERS)
    assert scores(found, frames) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_lexicon_and_a_model_of_words(seed: int, lexicon: Path, arpa: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    frames = emissions(seed, 6, 5)

    def known(ids: Sequence[int]) -> str | None:
        text = letters(ids)
        return text if set(text.split()) <= {"a", "ab", "b", "bb"} else None

    expected = slow_ctc.text_scores(frames.tolist(), known)
    assert scores(build_decoder(Config(lexicon=lexicon, **WIDE), LETTERS), frames) == pytest.approx(expected, abs=1e-5)
    model = slow_arpa.SlowArpa(arpa)
    weighted = {
        text: score + 0.7 * math.log(10) * model.sentence(text.split()) + 0.3 * len(text.split())
        for text, score in expected.items()
    }
    config = Config(lexicon=lexicon, language_model=arpa, lm_weight=0.7, word_score=0.3, **WIDE)
    decoder = build_decoder(config, LETTERS)
    assert scores(decoder, frames) == pytest.approx(weighted, abs=1e-5)
    for one in decoder.decode(frames)[:20]:
        assert one.language == pytest.approx(math.log(10) * model.sentence(one.text.split()), abs=1e-5)


def test_a_model_of_units(arpa: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    frames, model = emissions(7, 5, 5), slow_arpa.SlowArpa(arpa)
    sequences = slow_ctc.text_scores(frames.tolist(), lambda ids: " ".join(LETTERS.tokens[i] for i in ids))
    expected: dict[str, list[float]] = {}
    for tokens, score in sequences.items():
        text = letters([LETTERS.tokens.index(token) for token in tokens.split()])
        total = score + 0.4 * math.log(10) * model.sentence(tokens.split())
        expected.setdefault(text, []).append(total)
    summed = {text: float(np.logaddexp.reduce(totals)) for text, totals in expected.items()}
    config = Config(language_model=arpa, model_of="units", lm_weight=0.4, **WIDE)
    assert scores(build_decoder(config, LETTERS), frames) == pytest.approx(summed, abs=1e-5)


def test_words_of_pieces_end_without_a_space(tmp_path: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    (tmp_path / "words.txt").write_text("a\nab\nb\n")
    decoder = build_decoder(Config(lexicon=tmp_path / "words.txt", **WIDE), PIECES)
    for path, text in (
        ([0, 2, 0, 2, 4, 0], "a ab"),
        ([2, 2, 4, 4, 0, 3], "ab b"),
        ([2, 4, 4, 4], "ab"),
        ([2, 2, 0, 3, 3], "a b"),
        ([0, 0, 3], "b"),
        ([2, 4, 2, 0], "ab a"),
    ):
        frames = np.full((len(path), 5), 0.005, dtype=np.float32)
        frames[np.arange(len(path)), path] = 0.98
        assert decoder.decode(np.log(frames))[0].text == text


def test_greedy_takes_the_best_path() -> None:
    for seed in range(5):
        frames = emissions(seed, 6, 5, 2.0)
        found = build_decoder(Config(search="greedy"), LETTERS).decode(frames)
        assert len(found) == 1
        assert found[0].text == letters(slow_ctc.collapsed(frames.argmax(axis=1).tolist()))
        assert found[0].score == pytest.approx(float(frames.max(axis=1).sum()), abs=1e-5)


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_times_and_confidences(search: Any) -> None:
    if search == "beam":
        pytest.importorskip("flashlight.lib.text.decoder")
    # a a _ b | | _ a
    path = [3, 3, 0, 4, 2, 2, 0, 3]
    frames = np.full((8, 5), 0.05, dtype=np.float32)
    frames[np.arange(8), path] = 0.8
    frames[1] = [0.1, 0.1, 0.1, 0.6, 0.1]
    found = build_decoder(Config(search=search), LETTERS).decode(np.log(frames))[0]
    assert [(word.text, word.first_frame, word.end_frame) for word in found.words] == [("ab", 0, 4), ("a", 7, 8)]
    assert [word.confidence for word in found.words] == pytest.approx([0.8, 0.8], abs=1e-5)
    frames[3] = [0.1, 0.1, 0.1, 0.2, 0.5]
    found = build_decoder(Config(search=search), LETTERS).decode(np.log(frames))[0]
    assert found.words[0].confidence == pytest.approx(math.sqrt(0.8 * 0.5), abs=1e-5)


def test_times_of_words_of_a_lexicon(lexicon: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    path = [2, 3, 4, 4, 2, 0, 4, 0]
    frames = np.full((8, 5), 0.01, dtype=np.float32)
    frames[np.arange(8), path] = 0.96
    found = build_decoder(Config(lexicon=lexicon), LETTERS).decode(np.log(frames))[0]
    assert [(word.text, word.first_frame, word.end_frame) for word in found.words] == [("ab", 1, 4), ("b", 6, 7)]


def test_the_best_are_distinct_sorted_and_no_more_than_asked_for(lexicon: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    for config in (Config(num_best=4), Config(num_best=4, lexicon=lexicon), Config(num_best=4, sum_paths=False)):
        found = build_decoder(config, LETTERS).decode(emissions(1, 12, 5))
        assert len(found) == 4 == len({one.text for one in found})
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_an_impossible_word_and_no_frame(tmp_path: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    (tmp_path / "words.txt").write_text("abab\n")
    decoder = build_decoder(Config(lexicon=tmp_path / "words.txt"), LETTERS)
    assert decoder.decode(np.zeros((0, 5), dtype=np.float32))[0].text == ""
    frames = np.full((2, 5), math.log(0.001), dtype=np.float32)
    frames[:, 3] = math.log(0.996)
    assert decoder.decode(frames)[0].text == ""


@pytest.mark.parametrize("with_lexicon", [False, True])
def test_sure_blanks_are_skipped_and_times_stay(with_lexicon: bool, lexicon: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    path = [0, 0, 0, 3, 0, 0, 3, 2, 0, 0, 0, 4, 4, 0, 0]
    frames = np.full((15, 5), 1e-5, dtype=np.float32)
    frames[np.arange(15), path] = 1 - 4e-5
    frames[12] = [0.1, 0.1, 0.1, 0.1, 0.6]
    options = {"lexicon": lexicon} if with_lexicon else {}
    (lexicon).write_text("aa\nb\n")
    skipped, whole = (
        build_decoder(Config(sure_blank=sure, **options), LETTERS).decode(np.log(frames))[0] for sure in (0.99, 1.0)
    )
    assert skipped.text == whole.text == "aa b"
    assert [(w.first_frame, w.end_frame) for w in skipped.words] == [(3, 7), (11, 13)]
    assert skipped.words == whole.words
    assert skipped.score == pytest.approx(whole.score, abs=1e-2)
    assert _merged(np.log(frames), 0.99)[1].tolist() == [0, 3, 4, 6, 7, 8, 11, 12, 13]
    assert _merged(np.log(frames), 1.0)[1].tolist() == list(range(15))


def test_collapsing() -> None:
    assert [run.unit for run in collapse([0, 2, 2, 0, 2, 3, 3, 0])] == [2, 2, 3]
    assert [(run.first_frame, run.end_frame) for run in collapse([0, 2, 2, 0, 2])] == [(1, 3), (4, 5)]
    assert collapse([]) == [] == collapse([0, 0])


def test_what_are_no_emissions_of_these_units() -> None:
    decoder = build_decoder(Config(search="greedy"), LETTERS)
    with pytest.raises(DecodingError, match=r"emissions are \(3, 4\), and there are 5 units"):
        decoder.decode(emissions(0, 3, 4))
    with pytest.raises(DecodingError, match="no log-probabilities"):
        decoder.decode(np.ones((3, 5), dtype=np.float32))
    with pytest.raises(DecodingError, match="NaN"):
        decoder.decode(np.full((3, 5), np.nan, dtype=np.float32))
    certain = np.full((2, 5), -np.inf, dtype=np.float32)
    certain[:, 3] = 0
    assert decoder.decode(certain)[0].text == "a"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such language model"),
        (b"", "neither ARPA"),
        (b"\x1f\x8b\x08", "is compressed"),
        (b"\\data\\\nngram 2=3\n", "no counts"),
        (b"\\data\\\n" + b"".join(b"ngram %d=1\n" % n for n in range(1, 9)), "of order 8"),
    ],
)
def test_what_is_no_language_model(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "lm").write_bytes(content)
    with pytest.raises(DecodingError, match=says):
        check_language_model(tmp_path / "lm")


def test_a_language_model_that_ends_too_early(tmp_path: Path, lexicon: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    (tmp_path / "lm").write_text(ARPA[: len(ARPA) // 2])
    with pytest.raises(DecodingError, match="is not a language model"):
        build_decoder(Config(lexicon=lexicon, language_model=tmp_path / "lm"), LETTERS)


def test_words_unknown_to_the_model_are_named(lexicon: Path, arpa: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    decoder: Any = build_decoder(Config(lexicon=lexicon, language_model=arpa), LETTERS)
    assert decoder.not_in_model == ("bb",)


def test_lexicons(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("ab\nba\tb a\nba\tb b a\nab\n")
    found = read_lexicon(path, LETTERS)
    assert dict(zip(found.words, found.spellings)) == {"ab": ((3, 4),), "ba": ((4, 3), (4, 4, 3))}
    path.write_text("ab\nxy\nbx\n")
    with pytest.raises(DecodingError, match=r"2 of 3 words cannot be spelled.*words:2: xy needs characters"):
        read_lexicon(path, LETTERS)
    assert read_lexicon(path, LETTERS, "drop").dropped == ("xy", "bx")
    for content, says in (
        ("ab\tq\n", "needs the unit 'q'"),
        ("a b\n", "words:1: 'a b' is not a word"),
        ("x\n", "1 of 1 words"),
        ("\n", "has no word"),
        ("".join(f"w{i}\ta b\n" for i in range(7)), "7 words are spelled alike"),
    ):
        path.write_text(content)
        with pytest.raises(DecodingError, match=says):
            read_lexicon(path, LETTERS)
    with pytest.raises(DecodingError, match="no such lexicon"):
        read_lexicon(tmp_path / "nothing", LETTERS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"search": "greedy", "lexicon": Path("x")}, "search: greedy"),
        ({"language_model": Path("x")}, "a model of words needs a lexicon"),
        ({"beam_size": 0}, "beam_size"),
        ({"beam_threshold": -1.0}, "beam_threshold"),
    ],
)
def test_settings_that_contradict_each_other(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Config(**options)


@pytest.mark.parametrize("line", [f"ngram {'1' * 5000}=3", f"ngram 1={'1' * 5000}"])
def test_a_digit_string_over_4300_in_a_language_model_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "lm").write_text(f"\\data\\\n{line}\n\n")
    with pytest.raises(DecodingError, match="is not a language model: no counts"):
        check_language_model(tmp_path / "lm")
