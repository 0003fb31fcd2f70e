"""Alignments of two word sequences by brute force, and sclite's own way of choosing one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

C, S, D, INS = "CSDI"


def all_alignments(ref: Sequence[str], hyp: Sequence[str]) -> list[str]:
    """Every way to pair words in order, as a string of operations; for a few words only."""
    found = []
    for size in range(min(len(ref), len(hyp)) + 1):
        for left in combinations(range(len(ref)), size):
            for right in combinations(range(len(hyp)), size):
                operations, i, j = "", 0, 0
                for a, b in zip(left, right):
                    operations += D * (a - i) + INS * (b - j) + (C if ref[a] == hyp[b] else S)
                    i, j = a + 1, b + 1
                found.append(operations + D * (len(ref) - i) + INS * (len(hyp) - j))
    return found


def cost(operations: str, gap: int, substitution: int) -> int:
    return gap * (operations.count(D) + operations.count(INS)) + substitution * operations.count(S)


def sclite_alignment(ref: Sequence[str], hyp: Sequence[str], gap: int = 3, substitution: int = 4) -> str:
    """Into each cell the cheapest way, of equals a pair before an insertion before a deletion."""
    table = {(0, 0): (0, "")}
    for i in range(len(ref) + 1):
        for j in range(len(hyp) + 1):
            if not i and not j:
                continue
            ways = []
            if i and j:
                same = ref[i - 1] == hyp[j - 1]
                before = table[i - 1, j - 1]
                ways.append((before[0] + (0 if same else substitution), 0, before[1] + (C if same else S)))
            if j:
                ways.append((table[i, j - 1][0] + gap, 1, table[i, j - 1][1] + INS))
            if i:
                ways.append((table[i - 1, j][0] + gap, 2, table[i - 1, j][1] + D))
            least = min(ways, key=lambda way: way[:2])
            table[i, j] = (least[0], least[2])
    return table[len(ref), len(hyp)][1]


def gillick_cox_segments(first: str, second: str, between: int = 2) -> list[tuple[int, int]]:
    """Errors of two systems per segment, word by word through one utterance; operations as above."""
    events: list[tuple[float, int]] = []
    for system, operations in enumerate((first, second)):
        word = 0
        for operation in operations:
            if operation == INS:
                events.append((word - 0.5, system))
            else:
                if operation != C:
                    events.append((float(word), system))
                word += 1
    num_words = sum(operation != INS for operation in first)
    wrong = {place for place, _ in events}
    segments: list[list[int]] = []
    run = between
    walk = sorted({*wrong, *map(float, range(num_words))})
    for place in walk:
        if place not in wrong:
            run += 1
            continue
        if run >= between or not segments:
            segments.append([0, 0])
        for other, system in events:
            if other == place:
                segments[-1][system] += 1
        run = 0
    return [(a, b) for a, b in segments]
