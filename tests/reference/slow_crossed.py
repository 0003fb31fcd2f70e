"""The mean of values over seeds and speakers and its variance in a two-way random-effects model, cell by cell.

The model's three mean squares are taken from their definitions as sums over every cell.
"""

from __future__ import annotations

from collections.abc import Sequence


def mean_and_variance(sums: Sequence[Sequence[float]], counts: Sequence[float]) -> tuple[float, float, float]:
    """(mean, variance of the mean, Satterthwaite's degrees of freedom) of a table of seeds by speakers."""
    num_seeds, num_speakers, total = len(sums), len(counts), sum(counts)
    seeds = [sum(row) / total for row in sums]
    mean = sum(seeds) / num_seeds
    pulls = [
        [(row[k] - seeds[s] * counts[k]) * num_speakers / total for k in range(num_speakers)]
        for s, row in enumerate(sums)
    ]
    speakers = [sum(pulls[s][k] for s in range(num_seeds)) / num_seeds for k in range(num_speakers)]
    square_seeds = num_speakers * sum((one - mean) ** 2 for one in seeds) / (num_seeds - 1)
    square_speakers = num_seeds * sum(one**2 for one in speakers) / (num_speakers - 1)
    square_rest = 0.0
    for s in range(num_seeds):
        for k in range(num_speakers):
            square_rest += (pulls[s][k] - speakers[k]) ** 2 / ((num_seeds - 1) * (num_speakers - 1))
    of_seeds = max(0.0, (square_seeds - square_rest) / num_speakers)
    of_speakers = max(0.0, (square_speakers - square_rest) / num_seeds)
    cells = num_seeds * num_speakers
    variance = of_seeds / num_seeds + of_speakers / num_speakers + square_rest / cells
    spread = (square_seeds / cells) ** 2 / (num_seeds - 1)
    spread += (square_speakers / cells) ** 2 / (num_speakers - 1)
    spread += (square_rest / cells) ** 2 / ((num_seeds - 1) * (num_speakers - 1))
    return mean, variance, variance**2 / spread
