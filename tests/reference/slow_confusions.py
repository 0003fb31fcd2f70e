"""How often two languages are taken for each other, by counting one utterance after another."""

from __future__ import annotations

import random


def share_of_pair(files, first, second):
    """`files` are lists of (utt, speaker, label, answer): answers with the other, of utterances of either."""
    either = other = 0
    for rows in files:
        for _, _, label, answer in rows:
            if label in (first, second):
                either += 1
                if answer in (first, second) and answer != label:
                    other += 1
    return other / either if either else None


def interval_of_change(before, after, first, second, draws, seed):
    """Percentiles of the change of a share when as many speakers are drawn as there are, one by one."""
    drawing, speakers = random.Random(seed), sorted({row[1] for row in before[0]})
    of = [
        {name: [[r for r in rows if r[1] == name] for rows in files] for name in speakers} for files in (before, after)
    ]
    found = []
    for _ in range(draws):
        taken = drawing.choices(speakers, k=len(speakers))
        shares = [share_of_pair([rows for name in taken for rows in side[name]], first, second) for side in of]
        if None not in shares:
            found.append(shares[1] - shares[0])
    found.sort()
    return found[int(0.025 * len(found))], found[int(0.975 * len(found))]
