"""Similarity measures straight from their definitions: kernels of all pairs of frames, QR and SVD of the frames."""

from __future__ import annotations

import numpy as np


def centred(frames):
    frames = np.asarray(frames, dtype=np.float64)
    return frames - frames.mean(axis=0)


def hsic(k, m):
    n = len(k)
    h = np.eye(n) - np.ones((n, n)) / n
    return np.trace(k @ h @ m @ h) / (n - 1) ** 2


def hsic_unbiased(k, m):
    """The estimator of Song et al., term by term."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    total = (
        np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    )
    return total / (n * (n - 3))


def cka(k, m, unbiased=False):
    measure = hsic_unbiased if unbiased else hsic
    return measure(k, m) / np.sqrt(measure(k, k) * measure(m, m))


def linear_kernel(frames):
    frames = np.asarray(frames, dtype=np.float64)
    return frames @ frames.T


def rbf_kernel(frames, width):
    frames = np.asarray(frames, dtype=np.float64)
    n = len(frames)
    distances = np.array([[np.sum((frames[i] - frames[j]) ** 2) for j in range(n)] for i in range(n)])
    median = np.median([distances[i, j] for i in range(n) for j in range(i + 1, n)])
    return np.exp(-distances / (2 * width**2 * median))


def canonical(x, y):
    """Correlations, and the canonical variates of x as columns."""
    x, y = centred(x), centred(y)
    qx, _ = np.linalg.qr(x)
    qy, _ = np.linalg.qr(y)
    u, s, _ = np.linalg.svd(qx.T @ qy, full_matrices=False)
    return s, qx @ u


def pwcca(x, y):
    correlations, variates = canonical(x, y)
    x = centred(x)
    weights = [sum(abs(float(h @ x[:, j])) for j in range(x.shape[1])) for h in variates.T]
    return sum(w * c for w, c in zip(weights, correlations)) / sum(weights)


def svcca(x, y, variance=0.99):
    kept = []
    for frames in (x, y):
        frames = centred(frames)
        u, s, _ = np.linalg.svd(frames / frames.std(axis=0), full_matrices=False)
        count = 1
        while np.sum(s[:count] ** 2) < variance * (1 - 1e-12) * np.sum(s**2):
            count += 1
        kept.append(u[:, :count])
    return float(np.linalg.svd(kept[0].T @ kept[1], compute_uv=False).mean())


def procrustes_distance(x, y):
    """Least squared distance over rotations, found by the rotation itself."""
    x, y = centred(x), centred(y)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(z, ((0, 0), (0, width - z.shape[1]))) for z in (x, y))
    u, _, v = np.linalg.svd(y.T @ x)
    return float(np.square(x - y @ (u @ v)).sum())


def neuron(x, y):
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return [max(abs(np.corrcoef(x[:, i], y[:, j])[0, 1]) for j in range(y.shape[1])) for i in range(x.shape[1])]
