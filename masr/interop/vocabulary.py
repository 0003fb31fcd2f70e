"""Units as the tokenizer that transformers reads CTC's answers by."""

from __future__ import annotations

import json
from pathlib import Path

from masr.errors import UnitsError
from masr.io.atomic import atomic_write
from masr.types import Units
from masr.units.vocabulary import BLANK, SURFACE, unspell

_SPACE, _BYTE = "\u2581", "<0x"
_ESCAPE = "<U+"


def save_tokenizer(units: Units, processor: str, out: Path) -> None:
    """vocab.json and tokenizer_config.json: decoding gives the text that our units give.

    Every unit has the number that it has here, the blank 0. A space is a space, at the start of a piece too, so that
    pieces joined are the text.
    """
    names = [BLANK, SURFACE, *(_name(token) for token in units.tokens[2:])]
    if any(token.startswith(_BYTE) for token in units.tokens):
        raise UnitsError(
            "the units spell characters in bytes (byte_fallback), and transformers' CTC tokenizer has no such units",
            why="an answer would show <0xE2> in place of a character",
            fix="export it with --to onnx, which names units in units.txt, or train units without byte_fallback",
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnitsError(f"two units would have the name {twice!r}", fix="export it with --to onnx")
    atomic_write(
        out / "vocab.json", json.dumps({name: n for n, name in enumerate(names)}, ensure_ascii=False, indent=1)
    )
    settings = {
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "processor_class": processor,
        "pad_token": BLANK,
        "unk_token": SURFACE,
        "bos_token": None,
        "eos_token": None,
        "word_delimiter_token": " ",
        "do_lower_case": False,
        "clean_up_tokenization_spaces": False,
    }
    atomic_write(out / "tokenizer_config.json", json.dumps(settings, ensure_ascii=False, indent=1) + "\n")


def _name(token: str) -> str:
    """A token of units.txt as text: a space for its mark, a character for its escape."""
    if token.startswith(_ESCAPE) or token == "<space>":
        return unspell(token)
    return token.replace(_SPACE, " ")
