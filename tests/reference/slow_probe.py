"""What the probes are made of, from their definitions, in float64 and by loops."""

from __future__ import annotations

import random

import numpy as np


def softmax_optimum(x, y, num_classes, strength, steps=40):
    """Weights (K, D) and bias (K,) that minimise strength * sum of cross-entropies + |W|^2 / 2, by Newton's method."""
    x = np.asarray(x, np.float64)
    n, d = x.shape
    ones = np.concatenate([x, np.ones((n, 1))], axis=1)
    w = np.zeros((num_classes, d + 1))
    target = np.eye(num_classes)[y]
    ridge = np.tile(np.r_[np.ones(d), 1e-9], num_classes)
    for _ in range(steps):
        p = probabilities(x, w[:, :-1], w[:, -1])
        grad = strength * ((p - target).T @ ones).ravel() + ridge * w.ravel()
        hessian = np.diag(ridge)
        for i in range(n):
            hessian += strength * np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(ones[i], ones[i]))
        move = np.linalg.solve(hessian, grad).reshape(w.shape)
        step, here = 1.0, softmax_loss(x, y, w[:, :-1], w[:, -1], strength)
        while step > 1e-9:
            trial = w - step * move
            if softmax_loss(x, y, trial[:, :-1], trial[:, -1], strength) <= here:
                break
            step /= 2
        w = w - step * move
        if np.abs(move).max() < 1e-9:
            break
    return w[:, :-1], w[:, -1]


def probabilities(x, weight, bias):
    logits = np.asarray(x, np.float64) @ np.asarray(weight, np.float64).T + np.asarray(bias, np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def softmax_loss(x, y, weight, bias, strength):
    p = probabilities(x, weight, bias)
    return float(-np.log(p[np.arange(len(y)), y]).mean() + (np.asarray(weight) ** 2).sum() / (2 * strength * len(y)))


def per_speaker(rows, speakers, prior):
    """Each row without its speaker's mean, over the deviation of the speaker and, as `prior` rows, of everybody."""
    rows = np.asarray(rows, np.float64)
    centred = np.empty_like(rows)
    for name in set(speakers):
        own = [i for i, other in enumerate(speakers) if other == name]
        centred[own] = rows[own] - rows[own].mean(axis=0)
    shared = (centred**2).mean(axis=0)
    out = np.empty_like(rows)
    for name in set(speakers):
        own = [i for i, other in enumerate(speakers) if other == name]
        variance = ((centred[own] ** 2).sum(axis=0) + prior * shared) / (len(own) + prior)
        out[own] = centred[own] / np.sqrt(variance)
    return out


def accuracy_interval(right, units, draws, seed):
    """Percentiles of the accuracy when as many units are drawn as there are, by drawing them one by one."""
    drawing, names = random.Random(seed), sorted(set(units))
    values = []
    for _ in range(draws):
        rows = [r for name in drawing.choices(names, k=len(names)) for r, u in zip(right, units) if u == name]
        values.append(sum(rows) / len(rows))
    values.sort()
    return values[int(0.025 * draws)], values[int(0.975 * draws)]


def phone_of_frames(phones, count, start_sec, shift_sec):
    """The phone in whose time [begin, end) each frame's middle lies; '' for none."""
    found = []
    for n in range(count):
        time, name = start_sec + n * shift_sec, ""
        for begin, length, phone in phones:
            if begin <= time < begin + length:
                name = phone
        found.append(name)
    return found


def mean_cosine(rows):
    """The mean over pairs of different rows of the cosine between them."""
    rows = np.asarray(rows, np.float64)
    found = [
        rows[i] @ rows[j] / np.sqrt((rows[i] @ rows[i]) * (rows[j] @ rows[j]))
        for i in range(len(rows))
        for j in range(i)
    ]
    return sum(found) / len(found)


def macro_f1(answers, truth):
    """The mean F1 of the labels that are true of something."""
    found = []
    for label in sorted(set(truth)):
        right = sum(a == t == label for a, t in zip(answers, truth))
        found.append(2 * right / (list(answers).count(label) + list(truth).count(label)))
    return sum(found) / len(found)
