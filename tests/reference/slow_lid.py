"""Figures of language identification by their definitions: loops, fractions, nothing shared with the package."""

from __future__ import annotations

import math
from fractions import Fraction


def equal_error(targets, nontargets):
    """Exact equal error rate of the ROC's lower convex hull, as a Fraction.

    Every threshold there is gives a point; every segment between two points that crosses the diagonal is tried, and
    the lowest crossing is the hull's.
    """
    points = set()
    for threshold in [-math.inf, *targets, *nontargets, math.inf]:
        miss = Fraction(sum(score < threshold for score in targets), len(targets))
        alarm = Fraction(sum(score >= threshold for score in nontargets), len(nontargets))
        points.add((miss, alarm))
    points.add((Fraction(1), Fraction(0)))
    best = Fraction(1)
    for miss_a, alarm_a in points:
        for miss_b, alarm_b in points:
            below, above = alarm_a - miss_a, miss_b - alarm_b
            if below >= 0 and above >= 0:
                share = below / (below + above) if below + above else Fraction(0)
                best = min(best, miss_a + share * (miss_b - miss_a))
    return best


def ratio(log_probs, language):
    """Log-likelihood ratio of a language against the others, each as likely."""
    others = [math.exp(value) for i, value in enumerate(log_probs) if i != language]
    return log_probs[language] - math.log(math.fsum(others) / len(others))


def cavg(ratios, truth, beta, threshold):
    """Mean over targets of P_miss + beta * mean over the other languages of P_fa."""
    languages = sorted(set(truth))
    total = 0.0
    for target in languages:
        own = [row[target] for row, true in zip(ratios, truth) if true == target]
        total += sum(score < threshold for score in own) / len(own)
        for other in languages:
            if other != target:
                rows = [row[target] for row, true in zip(ratios, truth) if true == other]
                total += beta * sum(score >= threshold for score in rows) / len(rows) / (len(languages) - 1)
    return total / len(languages)


def least_cavg(ratios, truth, beta):
    """Over every threshold that there is."""
    scores = {score for row in ratios for score in row}
    return min(cavg(ratios, truth, beta, threshold) for threshold in [*scores, math.inf])


def cllr(ratios, truth):
    """Detection Cllr in bits, every target and every other language counting the same."""
    languages = sorted(set(truth))
    total = 0.0
    for target in languages:
        own = [math.log2(1 + math.exp(-row[target])) for row, true in zip(ratios, truth) if true == target]
        total += sum(own) / len(own) / 2
        for other in languages:
            if other != target:
                rows = [math.log2(1 + math.exp(row[target])) for row, true in zip(ratios, truth) if true == other]
                total += sum(rows) / len(rows) / (len(languages) - 1) / 2
    return total / len(languages)


def multiclass_cllr(log_probs, truth):
    """Mean over languages of the mean of -log2 of the true language's probability."""
    total = 0.0
    for language in set(truth):
        bits = [-row[true] / math.log(2) for row, true in zip(log_probs, truth) if true == language]
        total += sum(bits) / len(bits)
    return total / len(set(truth))


def calibration_error(confidence, right, num_bins):
    """Mean over answers of the gap between confidence and accuracy of their bin."""
    gap = 0.0
    for b in range(num_bins):
        rows = [i for i, c in enumerate(confidence) if min(int(c * num_bins), num_bins - 1) == b]
        gap += abs(sum(right[i] - confidence[i] for i in rows))
    return gap / len(confidence)


def mcnemar(only_first, only_second):
    """Exact and mid-p, two-sided, by adding up the binomial."""
    both, fewer = only_first + only_second, min(only_first, only_second)
    below = Fraction(sum(math.comb(both, k) for k in range(fewer)), 2**both)
    here = Fraction(math.comb(both, fewer), 2**both)
    return float(min(Fraction(1), 2 * (below + here))), float(2 * below + here)
