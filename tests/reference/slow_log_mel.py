"""Kaldi's log-mel and MFCC written out frame by frame and bin by bin in float64; the mel bank alone is in float32."""

from __future__ import annotations

import numpy as np

FLOOR = 1.1920928955078125e-07


def frame_starts(num_samples, length, shift, snip_edges):
    if snip_edges:
        count = 0 if num_samples < length else 1 + (num_samples - length) // shift
        return [t * shift for t in range(count)]
    count = (num_samples + shift // 2) // shift
    return [shift * t + shift // 2 - length // 2 for t in range(count)]


def cut(samples, start, length):
    """One window; a position outside is mirrored, sample by sample, until it lies inside."""
    window = []
    for position in range(start, start + length):
        while position < 0 or position >= len(samples):
            position = -position - 1 if position < 0 else 2 * len(samples) - 1 - position
        window.append(samples[position])
    return np.array(window, dtype=np.float64)


def shape(name, length):
    a = 2 * np.pi * np.arange(length) / (length - 1)
    return {
        "povey": np.maximum(0.5 - 0.5 * np.cos(a), 0) ** 0.85,
        "hanning": 0.5 - 0.5 * np.cos(a),
        "hamming": 0.54 - 0.46 * np.cos(a),
        "rectangular": np.ones(length),
        "blackman": 0.42 - 0.5 * np.cos(a) + 0.08 * np.cos(2 * a),
    }[name]


def mel_weights(num_bins, fft_size, rate, low, high):
    def mel(hz):
        return np.float32(1127) * np.log(np.float32(1) + np.float32(hz) / np.float32(700))

    high = high if high > 0 else rate / 2 + high
    low_mel, high_mel = mel(low), mel(high)
    step = (high_mel - low_mel) / np.float32(num_bins + 1)
    weights = np.zeros((fft_size // 2 + 1, num_bins))
    for b in range(num_bins):
        left, centre, right = (low_mel + np.float32(b + i) * step for i in range(3))
        for k in range(fft_size // 2):
            m = mel(k * rate / fft_size)
            if left < m < right:
                weights[k, b] = (m - left) / (centre - left) if m <= centre else (right - m) / (right - centre)
    return weights


def spectra(wave, rate, snip_edges, window, preemphasis):
    """Power spectrum and log energy of every window of a waveform in [-1, 1]."""
    length, shift = int(rate * 0.025), int(rate * 0.01)
    fft_size = 1
    while fft_size < length:
        fft_size *= 2
    samples = np.asarray(wave, dtype=np.float64) * 32768
    power, energy = [], []
    for start in frame_starts(len(samples), length, shift, snip_edges):
        x = cut(samples, start, length)
        x = x - x.mean()
        energy.append(np.log(max((x * x).sum(), FLOOR)))
        y = x.copy()
        for i in range(length - 1, 0, -1):
            y[i] -= preemphasis * y[i - 1]
        y[0] -= preemphasis * y[0]
        y *= shape(window, length)
        power.append(np.abs(np.fft.fft(y, fft_size)[: fft_size // 2 + 1]) ** 2)
    return np.array(power).reshape(-1, fft_size // 2 + 1), np.array(energy), fft_size


def log_mel(wave, rate=16000, num_bins=80, low=20, high=0, snip_edges=True, window="povey", preemphasis=0.97):
    power, _, fft_size = spectra(wave, rate, snip_edges, window, preemphasis)
    return np.log(np.maximum(power @ mel_weights(num_bins, fft_size, rate, low, high), FLOOR))


def mfcc(wave, rate=16000, num_ceps=13, num_mel=23, lifter=22, use_energy=True):
    power, energy, fft_size = spectra(wave, rate, True, "povey", 0.97)
    mel = np.log(np.maximum(power @ mel_weights(num_mel, fft_size, rate, 20, 0), FLOOR))
    out = np.zeros((len(mel), num_ceps))
    for k in range(num_ceps):
        norm = np.sqrt((1 if k == 0 else 2) / num_mel)
        for n in range(num_mel):
            out[:, k] += norm * np.cos(np.pi / num_mel * (n + 0.5) * k) * mel[:, n]
        if lifter:
            out[:, k] *= 1 + lifter / 2 * np.sin(np.pi * k / lifter)
    if use_energy and len(out):
        out[:, 0] = energy
    return out
