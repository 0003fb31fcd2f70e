"""Images of a source in a rectangular room, found by mirroring it in one wall after another. Imports nothing of masr.

Each image is mirrored in each of the six walls; one that was reached before, by fewer or as many walls, is dropped.
"""

from __future__ import annotations

import math

Point = tuple[float, float, float]


def images(size: Point, source: Point, microphone: Point, reach: float) -> list[tuple[float, int]]:
    """Sorted (distance, number of walls) of every image within `reach` of the microphone."""
    found: dict[tuple[float, ...], int] = {_key(source): 0}
    edge = [source]
    bounces = 0
    margin = 2 * max(size)
    while edge:
        bounces += 1
        next_edge = []
        for point in edge:
            for axis in range(3):
                for wall in (0.0, size[axis]):
                    mirrored = list(point)
                    mirrored[axis] = 2 * wall - point[axis]
                    image = (mirrored[0], mirrored[1], mirrored[2])
                    if _key(image) not in found and math.dist(image, microphone) <= reach + margin:
                        found[_key(image)] = bounces
                        next_edge.append(image)
        edge = next_edge
    near = [(math.dist(point, microphone), count) for point, count in found.items()]
    return sorted((distance, count) for distance, count in near if distance <= reach)


def response(
    size: Point, source: Point, microphone: Point, reflection: float, rate: int, num_samples: int, speed: float = 343.0
) -> list[float]:
    """Echoes as band-limited pulses: a windowed sinc at each exact delay, the direct sound at 0 with gain 1."""
    samples = [0.0] * num_samples
    reach = (num_samples + 64) / rate * speed + math.dist(source, microphone)
    echoes = images(size, source, microphone, reach)
    direct = echoes[0][0]
    for distance, count in echoes:
        place = (distance - direct) / speed * rate
        gain = reflection**count * direct / distance
        for n in range(max(0, math.ceil(place) - 40), min(num_samples, math.floor(place) + 41)):
            t = n - place
            sinc = 1.0 if abs(t) < 1e-12 else math.sin(math.pi * t) / (math.pi * t)
            samples[n] += gain * sinc * (0.5 + 0.5 * math.cos(math.pi * t / 41))
    return samples


def _key(point: Point) -> tuple[float, ...]:
    return tuple(round(x, 6) for x in point)
