"""What stage 2 left half done is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.data.dataset import ArchiveSource, frames_of
from masr.errors import DataError
from masr.io.datadir import DataDir, write_datadir


@pytest.mark.parametrize(
    ("table", "call", "entry"), [("feats.scp", ArchiveSource, "feats.1.ark:5"), ("utt2num_frames", frames_of, "40")]
)
def test_features_of_some_utterances_alone_are_refused(tmp_path: Path, table: str, call: object, entry: str) -> None:
    write_datadir(tmp_path, {"utt2spk": {"a-1": "a", "a-2": "a"}, "utt2num_frames": {"a-1": "40", "a-2": "50"}})
    (tmp_path / table).write_text(f"a-1 {entry}\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"{table} does not have exactly the utterances") as caught:
        call(DataDir.open(tmp_path))  # type: ignore[operator]
    assert caught.value.fix == f"masr data fix {tmp_path}"
