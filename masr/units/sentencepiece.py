"""Sentencepiece as units: pieces of words found by a unigram model or by byte-pair encoding.

Nothing is normalised by default, and blanks are kept as they stand, so that decode(encode(x)) == x for any text of
known characters. Three characters cannot be units, because sentencepiece uses them as marks of its own; they split
a line when units are trained, and are unknown afterwards.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from masr.config import option, seed_option
from masr.errors import MissingPackageError, UnitsError
from masr.files import ordinary
from masr.io.atomic import atomic_write
from masr.io.layout import UNITS_MODEL
from masr.io.progress import clock, track
from masr.units import vocabulary
from masr.units.vocabulary import BLANK, BLANK_ID, SURFACE, UNKNOWN, UNKNOWN_ID, Policy, spell, tag

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

_RESERVED = re.compile("[\u2581\u2585\\x00\r\n\uffff\ud800-\udfff]+")
"""Characters that no unit can hold: sentencepiece's own marks, the end of a string or a line, and no characters."""
_NEVER = "\uffff"
"""Stands for a reserved character in `encode`: it is never a piece."""
_MAX_CHARS = 1 << 18
"""Most characters of a line: the trainer would leave a longer one out, so it gets it in parts."""


@dataclass(frozen=True)
class Config:
    """How pieces are found."""

    model: Literal["unigram", "bpe"] = option("unigram", "sentencepiece's algorithm")
    vocab_size: int = option(500, "how many ids, <blank>, <unk> and the tags of languages among them")
    hard_vocab_limit: bool = option(True, "stop where the text does not allow so many; false: take what it allows")
    character_coverage: float = option(1.0, "share of the characters of the text that are known afterwards")
    byte_fallback: bool = option(False, "256 more units spell what is not known in bytes: nothing is unknown then")
    normalization: Literal["identity", "nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf"] = option(
        "identity", "sentencepiece's rule for the text; identity changes nothing"
    )
    max_sentences: int = option(1_000_000, "train on a sample of about so many lines, the same for a seed")
    seed: int = seed_option("of that sample")
    num_threads: int = option(4, "fixed, as the pieces depend on it; not the number of cores")
    unknown: Policy = option("unk", "a character without a unit: the id of <unk>, drop it, or stop with an error")
    language_tags: bool = option(False, "one more unit for each language, to stand before its text")
    model_file: Path | None = option(None, "a sentencepiece model to take instead of training one")

    def __post_init__(self) -> None:
        if self.vocab_size < 3:
            raise ValueError("vocab_size: must be 3 or more, as <blank> and <unk> take two")
        if not 0.9 <= self.character_coverage <= 1.0:
            raise ValueError("character_coverage: lies between 0.9 and 1")
        if self.max_sentences < 1 or not 1 <= self.num_threads <= 1024:
            raise ValueError("max_sentences and num_threads: must be 1 or more, and threads at most 1024")


def train(config: Config, lines: Collection[str], languages: Sequence[str] = ()) -> SentencePieceUnits:
    """Units trained on `lines`, which are read once and never held."""
    tags = tuple(languages) if config.language_tags else ()
    if config.model_file is not None:
        return SentencePieceUnits(config, _read(config.model_file), tags)
    room = config.vocab_size - len(tags)
    if room < 3:
        raise UnitsError(f"vocab_size {config.vocab_size} leaves no room for pieces", why=f"there are {len(tags)} tags")
    model = io.BytesIO()
    with ExitStack() as after_reading:
        sentences = _Sentences(lines, config, lambda: after_reading.enter_context(clock("finding pieces")))
        _run_trainer(sentences, model, room, config, len(tags))
    return SentencePieceUnits(config, model.getvalue(), tags)


def _run_trainer(sentences: _Sentences, model: io.BytesIO, size: int, config: Config, num_tags: int) -> None:
    sentencepiece = _package()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type=config.model,
            vocab_size=size,
            hard_vocab_limit=config.hard_vocab_limit,
            character_coverage=config.character_coverage,
            byte_fallback=config.byte_fallback,
            normalization_rule_name=config.normalization,
            remove_extra_whitespaces=config.normalization != "identity",
            num_threads=config.num_threads,
            max_sentence_length=4 * _MAX_CHARS,
            pad_id=BLANK_ID,
            unk_id=UNKNOWN_ID,
            bos_id=-1,
            eos_id=-1,
            pad_piece=BLANK,
            unk_piece=UNKNOWN,
            unk_surface=SURFACE,
            minloglevel=2,
        )
    except (RuntimeError, ValueError, OSError) as error:
        if sentences.failed is not None:
            raise sentences.failed from None
        if not sentences.count:
            raise vocabulary.no_text() from None
        raise _explained(str(error), config, num_tags) from None


def build(config: Config, folder: Path) -> SentencePieceUnits:
    """The units that `save` wrote to `folder`."""
    tokens, languages = vocabulary.split_tags(vocabulary.read_list(folder))
    units = SentencePieceUnits(config, _read(folder / UNITS_MODEL), languages)
    if units.tokens[: len(tokens)] != tokens or units.size != len(tokens) + len(languages):
        raise vocabulary.broken(folder, "units.txt and units.model do not belong together")
    return units


