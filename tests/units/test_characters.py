from __future__ import annotations

from pathlib import Path

import pytest

from masr.errors import UnitsError
from masr.units import characters
from masr.units.characters import Config


def test_ids_go_by_frequency_then_by_code_point() -> None:
    units = characters.train(Config(), ["bb a", "b c"])
    assert units.tokens == ("<blank>", "<unk>", "b", "<space>", "a", "c")
    assert units.encode("a b") == [4, 3, 2]
    assert units.decode([0, 4, 0, 3, 2, 1]) == "a b\u2047"


def test_rare_characters_are_unknown() -> None:
    assert characters.train(Config(min_count=2), ["aab"]).tokens == ("<blank>", "<unk>", "a")
    assert characters.train(Config(max_size=3), ["aab"]).tokens == ("<blank>", "<unk>", "a")


@pytest.mark.parametrize(("policy", "ids"), [("unk", [2, 1, 2]), ("drop", [2, 2])])
def test_unknown_characters(policy: str, ids: list[int]) -> None:
    assert characters.train(Config(unknown=policy), ["a"]).encode("aza") == ids  # type: ignore[arg-type]


def test_unknown_characters_can_stop_the_run() -> None:
    with pytest.raises(UnitsError, match=r"no unit for 'z' \(U\+007A\)"):
        characters.train(Config(unknown="error"), ["a"]).encode("az")


def test_no_room_for_characters_is_refused() -> None:
    with pytest.raises(UnitsError, match="no room"):
        characters.train(Config(max_size=3, language_tags=True), ["a"], ["hin"])


def test_a_list_of_pieces_is_not_one_of_characters(tmp_path: Path) -> None:
    (tmp_path / "units.txt").write_text("<blank> 0\n<unk> 1\n▁the 2\n", encoding="utf-8")
    with pytest.raises(UnitsError, match="not characters"):
        characters.build(Config(), tmp_path)
