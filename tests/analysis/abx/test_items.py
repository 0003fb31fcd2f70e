from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.abx.items import Borders, Item, from_alignment, from_item_file, place_items
from masr.errors import AnalysisError, DataError
from masr.io.datadir import DataDir, write_datadir
from masr.io.frames import ArrayFrames, Grid
from reference import slow_abx


def alignment(folder: Path, *lines: str) -> DataDir:
    write_datadir(folder, {"utt2spk": {"u1": "s1", "u2": "s2"}, "phones.ctm": {"u1": "\n".join(lines)}})
    return DataDir.open(folder)


def frames(count: int = 50, shift_sec: float = 0.02, start_sec: float = 0.0125) -> ArrayFrames:
    found = ArrayFrames("f", np.ones((2 * count, 3)), np.array([0, count, 2 * count]), ["u1", "u2"])
    found.grid = Grid(shift_sec, start_sec)
    return found


def test_phones_between_phones_are_items(tmp_path: Path) -> None:
    data = alignment(
        tmp_path, "1 0.0 0.1 AA1", "1 0.1 0.2 B 0.98", "1 0.3 0.1 AH0", "1 0.4 0.1 sil", "1 0.5 0.1 D", "1 0.6 0.1 E"
    )  # a fifth column, which aligners fill with their confidence, is not read
    items = list(from_alignment(data))
    assert [(i.phone, i.before, i.behind) for i in items] == [("B", "AA1", "AH0")]
    assert (items[0].utt, items[0].speaker) == ("u1", "s1")
    assert (items[0].start_sec, items[0].end_sec) == pytest.approx((0.1, 0.3))
    around = next(from_alignment(data, "triphone", merge_stress=True))
    assert (around.start_sec, around.end_sec) == pytest.approx((0.0, 0.4))
    assert (around.phone, around.before, around.behind) == ("B", "AA", "AH")


def test_frames_whose_middle_lies_in_the_phone(tmp_path: Path) -> None:
    # Middles are at 0.0125, 0.0325, 0.0525, ... as those of wav2vec 2.0.
    items = [
        Item("u1", 0.0325, 0.0725, "b", "a", "c", "s"),
        Item("u1", 0.033, 0.072, "b", "a", "c", "s"),
        Item("u2", 0.9, 5.0, "b", "a", "c", "s"),
        Item("u1", 0.034, 0.05, "b", "a", "c", "s"),
        Item("u1", 2.0, 3.0, "b", "a", "c", "s"),
        Item("u9", 0.0, 3.0, "b", "a", "c", "s"),
    ]
    found = place_items(items, frames())
    assert found.first.tolist() == [1, 2, 45]
    assert found.last.tolist() == [4, 3, 50]
    assert found.places.tolist() == [0, 0, 1]
    assert (found.num_without_frames, found.num_without_utterance) == (2, 1)


def test_borders_of_a_hundred_frames_are_not_rounded_away() -> None:
    # 0.285 / 0.01 is 28.499999999999996 in floating point.
    items = [Item("u1", 0.285, 0.285 + 0.01 * n, "b", "a", "c", "s") for n in range(1, 15)]
    found = place_items(items, frames(shift_sec=0.01, start_sec=0.005))
    assert found.first.tolist() == [28] * 14
    assert (found.last - found.first).tolist() == list(range(2, 16))


BORDERS: tuple[Borders, ...] = ("middle", "fastabx", "libri-light")


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 1200),
    st.integers(1, 400),
    st.sampled_from([Fraction(1, 100), Fraction(1, 50), Fraction(1, 25), Fraction(3, 100)]),
    st.sampled_from([Fraction(1, 200), Fraction(1, 80), Fraction(0)]),
    st.sampled_from(BORDERS),
)
def test_frames_of_a_phone_are_those_of_each_convention(
    on: int, length: int, shift: Fraction, start: Fraction, borders: Borders
) -> None:
    """Times are in steps of 2.5 ms, so that borders fall on middles again and again."""
    times = Fraction(on, 400), Fraction(on + length, 400)
    wanted = slow_abx.frames_of(*times, shift, start, 50, borders)
    item = Item("u1", float(times[0]), float(times[1]), "b", "a", "c", "s")
    given_frames = frames(50, float(shift), float(start))
    if not wanted:
        with pytest.raises(AnalysisError, match="none of 1 phones"):
            place_items([item], given_frames, borders)
        return
    found = place_items([item], given_frames, borders)
    assert list(range(int(found.first[0]), int(found.last[0]))) == wanted


def test_libri_light_loses_the_last_frame_of_a_phone_and_phones_of_one() -> None:
    given_frames = frames(50, 0.02, 0.01)
    long, short = Item("u1", 0.1, 0.2, "b", "a", "c", "s"), Item("u1", 0.1, 0.12, "b", "a", "c", "s")
    for borders, counts in (("middle", [5, 1]), ("fastabx", [5, 1]), ("libri-light", [4])):
        found = place_items([long, short], given_frames, borders)  # type: ignore[arg-type]
        assert (found.last - found.first).tolist() == counts
        assert found.num_without_frames == 2 - len(counts)
    late = frames(50, 0.02, 0.0125)  # as wav2vec 2.0: the frame at 0.1925 is in a phone that begins at 0.1925
    edge = Item("u1", 0.1925, 0.3, "b", "a", "c", "s")
    first = [int(place_items([edge], late, borders).first[0]) for borders in BORDERS]
    assert first == [9, 10, 10]


def test_an_item_file_as_published(tmp_path: Path) -> None:
    path = tmp_path / "dev-clean.item"
    path.write_text(
        "#file onset offset #phone prev-phone next-phone speaker\nu1 0.1 0.2 AH N T 84\n\nu2 0.3 0.4 B AH AH 85\n"
    )
    items = list(from_item_file(path))
    assert items[0] == Item("u1", 0.1, 0.2, "AH", "N", "T", "84")
    found = place_items(items, frames())
    assert found.phone_names == ("AH", "B")
    assert found.speaker_names == ("84", "85")
    assert len(set(found.contexts.tolist())) == 2


def test_what_says_nothing_of_phones_is_refused(tmp_path: Path) -> None:
    write_datadir(tmp_path / "none", {"utt2spk": {"u": "s"}})
    with pytest.raises(DataError, match=r"phones\.ctm"):
        list(from_alignment(DataDir.open(tmp_path / "none")))
    with pytest.raises(AnalysisError, match="no item file"):
        list(from_item_file(tmp_path / "none.item"))
    path = tmp_path / "bad.item"
    path.write_text("#file\nu1 0.1 0.2 AH N T\n")
    with pytest.raises(AnalysisError, match="line 2"):
        list(from_item_file(path))
    items = [Item("u9", 0.0, 1.0, "b", "a", "c", "s")]
    with pytest.raises(AnalysisError, match="none of 1 phones"):
        place_items(items, frames())
    with pytest.raises(AnalysisError, match="when they are"):
        place_items(items, ArrayFrames("a.npy", np.ones((4, 2))))


@pytest.mark.parametrize("times", ["nan 0.1", "0 inf", "0 1e999"])
def test_an_item_whose_times_are_not_finite_is_refused(times: str, tmp_path: Path) -> None:
    (tmp_path / "x.item").write_text(f"#file onset\na {times} AH B K s\n", encoding="utf-8")
    with pytest.raises(AnalysisError, match="is not an item"):
        list(from_item_file(tmp_path / "x.item"))