class SentencePieceUnits:
    """Units whose ids are <blank>, <unk>, the pieces in the model's order, and the tags of languages.

    A model of our own has the same ids; in a model from elsewhere <s>, </s> and the like are left out, and its
    pieces move to close the gaps.
    """

    def __init__(self, config: Config, model: bytes, languages: Sequence[str]) -> None:
        self.config = config
        self.languages = tuple(languages)
        self._model = model
        self._processor = _processor(model)
        theirs = range(self._processor.get_piece_size())
        special = {i for i in theirs if self._processor.is_control(i) or self._processor.is_unknown(i)}
        self._theirs = [i for i in theirs if i not in special]
        self._ours = [UNKNOWN_ID] * len(theirs)
        for ours, piece in enumerate(self._theirs, start=2):
            self._ours[piece] = ours
        spelled = [self._spelled(piece) for piece in self._theirs]
        self._tokens = (BLANK, UNKNOWN, *spelled, *(tag(language) for language in languages))

    @property
    def tokens(self) -> tuple[str, ...]:
        """The name of every id."""
        return self._tokens

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self._tokens)

    def encode(self, text: str, language: str | None = None) -> list[int]:
        """The best pieces, behind the language's tag where one is asked for."""
        prefix = [] if language is None else [vocabulary.tag_id(self.languages, language, 2 + len(self._theirs))]
        ids = [self._ours[i] for i in self._processor.encode(_RESERVED.sub(_NEVER, text))]
        if UNKNOWN_ID in ids and self.config.unknown != "unk":
            if self.config.unknown == "error":
                raise vocabulary.unknown_characters(text, {c for c in set(text) if not self._knows(c)})
            ids = [i for i in ids if i != UNKNOWN_ID]
        return prefix + ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text; blanks and tags leave nothing, an unknown unit a double question mark."""
        pieces = []
        for unit in ids:
            vocabulary.check_id(unit, self.size)
            if unit == UNKNOWN_ID:
                pieces.append(self._processor.unk_id())
            elif unit != BLANK_ID and unit < 2 + len(self._theirs):
                pieces.append(self._theirs[unit - 2])
        text: str = self._processor.decode(pieces)
        return text

    def save(self, folder: Path) -> None:
        """Writes units.model, which sentencepiece reads, then units.txt."""
        atomic_write(folder / UNITS_MODEL, self._model)
        vocabulary.write_list(folder, self.tokens)

    def _spelled(self, piece: int) -> str:
        token: str = self._processor.id_to_piece(piece)
        return token if self._processor.is_byte(piece) else spell(token)

    def _knows(self, character: str) -> bool:
        if _RESERVED.match(character):
            return False
        return UNKNOWN_ID not in [self._ours[i] for i in self._processor.encode(character)]


class _Sentences:
    """The lines as the trainer takes them: sampled, split at what it cannot hold, counted."""

    def __init__(self, lines: Collection[str], config: Config, finished: Callable[[], object]) -> None:
        self._lines, self._config, self._finished = lines, config, finished
        self.count = 0
        self.failed: Exception | None = None

    def __iter__(self) -> Iterator[str]:
        lines = vocabulary.sample(self._lines, self._config.max_sentences, self._config.seed)
        total = min(len(self._lines), self._config.max_sentences)
        try:
            for line in track(lines, "reading text", total=total, unit="line"):
                for sentence in _RESERVED.split(line):
                    for start in range(0, len(sentence), _MAX_CHARS):
                        self.count += 1
                        yield sentence[start : start + _MAX_CHARS]
        except Exception as error:  # the trainer would turn it into text
            self.failed = error
            raise
        self._finished()


def _explained(message: str, config: Config, num_tags: int) -> UnitsError:
    """What sentencepiece's own message means for the config."""
    most = re.search(r"Please set it to a value <= (\d+)", message)
    if most:
        size = int(most[1]) + num_tags
        return UnitsError(
            f"vocab_size {config.vocab_size} is more than the text allows: {size} at most",
            why="there are only so many different pieces in this text",
            fix=f"set units.vocab_size={size}, or units.hard_vocab_limit=false to take what the text allows",
        )
    least = re.search(r"smaller than required_chars\. \d+ vs (\d+)", message)
    if least:
        size = int(least[1]) + num_tags
        return UnitsError(
            f"vocab_size {config.vocab_size} is less than the text needs: {size} at least",
            why="every character of the text is a unit of its own, and with byte_fallback every byte",
            fix=f"set units.vocab_size={size} or more, or units.character_coverage below 1 to give rare ones up",
        )
    reason = message.rpartition("] ")[2].strip() or message
    return UnitsError(f"sentencepiece could not be trained: {reason}", fix="try units.name=characters on the same text")


def _read(path: Path) -> bytes:
    try:
        return ordinary(path).read_bytes()
    except FileNotFoundError:
        raise vocabulary.missing(path) from None
    except OSError as error:
        raise vocabulary.broken(path, str(error)) from None


def _processor(model: bytes) -> SentencePieceProcessor:
    try:
        processor: SentencePieceProcessor = _package().SentencePieceProcessor(model_proto=model)
        processor.id_to_piece(list(range(processor.get_piece_size())))  # each is UTF-8, which nothing has looked at yet
    except (RuntimeError, ValueError, TypeError):
        raise UnitsError(
            "this is not a sentencepiece model", why="cut short, or another file", fix="run masr units DATA OUT again"
        ) from None
    return processor


def _package() -> Any:
    try:
        import sentencepiece
    except ModuleNotFoundError:
        raise MissingPackageError("sentencepiece is not installed", fix="pip install sentencepiece") from None
    return sentencepiece
