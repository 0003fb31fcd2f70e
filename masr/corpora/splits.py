"""What splits are called, their order, and the parts of a corpus that go to train, dev and test as wholes.

Speakers, videos or files are dealt by a seeded hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from masr.io.datadir.choose import in_random_order

_ORDER = ("train", "dev", "test")
SPLIT_NAMES = {name: name for name in _ORDER} | dict.fromkeys(("validation", "valid", "val"), "dev")
"""What data sets call a split -> what we do."""


def named_split(words: Iterable[str]) -> str:
    """The split that the first of these names begins with, up to a hyphen, underscore or dot; empty where none does."""
    pieces = (re.split(r"[-_.]", word, maxsplit=1)[0].lower() for word in words)
    return next((SPLIT_NAMES[piece] for piece in pieces if piece in SPLIT_NAMES), "")


def place_of(split: str) -> int:
    """Where a split stands among others: train, dev, test, then all others."""
    return _ORDER.index(split) if split in _ORDER else len(_ORDER)


def split_of_each(groups: Iterable[str], dev_share: float, test_share: float, seed: int) -> dict[str, str]:
    """Group -> train, dev or test, in the order of the hash; a function of the seed and of which groups there are."""
    ordered = in_random_order(groups, seed)
    num_test = share_of(test_share, len(ordered))
    num_dev = share_of(dev_share, len(ordered))
    names = ["test"] * num_test + ["dev"] * num_dev + ["train"] * (len(ordered) - num_test - num_dev)
    return dict(zip(ordered, names, strict=True))


def share_of(share: float, count: int) -> int:
    """So many of `count`: rounded, but one at least where there are enough to go round."""
    return max(round(share * count), 1 if count >= 3 and share > 0 else 0)
