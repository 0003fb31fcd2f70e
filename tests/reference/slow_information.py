"""Mutual information and rank correlations by loops over pairs, from their definitions."""

from __future__ import annotations

import math


def mutual_information(first, second):
    n = len(first)
    total = 0.0
    for a in set(first):
        for b in set(second):
            both = sum(1 for x, y in zip(first, second) if x == a and y == b) / n
            if both:
                total += both * math.log(both / ((list(first).count(a) / n) * (list(second).count(b) / n)))
    return total


def ranks(values):
    return [
        sum(1 for other in values if other < v) + (sum(1 for other in values if other == v) + 1) / 2 for v in values
    ]


def spearman(x, y):
    a, b = ranks(x), ranks(y)
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    cov = sum((p - ma) * (q - mb) for p, q in zip(a, b))
    return cov / math.sqrt(sum((p - ma) ** 2 for p in a) * sum((q - mb) ** 2 for q in b))


def kendall(x, y):
    """Tau-b over all pairs of points."""
    agree = disagree = only_x = only_y = 0
    for i in range(len(x)):
        for j in range(i):
            dx, dy = x[i] - x[j], y[i] - y[j]
            if dx * dy > 0:
                agree += 1
            elif dx * dy < 0:
                disagree += 1
            elif dx:
                only_x += 1
            elif dy:
                only_y += 1
    return (agree - disagree) / math.sqrt((agree + disagree + only_x) * (agree + disagree + only_y))
