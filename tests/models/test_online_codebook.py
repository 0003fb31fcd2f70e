"""Codes that follow frames: against loops, and what happens to codes that no frame chooses."""

from __future__ import annotations

import pytest
import torch

from masr.models.online_codebook import OnlineCodebook
from reference import slow_clusters


def frames(seed: int = 0, count: int = 40) -> torch.Tensor:
    return torch.randn(2, count, 5, generator=torch.Generator().manual_seed(seed))


def test_three_steps_against_loops() -> None:
    book = OnlineCodebook(2, 6, 5, 0.8, seed=3)
    held = [(book.sums[g].tolist(), book.counts[g].tolist()) for g in range(2)]
    for step in range(3):
        given = frames(step)
        ids = book(given)
        book.observe(given, ids)
        book.advance()
        for g in range(2):
            sums, counts = held[g]
            codes = [[x / n for x in row] for row, n in zip(sums, counts, strict=True)]
            expected = [slow_clusters.nearest(frame, codes) for frame in given[g].tolist()]
            assert ids[:, g].tolist() == expected
            held[g] = slow_clusters.move(sums, counts, given[g].tolist(), expected, 0.8)
            torch.testing.assert_close(book.sums[g], torch.tensor(held[g][0]), atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(book.counts[g], torch.tensor(held[g][1]))


def test_codes_move_only_when_a_step_begins() -> None:
    book = OnlineCodebook(2, 6, 5, 0.8, seed=3)
    before, given = book.codes.clone(), frames()
    ids = book(given)
    book.observe(given[:, :10], ids[:10])
    book.observe(given[:, 10:], ids[10:])
    assert torch.equal(book.codes, before) and torch.equal(book(given), ids)
    whole = OnlineCodebook(2, 6, 5, 0.8, seed=3)
    whole.observe(given, ids)
    book.advance()
    whole.advance()
    torch.testing.assert_close(book.codes, whole.codes)
    assert not torch.equal(book.codes, before)
    after = book.codes.clone()
    book.advance()  # nothing was seen
    assert torch.equal(book.codes, after)


def test_a_code_that_nothing_chooses_stays_where_it_is_for_ever() -> None:
    book = OnlineCodebook(1, 2, 5, 0.5, seed=3)
    lonely = book.codes[0, 1].clone()
    given = frames()[:1]
    for _ in range(2000):
        book.observe(given, torch.zeros(40, 1, dtype=torch.int64))
        book.advance()
    torch.testing.assert_close(book.codes[0, 1], lonely)
    torch.testing.assert_close(book.codes[0, 0], given[0].mean(dim=0))
    book.observe(given, torch.ones(40, 1, dtype=torch.int64))  # light by now, it goes where frames come at last
    book.advance()
    torch.testing.assert_close(book.codes[0, 1], given[0].mean(dim=0), atol=1e-3, rtol=0)


def test_clusters_are_found_and_all_are_used() -> None:
    generator = torch.Generator().manual_seed(1)
    centres = torch.nn.functional.normalize(torch.randn(8, 16, generator=generator), dim=1) * 8
    book = OnlineCodebook(1, 32, 16, 0.9, seed=0)
    for _ in range(60):
        which = torch.randint(0, 8, (300,), generator=generator)
        given = (centres[which] + 0.3 * torch.randn(300, 16, generator=generator))[None]
        ids = book(given)
        book.observe(given, ids)
        book.advance()
    purity = sum(int(torch.bincount(which[ids[:, 0] == code]).max()) for code in ids.unique())
    assert purity > 0.95 * 300
    assert len(ids.unique()) >= 8


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_nothing_is_lost_in_saving(decay: float) -> None:
    book, other = OnlineCodebook(2, 6, 5, decay, 3), OnlineCodebook(2, 6, 5, decay, 4)
    book.observe(frames(), book(frames()))
    other.load_state_dict(book.state_dict())
    book.advance()
    other.advance()
    assert torch.equal(book.codes, other.codes)
