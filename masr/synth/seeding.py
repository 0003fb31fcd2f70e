"""Random numbers by name: every choice has its own generator, so no choice depends on the order of the others."""

from __future__ import annotations

import hashlib

import numpy as np


def digest_of(*key: str | int) -> int:
    """A whole number of 128 bits that the key alone decides, in every process."""
    text = "\0".join(str(part) for part in key)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def generator_of(*key: str | int) -> np.random.Generator:
    """A generator for one thing: `generator_of(seed, "hr_hr", "train", 7)`."""
    return np.random.Generator(np.random.PCG64(digest_of(*key)))
