"""Characters as units: every code point of the text has an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.config import option
from masr.errors import UnitsError
from masr.units import vocabulary
from masr.units.vocabulary import BLANK, BLANK_ID, SURFACE, UNKNOWN, UNKNOWN_ID, Policy, spell, tag, unspell


@dataclass(frozen=True)
class Config:
    """Which characters get an id."""

    min_count: int = option(1, "characters that occur less often are unknown")
    max_size: int | None = option(None, "the most ids; the most frequent characters are kept. Empty: all of them")
    unknown: Policy = option("unk", "a character without an id: the id of <unk>, drop it, or stop with an error")
    language_tags: bool = option(False, "one more unit for each language, to stand before its text")

    def __post_init__(self) -> None:
        if self.min_count < 1:
            raise ValueError("min_count: must be 1 or more")
        if self.max_size is not None and self.max_size < 3:
            raise ValueError("max_size: must be 3 or more, as <blank> and <unk> take two")


def train(config: Config, lines: Collection[str], languages: Sequence[str] = ()) -> CharacterUnits:
    """Units for the characters of `lines`, the most frequent first."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    if not counts:
        raise vocabulary.no_text()
    # a lone surrogate is half a character that no file can hold
    kept = [c for c in counts if counts[c] >= config.min_count and not "\ud800" <= c <= "\udfff"]
    kept.sort(key=lambda c: (-counts[c], c))
    tags = tuple(languages) if config.language_tags else ()
    if config.max_size is not None:
        room = config.max_size - 2 - len(tags)
        if room < 1:
            raise UnitsError(f"max_size {config.max_size} leaves no room for characters", why=f"{len(tags)} tags")
        kept = kept[:room]
    return CharacterUnits(config, kept, tags)


def build(config: Config, folder: Path) -> CharacterUnits:
    """The units that `save` wrote to `folder`."""
    tokens, languages = vocabulary.split_tags(vocabulary.read_list(folder))
    characters = [unspell(token) for token in tokens[2:]]
    if any(len(character) != 1 for character in characters):
        raise vocabulary.broken(folder, "its units are not characters: the config says characters, the list is another")
    return CharacterUnits(config, characters, languages)


class CharacterUnits:
    """Units whose ids are, in this order, <blank>, <unk>, the characters and the tags of languages."""

    def __init__(self, config: Config, characters: Sequence[str], languages: Sequence[str]) -> None:
        self.config = config
        self.languages = tuple(languages)
        self._characters = tuple(characters)
        self._ids = {character: i for i, character in enumerate(characters, start=2)}
        spelled = (spell(character) for character in characters)
        self.tokens = (BLANK, UNKNOWN, *spelled, *(tag(language) for language in languages))

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self.tokens)

    def encode(self, text: str, language: str | None = None) -> list[int]:
        """One id a character, behind the language's tag where one is asked for."""
        prefix = [] if language is None else [vocabulary.tag_id(self.languages, language, 2 + len(self._characters))]
        ids = [self._ids.get(character, UNKNOWN_ID) for character in text]
        if UNKNOWN_ID in ids and self.config.unknown != "unk":
            if self.config.unknown == "error":
                raise vocabulary.unknown_characters(text, set(text) - set(self._ids))
            ids = [i for i in ids if i != UNKNOWN_ID]
        return prefix + ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text; blanks and tags leave nothing, an unknown unit a double question mark."""
        characters = []
        for unit in ids:
            vocabulary.check_id(unit, self.size)
            if unit == UNKNOWN_ID:
                characters.append(SURFACE)
            elif unit != BLANK_ID and unit < 2 + len(self._characters):
                characters.append(self._characters[unit - 2])
        return "".join(characters)

    def save(self, folder: Path) -> None:
        """Writes units.txt, which says all there is to know."""
        vocabulary.write_list(folder, self.tokens)
