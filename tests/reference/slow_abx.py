"""ABX by loops over triplets, warping by a table and a walk back: for small cases."""

from __future__ import annotations

import math
from collections import defaultdict


def cosine_distance(a, b):
    length = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
    return 1 - sum(x * y for x, y in zip(a, b)) / length


def angular_distance(a, b):
    if not any(a) or not any(b):
        return 0.5
    return math.acos(max(-1.0, min(1.0, 1 - cosine_distance(a, b)))) / math.pi


def euclidean_distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))


def kl(a, b):
    return sum(x * (math.log(x + 1e-6) - math.log(y + 1e-6)) for x, y in zip(a, b))


def kl_symmetric(a, b):
    return (kl(a, b) + kl(b, a)) / 2


def verdict(near, far):
    return 1.0 if near < far else 0.5 if near == far else 0.0


def recordings(first, second, distance):
    """Share of right answers and number of triplets, with A and X of `first`."""
    right, count = 0.0, 0
    for i, x in enumerate(first):
        for k, a in enumerate(first):
            if i == k:
                continue
            for b in second:
                right += verdict(distance(x, a), distance(x, b))
                count += 1
    return (right / count if count else math.nan), count


def warped(rows, columns, distance):
    """Cost over length of the cheapest path; of equal steps both, then along the columns, then down the rows."""
    cost = {}
    for i, x in enumerate(rows):
        for j, y in enumerate(columns):
            before = [cost[p] for p in ((i - 1, j - 1), (i, j - 1), (i - 1, j)) if p in cost]
            cost[i, j] = distance(x, y) + (min(before) if before else 0.0)
    i, j = place = (len(rows) - 1, len(columns) - 1)
    steps = 1
    while (i, j) != (0, 0):
        if i == 0 or j == 0:
            steps += i + j
            break
        both, along, down = cost[i - 1, j - 1], cost[i, j - 1], cost[i - 1, j]
        if both <= along and both <= down:
            i, j = i - 1, j - 1
        elif along <= down:
            j -= 1
        else:
            i -= 1
        steps += 1
    return cost[place] / steps


def phones(items, distance, across, any_context):
    """Each item is (phone, context, speaker, frames) -> (error, cells, triplets)."""
    cells = defaultdict(list)
    for x, (phone, context, speaker, frames) in enumerate(items):
        for a, (phone_a, context_a, speaker_a, _) in enumerate(items):
            if a == x or phone_a != phone or (speaker_a != speaker) != across:
                continue
            if context_a != context and not any_context:
                continue
            low, high = (x, a) if across else (min(x, a), max(x, a))
            near = warped(items[low][3], items[high][3], distance)
            for phone_b, context_b, speaker_b, frames_b in items:
                if phone_b == phone or speaker_b != speaker_a or (context_b != context and not any_context):
                    continue
                key = (phone, phone_b), speaker_a, (None if any_context else context, speaker)
                cells[key].append(1 - verdict(near, warped(frames, frames_b, distance)))
    by_speaker = defaultdict(lambda: defaultdict(list))
    for (pair, speaker, _), errors in cells.items():
        by_speaker[pair][speaker].append(sum(errors) / len(errors))
    means = [sum(sum(e) / len(e) for e in of_pair.values()) / len(of_pair) for of_pair in by_speaker.values()]
    return sum(means) / len(means), len(cells), sum(map(len, cells.values()))


def snippets(frames, shift, start, length, pool):
    """Vector of each snippet that has nine tenths of its frames."""
    found = defaultdict(list)
    for n, frame in enumerate(frames):
        found[math.floor(max(0.0, (start + n * shift) / length) + 1e-9)].append(frame)
    vectors = []
    for key in sorted(found):
        if len(found[key]) < 0.9 * length / shift:
            continue
        columns = list(zip(*found[key]))
        mean = [sum(c) / len(c) for c in columns]
        if pool == "max":
            vectors.append([max(c) for c in columns])
        elif pool == "mean":
            vectors.append(mean)
        elif pool == "extremes":
            vectors.append([max(c) for c in columns] + [min(c) for c in columns])
        elif pool == "soft_max":
            vectors.append([math.log(sum(math.exp(v) for v in c) / len(c)) for c in columns])
        else:
            spread = [math.sqrt(sum((v - m) ** 2 for v in c) / len(c)) for c, m in zip(columns, mean)]
            vectors.append(mean + spread)
    return vectors


def frames_of(on, off, shift, start, count, borders):
    """Numbers of the frames of a phone, one after another; times are exact fractions, and floats for Libri-Light."""
    if borders == "libri-light":
        rate = 1 / float(shift)
        first, behind = math.ceil(rate * float(on) - 0.5), math.floor(rate * float(off) - 0.5)
        return list(range(count))[max(0, first) : max(0, behind)]
    offset = start if borders == "middle" else shift / 2
    return [n for n in range(count) if on <= offset + n * shift <= off]
