"""Hard triplets by nested loops in plain Python: the definition, as slow as it reads."""

from __future__ import annotations

import math


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def mine(
    rule: str,
    embeddings: list[list[float]],
    labels: list[int],
    similarity: list[list[float]],
    high: float = 0.9,
    low: float = 0.6,
) -> list[tuple[int, int, int]]:
    """One (anchor, positive, negative) for each anchor that has both."""
    found = []
    count = len(embeddings)
    for i in range(count):
        best: tuple[float, int] | None = None
        worst: tuple[float, int] | None = None
        for k in range(count):
            if k == i:
                continue
            near = (1 + cosine(embeddings[i], embeddings[k])) / 2
            if rule == "similarity":
                if math.isnan(similarity[i][k]):
                    continue
                is_positive = is_negative = True
                score = similarity[i][k] - near
            elif rule == "threshold":
                is_positive, is_negative = similarity[i][k] >= high, similarity[i][k] <= low
                score = -near
            else:
                known = labels[i] >= 0 and labels[k] >= 0
                is_positive = known and labels[i] == labels[k]
                is_negative = known and labels[i] != labels[k]
                score = -near
            if is_positive and (best is None or score > best[0]):
                best = (score, k)
            if is_negative and (worst is None or score < worst[0]):
                worst = (score, k)
        if best is None or worst is None:
            continue
        if rule == "similarity" and not similarity[i][best[1]] > similarity[i][worst[1]]:
            continue
        found.append((i, best[1], worst[1]))
    return found


def mine_across(
    rule: str,
    embeddings: list[list[float]],
    labels: list[int],
    similarity: list[list[float]],
    others: list[list[int]],
    falls_back: bool,
    high: float = 0.9,
    low: float = 0.6,
) -> list[tuple[int, int, int]]:
    """The same where a positive has to differ in every list of `others`, and a negative shares all where one does."""
    found = []
    for i in range(len(embeddings)):
        pools: dict[str, list[tuple[float, int]]] = {"positive": [], "across": [], "negative": [], "shared": []}
        for k in range(len(embeddings)):
            if k == i:
                continue
            near = (1 + cosine(embeddings[i], embeddings[k])) / 2
            is_positive = is_negative = not math.isnan(similarity[i][k])
            score = similarity[i][k] - near
            if rule != "similarity":
                score = -near
            if rule == "threshold":
                is_positive, is_negative = similarity[i][k] >= high, similarity[i][k] <= low
            elif rule != "similarity":
                known = labels[i] >= 0 and labels[k] >= 0
                is_positive = known and labels[i] == labels[k]
                is_negative = known and labels[i] != labels[k]
            compared = [(other[i], other[k]) for other in others]
            differs = all(a >= 0 and b >= 0 and a != b for a, b in compared)
            shares = labels[i] != labels[k] and all(a >= 0 and b >= 0 and a == b for a, b in compared)
            if is_positive:
                pools["positive"].append((score, k))
                if differs:
                    pools["across"].append((score, k))
            if is_negative:
                pools["negative"].append((score, k))
                if shares:
                    pools["shared"].append((score, k))
        positives = pools["across"] or (pools["positive"] if falls_back else [])
        negatives = pools["shared"] or pools["negative"]
        if not positives or not negatives:
            continue
        best = max(positives, key=lambda pair: pair[0])[1]
        worst = min(negatives, key=lambda pair: pair[0])[1]
        if rule == "similarity" and not similarity[i][best] > similarity[i][worst]:
            continue
        found.append((i, best, worst))
    return found


def loss(
    rule: str,
    embeddings: list[list[float]],
    triplets: list[tuple[int, int, int]],
    similarity: list[list[float]],
    margin: float,
    distance: str,
    kind: str,
    sharpness: float,
) -> float:
    """Mean over triplets."""
    total = 0.0
    for anchor, positive, negative in triplets:
        factor = 2.0 if distance == "squared" else 1.0
        to_positive = factor * (1 - cosine(embeddings[anchor], embeddings[positive]))
        to_negative = factor * (1 - cosine(embeddings[anchor], embeddings[negative]))
        wide = margin * (1 - similarity[anchor][negative]) if rule == "margin" else margin
        excess = to_positive - to_negative + wide
        value = max(0.0, excess) if kind == "hinge" else math.log1p(math.exp(sharpness * excess)) / sharpness
        total += value * (similarity[anchor][negative] if rule == "weight" else 1.0)
    return total / len(triplets)


def contrastive(embeddings: list[list[float]], labels: list[int], temperature: float) -> list[float]:
    """The supervised contrastive loss of each anchor that has a positive and a negative."""
    found = []
    known = [i for i, label in enumerate(labels) if label >= 0]
    for i in known:
        others = [k for k in known if k != i]
        positives = [k for k in others if labels[k] == labels[i]]
        if not positives or len(positives) == len(others):
            continue
        weights = {k: math.exp(cosine(embeddings[i], embeddings[k]) / temperature) for k in others}
        total = sum(weights.values())
        found.append(sum(-math.log(weights[k] / total) for k in positives) / len(positives))
    return found
