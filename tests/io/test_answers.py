from __future__ import annotations

from pathlib import Path

import pytest

from masr.errors import ScoresError
from masr.io.answers import AnswerTable, read_answer_table, write_answer_table

TABLE = AnswerTable(("u2", "u1"), ("s", "s"), ("eng", "no"), ("no", ""))


def test_what_is_written_is_read_in_the_same_order(tmp_path: Path) -> None:
    write_answer_table(tmp_path / "a.tsv", TABLE)
    assert (tmp_path / "a.tsv").read_text().splitlines()[:2] == ["utt\tspeaker\tlabel\tanswer", "u2\ts\teng\tno"]
    assert read_answer_table(tmp_path / "a.tsv") == TABLE


def test_what_is_no_such_file_is_refused_and_what_holds_a_tab_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ScoresError, match="is not there") as caught:
        read_answer_table(tmp_path / "a.tsv")
    assert "--answers" in caught.value.fix
    with pytest.raises(ScoresError, match="holds a tab"):
        write_answer_table(tmp_path / "a.tsv", AnswerTable(("u",), ("s",), ("e\tng",), ("eng",)))
    assert not (tmp_path / "a.tsv").exists()
