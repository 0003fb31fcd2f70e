from __future__ import annotations

from masr.synth.seeding import digest_of, generator_of


def test_a_key_decides_alone() -> None:
    assert digest_of(0, "speaker", 3) != digest_of(1, "speaker", 3)
    assert generator_of(1, "a").integers(10**9) == generator_of(1, "a").integers(10**9)


def test_parts_of_a_key_do_not_run_together() -> None:
    keys = [("ab", "c"), ("a", "bc"), ("abc",), (1, 2), (12,), ("a", 1), ("a", 11)]
    assert len({digest_of(*key) for key in keys}) == len(keys)
