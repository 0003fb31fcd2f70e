"""`masr decode` over an archive of emissions, at once and as jobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.ark import ArchiveWriter
from masr.io.datadir import write_table

TEXTS = {"s-1": "ab a", "s-2": "ba", "s-3": "b ab"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """units of three characters, emissions that spell TEXTS and one of blanks, the words."""
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "units.txt").write_text("<blank> 0\n<unk> 1\n<space> 2\na 3\nb 4\n")
    (tmp_path / "units" / "config.yaml").write_text("units: {name: characters}\n")
    with ArchiveWriter(tmp_path / "emissions" / "emissions.ark") as writer:
        for utt, text in (TEXTS | {"s-4": ""}).items():
            path = [unit for c in text for unit in (0, " ab".index(c) + 2)] + [0]
            frames = np.full((len(path), 5), 0.02, dtype=np.float32)
            frames[np.arange(len(path)), path] = 0.92
            writer.append(utt, np.log(frames))
    write_table(tmp_path / "emissions" / "emissions.scp", writer.rows)
    (tmp_path / "emissions" / "frame_shift").write_text("0.04\n")
    (tmp_path / "words").write_text("a\nab\nba\nb\n")
    return tmp_path


def decode(place: Path, out: str, *options: str) -> int:
    return main(["decode", f"{place}/emissions", f"{place}/units", f"{place}/{out}", *options])


def test_greedy_writes_text_and_times(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert decode(place, "out", "--set", "search=greedy") == 0
    assert (place / "out" / "text").read_text() == "s-1 ab a\ns-2 ba\ns-3 b ab\ns-4\n"
    assert (place / "out" / "text.nbest").read_text().splitlines()[0] == "s-1-1 ab a"
    ctm = (place / "out" / "words.ctm").read_text().splitlines()
    assert ctm[:2] == ["s-1 1 0.040 0.120 ab 0.920", "s-1 1 0.280 0.040 a 0.920"]
    assert "search: greedy" in (place / "out" / "config.yaml").read_text()
    assert "1 utterances have no word" in capsys.readouterr().out


def test_jobs_give_what_one_run_gives(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    options = ("--set", f"lexicon={place}/words", "--set", "num_best=2")
    assert decode(place, "whole", *options) == 0
    for job in (1, 2, 3):
        assert decode(place, "parts", *options, "--job", f"{job}/3") == 0
    assert decode(place, "parts", *options, "--merge", "3") == 0
    for name in ("text", "text.nbest", "score.nbest", "words.ctm"):
        assert (place / "parts" / name).read_text() == (place / "whole" / name).read_text() != ""
    assert (place / "whole" / "text").read_text().startswith("s-1 ab a\ns-2 ba\ns-3 b ab\n")
    assert not (place / "parts" / "jobs").exists()
    assert "lexicon: 4 words" in capsys.readouterr().out


def test_a_job_that_is_missing_or_of_other_settings(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    greedy = ("--set", "search=greedy")
    assert decode(place, "out", *greedy, "--job", "1/2") == 0
    assert decode(place, "out", *greedy, "--merge", "2") == 2
    assert "job 2 of 2 has not ended" in capsys.readouterr().err
    assert decode(place, "out", *greedy, "--set", "num_best=3", "--job", "2/2") == 0
    assert decode(place, "out", *greedy, "--merge", "2") == 2
    assert "job 2 of 2 ran under other options" in capsys.readouterr().err
    assert not (place / "out" / "text").exists()


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ("emissions/emissions.scp", [], "has neither a model's weights nor emissions.scp"),
        ("emissions/frame_shift", [], "nothing says how long a frame is"),
        ("units/units.txt", [], "has no units.txt"),
        ("", ["--set", "search=beem"], "search"),
        ("", ["--job", "3/2"], "is no job"),
        ("", ["--set", "search=beam", "--set", "lexicon=nowhere"], "no such lexicon"),
        ("", ["--set", "language_model=nowhere", "--set", "model_of=units"], "no such language model"),
    ],
)
def test_mistakes(place: Path, capsys: pytest.CaptureFixture[str], change: str, options: list[str], says: str) -> None:
    if change:
        (place / change).unlink()
    if "beam" in str(options) or "language_model" in str(options):
        pytest.importorskip("flashlight.lib.text.decoder")
    assert decode(place, "out", *(options or ["--set", "search=greedy"])) == 2
    assert says in capsys.readouterr().err


def test_units_of_another_model(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "units" / "units.txt").write_text("<blank> 0\n<unk> 1\n<space> 2\na 3\n")
    assert decode(place, "out", "--set", "search=greedy") == 2
    said = capsys.readouterr().err
    assert "s-1: emissions are (9, 5), and there are 4 units" in said and "trained with other units" in said


def test_the_length_of_a_frame_may_be_given(place: Path) -> None:
    (place / "emissions" / "frame_shift").unlink()
    assert decode(place, "out", "--set", "search=greedy", "--set", "frame_shift_sec=0.02") == 0
    assert (place / "out" / "words.ctm").read_text().startswith("s-1 1 0.020 0.060 ab")
