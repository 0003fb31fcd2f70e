"""docs/own_speech.md: its commands, in its order, with its configurations, on a tiny folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from masr.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "own_speech.md").read_text(encoding="utf-8")
SHORTER = {"max_steps": 4, "validate_every": 2, "save_every": 2, "warmup_steps": 0, "batch_frames": 3000}


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(title: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in section(title).splitlines() if line.startswith("    masr ")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 16 files by 8 speakers of 2 languages, at 22 kHz, and the table of the page."""
    monkeypatch.chdir(tmp_path)
    rows = [
        re.sub(" {2,}", "\t", line.strip()) for line in section("The folder").splitlines() if line.startswith("    f")
    ]
    assert rows == ["file\tlanguage\tspeaker\ttext\tplace\taccent"]
    random = np.random.default_rng(0)
    for n in range(16):
        language, speaker = ("hin", "urd")[n % 2], f"s{n // 4}{n % 2}"
        path = Path("recordings") / speaker / f"{n}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = np.sin(np.arange(22050) * (0.03 + 0.1 * (n % 2))) + 0.1 * random.standard_normal(22050)
        soundfile.write(path, 0.3 * tone, 22050)
        rows.append(f"{speaker}/{n}\t{language}\t{speaker}\t{'a b' * (n % 3 > 0)}\t28.61 77.21\tx")
    Path("recordings.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for block in re.findall(r"```yaml\n(# (\S+)\n.*?)```", PAGE, re.DOTALL):
        text = block[0]
        for key, value in SHORTER.items():
            text = re.sub(rf"\b{key}: \d+", f"{key}: {value}", text)
        Path(block[1]).write_text(text.replace("encoder: 60", "encoder: 2"), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_the_dozen_commands(capsys: pytest.CaptureFixture[str]) -> None:
    listed = commands("A dozen commands")
    assert len(listed) == 14
    for words in listed:
        assert main(words) == 0, words
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # of our own page
    assert names["vectors"].shape == (16, 96) and names["frames"].shape[1] == 96
    assert {answer.best.code for answer in names["answers"]} <= {"hin", "urd"} and len(names["answers"]) == 16
    said = capsys.readouterr()
    assert "accuracy" in said.out and "chance" in said.out
    assert "hin, urd" in said.err
    assert said.out.rstrip("\n").count("recordings/s") == 16


def test_a_directory_made_by_hand(here: Path) -> None:
    for n in range(2):
        soundfile.write(here / f"{n}.wav", np.random.default_rng(n).normal(0, 0.1, 16000), 16000)
    (here / "data/mine").mkdir(parents=True)
    (here / "data/mine/wav.scp").write_text("".join(f"bob-{n} {here}/{n}.wav\n" for n in (1, 0)))
    (here / "data/mine/utt2spk").write_text("bob-1 bob\nbob-0 bob\n")
    listed = commands("A Kaldi directory made by hand")
    assert [words[0] for words in listed] == ["data", "features"]
    assert [main(words) for words in listed] == [0, 0]
    assert (here / "data/mine/spk2utt").read_text() == "bob bob-0 bob-1\n"


def test_what_the_page_calls_a_column_is_one() -> None:
    from masr.corpora.label_files import MEANINGS

    found = 0
    for line in section("The folder").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = [cells[0], *cells[1].split(", ")] if len(cells) == 3 and re.fullmatch(r"[a-z_, ]+", cells[1]) else []
        if names and names[0] != "column":
            (meant,) = [set(spelled) for spelled in MEANINGS.values() if names[0] in spelled]
            assert set(names) <= meant
            found += 1
    assert found == len(MEANINGS)
