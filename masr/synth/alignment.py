"""Which phones belong to which word, and intervals without a gap: what a forced aligner would give, but exact.

eSpeak NG says when each phone begins. Its word marks need care: it runs some words together ("of the", "there was"),
and before a vowel the mark lies at the start of the nasal or liquid before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from masr.synth.arpabet import VOWELS, arpabet
from masr.synth.english import normalise
from masr.synth.espeak import SAMPLE_RATE, Speech, Voice, speak
from masr.types import Span

SILENCE, PAUSE = "sil", "sp"
"""Labels of silence: at the ends, and between words."""
_SHORTEST_PAUSE_SEC = 0.03
_SPELT: dict[str, str] = {"m": "m", "n": "nk", "l": "l", "ɹ": "rw", "r": "rw", "j": "yue", "w": "woq", "ʍ": "w"}
"""Nasal or liquid -> the letters that a word may begin with when it begins with this sound."""
_SONORANTS = {*_SPELT, "ŋ", "n̩", "əl"}
Phones = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Both tiers tile [0, duration]; a silence is an empty word."""

    words: tuple[Span, ...]
    phones: tuple[Span, ...]


def align(text: str, speech: Speech, accent: str) -> Alignment | None:
    """Words as `normalise` writes them, phones in ARPAbet; None where a word was swallowed whole."""
    sounds = [phone for phone in speech.phones if phone.label]
    owners = _owners(text, speech, sounds, accent)
    tokens = normalise(text).split()
    if not sounds or set(owners) != set(range(len(tokens))):
        return None
    duration_sec = len(speech.samples) / SAMPLE_RATE
    pieces = _pieces(sounds, owners, duration_sec)
    words: list[Span] = []
    phones: list[Span] = []
    last: int | None = None
    for label, start_sec, end_sec, owner in pieces:
        if owner is None:
            phones.append(Span(label, start_sec, end_sec))
            words.append(Span("", start_sec, end_sec))
        else:
            phones += _split(arpabet(label, accent), start_sec, end_sec)
            first_sec = words.pop().start_sec if owner == last else start_sec
            words.append(Span(tokens[owner], first_sec, end_sec))
        last = owner
    return Alignment(tuple(words), tuple(phones))


def _pieces(sounds: list[Span], owners: list[int], duration_sec: float) -> list[tuple[str, float, float, int | None]]:
    """Sounds and pauses from 0 to the end; a gap inside a word goes to the phone before it."""
    pieces: list[tuple[str, float, float, int | None]] = []
    start_sec = sounds[0].start_sec if sounds[0].start_sec >= _SHORTEST_PAUSE_SEC else 0.0
    if start_sec > 0:
        pieces.append((SILENCE, 0.0, start_sec, None))
    for index, sound in enumerate(sounds):
        is_last = index == len(sounds) - 1
        next_sec = duration_sec if is_last else sounds[index + 1].start_sec
        inside = not is_last and owners[index + 1] == owners[index]
        end_sec = min(sound.end_sec, next_sec)
        if inside or next_sec - end_sec < _SHORTEST_PAUSE_SEC:
            end_sec = next_sec
        pieces.append((sound.label, start_sec, end_sec, owners[index]))
        if end_sec < next_sec:
            pieces.append((SILENCE if is_last else PAUSE, end_sec, next_sec, None))
        start_sec = next_sec
    return pieces


def _split(labels: Phones, start_sec: float, end_sec: float) -> list[Span]:
    """Equal parts for the several phones that ARPAbet writes for one sound."""
    bounds = [start_sec + (end_sec - start_sec) * i / len(labels) for i in range(len(labels))] + [end_sec]
    return [Span(label, a, b) for label, a, b in zip(labels, bounds, bounds[1:], strict=False)]


