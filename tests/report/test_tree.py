from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.io.figure import Merge
from masr.report.tree import draw_tree, leaf_order


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(0, 1000))
def test_the_order_is_scipys(size: int, seed: int) -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    linkage = hierarchy.linkage(np.random.default_rng(seed).random((size, 3)), "average")
    tree = [Merge(int(a), int(b), float(height)) for a, b, height, _ in linkage]
    assert leaf_order(tree, size) == hierarchy.leaves_list(linkage).tolist()


def test_without_a_tree_the_order_stays() -> None:
    assert leaf_order((), 3) == [0, 1, 2]
    assert draw_tree((), [], 0, 1, upright=True) is None


def test_branches_meet_above_the_middle_of_their_leaves() -> None:
    tree = (Merge(0, 1, 1.0), Merge(3, 2, 2.0))
    drawn = draw_tree(tree, [0, 10, 20], base=100, tip=80, upright=True)
    assert re.search(r'd="([^"]+)"', str(drawn))[1] == "M0,100V90H10V100M5,90V80H20V100"
    sideways = draw_tree(tree, [0, 10, 20], base=100, tip=120, upright=False)
    assert re.search(r'd="([^"]+)"', str(sideways))[1] == "M100,0H110V10H100M110,5H120V20H100"
