"""Nearest-neighbour and centroid answers by loops over pairs."""

from __future__ import annotations

import math


def cosine(a, b):
    length = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / length if length else 0.0


def nearest(references, test):
    """Each item is (vector, label, speaker) -> the label of the nearest reference of another speaker, "" for none."""
    answers = []
    for vector, _, speaker in test:
        best, answer = -math.inf, ""
        for other, label, who in references:
            if who != speaker and cosine(vector, other) > best:
                best, answer = cosine(vector, other), label
        answers.append(answer)
    return answers


def nearest_centroid(references, test):
    """As `nearest`, to the mean of the unit vectors of each label's references of other speakers."""
    answers = []
    for vector, _, speaker in test:
        best, answer = -math.inf, ""
        for label in sorted({label for _, label, _ in references}):
            mine = [v for v, other, who in references if other == label and who != speaker]
            if not mine:
                continue
            units = [[x / math.sqrt(sum(y * y for y in v)) for x in v] for v in mine]
            mean = [sum(column) / len(units) for column in zip(*units)]
            if cosine(vector, mean) > best:
                best, answer = cosine(vector, mean), label
        answers.append(answer)
    return answers