def _owners(text: str, speech: Speech, sounds: list[Span], accent: str) -> list[int]:
    """The number of each sound's word."""
    tokens = normalise(text).split()
    starts = _marks(text, speech, len(tokens))
    firsts = [_first_sound(sounds, start_sec, tokens[token]) for token, start_sec in starts]
    bounds = zip(starts, firsts, [*starts[1:], (len(tokens), 0.0)], [*firsts[1:], len(sounds)], strict=True)
    owners: list[int] = []
    for (token, _), first, (next_token, _), next_first in bounds:
        group = [_bare(sound.label, accent) for sound in sounds[first:next_first]]
        inside = _divide(group, [_alone(tokens[t], accent) for t in range(token, next_token)])
        owners += [token + word for word in inside]
    return [0] * (len(sounds) - len(owners)) + owners


def _marks(text: str, speech: Speech, num_tokens: int) -> list[tuple[int, float]]:
    """(word, start) of every mark that opens a word; marks come in the order of the text."""
    marks: list[tuple[int, float]] = []
    cursor = 0
    for mark in speech.words:
        token = _next_token(text, mark.label, cursor, num_tokens)
        if token is not None:
            marks.append((token, mark.start_sec))
            cursor = token + 1
    if not marks or marks[0][0] != 0:
        marks.insert(0, (0, 0.0))
    return marks


def _next_token(text: str, label: str, cursor: int, num_tokens: int) -> int | None:
    """The word that a mark stands at, from `cursor` on. After a full stop some marks hold only the space: the next."""
    words = normalise(label).split()
    if not words:
        return cursor if cursor < num_tokens else None
    tokens = normalise(text).split()
    return next((i for i in range(cursor, num_tokens) if tokens[i].startswith(words[0])), None)


def _first_sound(sounds: list[Span], start_sec: float, token: str) -> int:
    """The first sound of the word whose mark lies at `start_sec`."""
    near = 0.0005
    index = next((i for i, sound in enumerate(sounds) if sound.start_sec >= start_sec - near), len(sounds))
    if index + 1 < len(sounds) and abs(sounds[index].start_sec - start_sec) <= near:
        label = sounds[index].label
        if label in _SONORANTS and token[0].lower() not in _SPELT.get(label, ""):
            return index + 1
    return index


def _bare(label: str, accent: str) -> str:
    """The first ARPAbet phone of a sound, without its stress."""
    return arpabet(label, accent)[0].rstrip("012")


@cache
def _alone(word: str, accent: str) -> Phones:
    """How a word sounds by itself."""
    spoken = speak(word.lower() + ".", Voice(accent, words_per_min=400))
    return tuple(_bare(phone.label, accent) for phone in spoken.phones if phone.label)


def _divide(group: Sequence[str], words: Sequence[Phones]) -> list[int]:
    """The word of each sound that several words make together, by the cheapest edit of the words said alone."""
    if len(words) == 1:
        return [0] * len(group)
    wanted = [(phone, number) for number, word in enumerate(words) for phone in word]
    rows = len(wanted) + 1
    costs = [[(float(column), 0) for column in range(len(group) + 1)]]
    for row in range(1, rows):
        line = [(float(row), 1)]
        for column, sound in enumerate(group, start=1):
            change = _difference(sound, wanted[row - 1][0])
            steps = (costs[row - 1][column - 1][0] + change, costs[row - 1][column][0] + 1, line[-1][0] + 1)
            best = min(range(3), key=steps.__getitem__)
            line.append((steps[best], (2, 1, 0)[best]))
        costs.append(line)
    return _traced(costs, [number for _, number in wanted], len(group))


def _traced(costs: list[list[tuple[float, int]]], numbers: list[int], num_sounds: int) -> list[int]:
    """The word of each sound, back along the cheapest edit; a sound that no word has goes to the word before it."""
    owners = [0] * num_sounds
    row, column = len(numbers), num_sounds
    while column:
        move = costs[row][column][1]
        if move != 1:
            column -= 1
            owners[column] = numbers[max(0, row - 1)]
        if move:
            row -= 1
    return owners


def _difference(a: str, b: str) -> float:
    if a == b:
        return 0.0
    return 0.6 if (a in VOWELS) == (b in VOWELS) else 1.5
