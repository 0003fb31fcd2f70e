"""A rectangular room by the image-source method: every echo is a mirrored source behind a wall.

Walls reflect alike at all frequencies; their coefficient is set so that the response dies away by 60 dB in the time
asked for, measured on the images themselves (textbook formulas are off by a third in flat or long rooms).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

SAMPLE_RATE = 16000
SPEED_OF_SOUND = 343.0
"""Metres a second."""
_OVERSAMPLING = 4
"""Echoes are laid on a grid this much finer than the samples, then low-passed."""

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Room:
    """Length, width and height in metres, and how long it rings."""

    size: Point
    rt60_sec: float


def draw_room(generator: np.random.Generator, rt60_sec: float, small: bool = False) -> Room:
    """A room of usual proportions."""
    low, high = ((2.2, 2.0, 2.2), (3.2, 3.0, 2.6)) if small else ((4.0, 3.5, 2.5), (8.0, 6.0, 3.5))
    length, width, height = generator.uniform(low, high)
    return Room((float(length), float(width), float(height)), rt60_sec)


def draw_point(generator: np.random.Generator, room: Room, margin: float = 0.5) -> Point:
    """A place at least `margin` metres from every wall."""
    x, y, z = generator.uniform(margin, np.array(room.size) - margin)
    return float(x), float(y), float(z)


def room(samples: Samples, place: Room, source: Point, microphone: Point) -> Samples:
    """What the microphone hears of a source; the direct sound is not delayed, and the length stays."""
    return convolve(samples, impulse_response(place, source, microphone))


def convolve(samples: Samples, response: Samples) -> Samples:
    """Through a response whose direct sound is its start, cut to the length of the input."""
    from scipy.signal import oaconvolve

    heard: Samples = oaconvolve(samples, response)[: len(samples)]
    return heard


def impulse_response(place: Room, source: Point, microphone: Point) -> Samples:
    """Starts at the direct sound, whose gain is 1 whatever the distance; ends after the reverberation time."""
    from scipy.signal import butter, resample_poly, sosfilt

    distances, bounces = images(place.size, source, microphone, place.rt60_sec * SPEED_OF_SOUND)
    direct = float(distances.min())
    if direct < 1e-3:
        raise ValueError("the microphone is where the source is")
    reflection = reflection_for(place.rt60_sec, distances, bounces)
    gains = reflection**bounces * (direct / distances)
    rate = SAMPLE_RATE * _OVERSAMPLING
    places = np.round((distances - direct) / SPEED_OF_SOUND * rate).astype(np.int64)
    fine = np.bincount(places, weights=gains, minlength=_OVERSAMPLING)
    response = resample_poly(fine, 1, _OVERSAMPLING) * _OVERSAMPLING
    # The images all have one sign, which adds up to a rumble that no room has.
    high_passed: Samples = sosfilt(butter(2, 60, "highpass", fs=SAMPLE_RATE, output="sos"), response)
    return high_passed


def images(size: Point, source: Point, microphone: Point, reach: float) -> tuple[Samples, Samples]:
    """Distance in metres, and number of walls met, of every image within `reach`; in no particular order."""
    axes = [_axis_images(*axis, reach) for axis in zip(size, source, microphone, strict=True)]
    (dx, nx), (dy, ny), (dz, nz) = axes
    kept_distances, kept_bounces = [], []
    # A slab at a time: the whole cube at once would be mostly corners outside the sphere.
    flat = dx[:, None] ** 2 + dy[None, :] ** 2
    inside = flat <= reach**2
    flat, bounces = flat[inside], (nx[:, None] + ny[None, :])[inside]
    order = np.argsort(flat, kind="stable")
    flat, bounces = flat[order], bounces[order]
    for height, extra in zip(dz, nz, strict=True):
        count = int(np.searchsorted(flat, reach**2 - height**2, side="right"))
        kept_distances.append(np.sqrt(flat[:count] + height**2))
        kept_bounces.append(bounces[:count] + extra)
    return np.concatenate(kept_distances), np.concatenate(kept_bounces)


def _axis_images(size: float, source: float, microphone: float, reach: float) -> tuple[Samples, Samples]:
    """Offsets along one axis of the images, and how often each was mirrored there."""
    count = int(np.ceil(reach / (2 * size)))  # as source and microphone are inside, all beyond are farther away
    turns = np.arange(-count, count + 1)
    offsets = np.concatenate([2 * turns * size + source - microphone, 2 * turns * size - source - microphone])
    bounces = np.concatenate([np.abs(2 * turns), np.abs(2 * turns - 1)])
    near = np.abs(offsets) <= reach
    return offsets[near], bounces[near]


def reflection_for(rt60_sec: float, distances: Samples, bounces: Samples) -> float:
    """The walls' coefficient with which the images die away as asked, by bisection."""
    bins = (distances / SPEED_OF_SOUND / 0.005).astype(np.int64)
    num_bounces = int(bounces.max()) + 1
    # Energy on a grid of time and bounces, so that a trial costs no pass over the images.
    grid = np.bincount(bins * num_bounces + bounces.astype(np.int64), weights=1 / distances**2)
    grid = np.pad(grid, (0, -len(grid) % num_bounces)).reshape(-1, num_bounces)
    low, high = 0.0, 1.0
    for _ in range(25):
        trial = (low + high) / 2
        too_long = decay_time(grid @ trial ** (2 * np.arange(num_bounces)), 0.005) > rt60_sec
        low, high = (low, trial) if too_long else (trial, high)
    return (low + high) / 2


def decay_time(energy: Samples, step_sec: float) -> float:
    """Reverberation time of the energy of an impulse response: Schroeder's integral, fitted from -5 to -25 dB."""
    left = np.cumsum(energy[::-1])[::-1]
    decibels = 10 * np.log10(np.maximum(left / left[0], 1e-30))
    chosen = np.flatnonzero((decibels <= -5) & (decibels >= -25))
    if len(chosen) < 2:
        return 0.0
    slope = np.polyfit(chosen * step_sec, decibels[chosen], 1)[0]
    return float(-60 / slope) if slope < 0 else float("inf")
