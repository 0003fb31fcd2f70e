"""`masr analyse segments` and the ABX over what it found, beside the ABX with labels, on sounds in a row."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from masr.analysis.abx.items import from_item_file
from masr.cli.main import main
from masr.io.ark import ArchiveWriter
from masr.io.datadir import write_datadir, write_table

NAMES = "abcdef"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve utterances by three speakers, frames of 10 ms, of six steady sounds; phones.ctm says which."""
    root = tmp_path_factory.mktemp("sounds") / "data"
    random = np.random.default_rng(5)
    sounds = 3 * random.standard_normal((len(NAMES), 16))
    tables: dict[str, dict[str, str]] = {name: {} for name in ("utt2spk", "phones.ctm", "utt2num_frames")}
    root.mkdir()
    with ArchiveWriter(root / "feats.ark") as archive:
        for n in range(12):
            utt, order = f"s{n % 3}-u{n:02d}", random.integers(0, len(NAMES), 40)
            order = order[np.concatenate([[True], np.diff(order) != 0])]
            lengths = random.integers(6, 15, len(order))
            frames = np.repeat(sounds[order], lengths, axis=0) + 0.2 * random.standard_normal((int(lengths.sum()), 16))
            archive.append(utt, frames.astype(np.float32))
            starts = np.concatenate([[0], np.cumsum(lengths)])
            rows = [f"1 {s / 100:.3f} {k / 100:.3f} {NAMES[o]}" for s, k, o in zip(starts, lengths, order)]
            tables["utt2spk"][utt], tables["utt2num_frames"][utt] = utt[:2], str(len(frames))
            tables["phones.ctm"][utt] = "\n".join(rows)
    write_datadir(root, tables)
    write_table(root / "feats.scp", archive.rows)
    return root


def test_segments_are_the_sounds_and_clusters_their_kinds(data: Path, tmp_path: Path) -> None:
    assert main(["analyse", "segments", str(data), str(tmp_path), "--clusters", "6", "--rate", "100"]) == 0
    found = json.loads((tmp_path / "segments.json").read_text())
    assert found["borders"]["f1"] > 0.95 and found["borders"]["r_value"] > 0.95
    items = list(from_item_file(tmp_path / "segments.item"))
    assert len(items) == found["num_segments"] and {item.speaker for item in items} == {"s0", "s1", "s2"}
    assert all(a.end_sec == b.start_sec and a.phone == b.before for a, b in pairwise(items) if a.utt == b.utt)
    errors = {}
    for name, phones in (("found", tmp_path / "segments.item"), ("labelled", data)):
        out = str(tmp_path / f"{name}.json")
        command = ["analyse", "phone-abx", str(data), str(phones), "--context", "any", "--rate", "100", "--json", out]
        assert main(command) == 0
        errors[name] = json.loads(Path(out).read_text())["conditions"]["across"]["error"]
    assert errors["found"] < 0.05 and errors["labelled"] < 0.05


def test_the_same_seed_gives_the_same_file_and_without_an_alignment_nothing_is_compared(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("one", "two"):
        assert main(["analyse", "segments", str(data), str(tmp_path / out), "--clusters", "6", "--rate", "100"]) == 0
    assert (tmp_path / "one/segments.item").read_bytes() == (tmp_path / "two/segments.item").read_bytes()
    assert "borders within 20 ms" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clusters", "9999"], "cannot be 9999 clusters"),
        (["--side-sec", "0"], "above 0"),
        (["--prominence", "-1"], "not negative"),
    ],
)
def test_what_cannot_be_is_one_block(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["analyse", "segments", str(data), str(tmp_path), "--rate", "100", *options]) == 2
    assert message in capsys.readouterr().err
