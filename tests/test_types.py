from __future__ import annotations

import pytest

from masr.types import slice_of


def test_jobs_share_the_work_out() -> None:
    for count in range(30):
        for num_jobs in range(1, 12):
            slices = [range(*slice_of(count, n, num_jobs)) for n in range(1, num_jobs + 1)]
            assert [place for part in slices for place in part] == list(range(count))
            assert max(map(len, slices)) - min(map(len, slices)) <= 1
    with pytest.raises(ValueError, match="count from 1"):
        slice_of(3, 0, 2)
