from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.figure_file import read_figure
from masr.io.language_scores import write_language_scores

NAMES = ("eng", "hin", "nob", "urd", "zul")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """data/ of 60 utterances in four languages and one that no system has; a.tsv, and b.npy which is worse."""
    random = np.random.default_rng(0)
    utts = [f"s{i // 3:02d}-u{i:02d}" for i in range(60)]
    langs = [(*NAMES[:4], "xho")[i % 5] for i in range(60)]
    write_datadir(
        tmp_path / "data",
        {
            "utt2spk": {utt: utt[:3] for utt in utts},
            "utt2lang": dict(zip(utts, langs)),
            "utt2dur": {utt: f"{1 + i % 40}" for i, utt in enumerate(utts)},
            "utt2gender": {utt: ("female", "male")[i % 2] for i, utt in enumerate(utts)},
        },
    )
    for name, lift in (("a.tsv", 3.0), ("b.npy", 0.5)):
        logits = random.standard_normal((60, 5))
        for u, lang in enumerate(langs):
            if lang in NAMES:
                logits[u, NAMES.index(lang)] += lift
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        write_language_scores(tmp_path / name, utts, NAMES, logs.astype(np.float32))
    return tmp_path


def score(place: Path, *more: str, scores: str = "a.tsv") -> dict[str, Any]:
    command = ["score", "lid", "--ref", str(place / "data"), "--scores", str(place / scores)]
    assert main([*command, "--json", str(place / "out.json"), *more]) == 0
    found: dict[str, Any] = json.loads((place / "out.json").read_text(encoding="utf-8"))
    return found


def test_everything_at_once(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--by", "gender", "--durations", str(place / "data"), "--seen", "eng,hin", "--top", "2"]
    more += ["--against", str(place / "b.npy"), "--figures", str(place / "figures")]
    found = score(place, *more)
    assert found["num_utts"] == 60 and found["num_scored"] == 48 and found["num_languages"] == 4
    assert found["languages_without_utterances"] == ["zul"]
    assert found["chance"] == 1 / 5 and found["commonest"] == {"language": "eng", "share": 0.25}
    assert found["interval"] == {"level": 0.95, "over": "speakers", "num": 20, "from": str(place / "data/utt2spk")}
    for figure in found["figures"].values():
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert list(found["groups"]["duration"]) == ["0-3 s", "3-10 s", "10-30 s", "30 s and more"]
    lengths = [1 + i % 40 for i in range(60) if i % 5 != 4]  # 3 s are no longer 0-3 s
    expected = [sum(low <= sec < high for sec in lengths) for low, high in ((0, 3), (3, 10), (10, 30), (30, 99))]
    assert [part["num_utts"] for part in found["groups"]["duration"].values()] == expected
    assert set(found["groups"]["gender"]) == {"female", "male"}
    assert found["groups"]["pretraining"]["seen"]["num_languages"] == 2
    assert set(found["open_set"]["answers"]) == {"xho"}
    assert found["against"]["figures"]["accuracy"]["difference"] > 0
    assert np.array(found["confusion"]["counts"]).sum() == 60
    assert {"hin", "urd"} <= {name for pair in found["confused"] for name in (pair["first"], pair["second"])}
    printed = capsys.readouterr().out
    for words in (
        "over 20 speakers",
        "xho",
        "EER, trials pooled",
        "EER, mean of languages",
        "Cavg, minimum",
        "McNemar",
    ):
        assert words in printed, words
    matrix = read_figure(place / "figures" / "confusion.figure.json")
    assert matrix.counts.tolist() == found["confusion"]["counts"]  # type: ignore[union-attr]
    assert read_figure(place / "figures" / "reliability.figure.json").title


def test_any_order_of_rows_and_columns_and_either_form_is_the_same(place: Path) -> None:
    lines = [line.split("\t") for line in (place / "a.tsv").read_text().splitlines()]
    rows = [lines[0], *lines[:0:-1]]
    order = [0, 3, 1, 5, 4, 2]
    (place / "c.tsv").write_text("".join("\t".join(row[i] for i in order) + "\n" for row in rows))
    values = np.array([[float(cell) for cell in row[1:]] for row in lines[1:]], dtype=np.float32)
    write_language_scores(place / "c.npy", [row[0] for row in lines[1:]], lines[0][1:], values)
    expected = score(place)
    for other in ("c.tsv", "c.npy"):
        found = score(place, scores=other)
        for key in ("num_scored", "open_set", "confused", "reliability", "languages", "confusion"):
            assert found[key] == expected[key], key
        for name, figure in found["figures"].items():
            assert figure["value"] == pytest.approx(expected["figures"][name]["value"], abs=1e-12), name


def test_utterances_missing_and_extra(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (place / "a.tsv").read_text().splitlines(keepends=True)
    (place / "few.tsv").write_text("".join(lines[:50]) + lines[50].replace("s16-u49", "new-u49"))
    command = ["score", "lid", "--ref", str(place / "data"), "--scores", str(place / "few.tsv")]
    assert main(command) == 2
    assert "no scores for 11 of 60" in (error := capsys.readouterr().err) and "s16-u49" in error
    found = score(place, "--partial", scores="few.tsv")
    assert found["left_out"]["without_scores"]["count"] == 11
    assert found["left_out"]["without_reference"] == {"count": 1, "utts": ["new-u49"]}
    assert found["num_utts"] == 49


def test_without_speakers_the_draws_are_of_utterances_and_it_says_so(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "bare").mkdir()
    (place / "bare" / "utt2lang").write_text((place / "data" / "utt2lang").read_text())
    command = ["score", "lid", "--ref", str(place / "bare" / "utt2lang"), "--scores", str(place / "a.tsv")]
    assert main(command) == 0
    assert "over 60 utterances: speakers are not known" in capsys.readouterr().out
    assert main([*command, "--speakers", str(place / "data")]) == 0
    assert "over 20 speakers" in capsys.readouterr().out


def test_a_column_for_all_other_languages(place: Path) -> None:
    path = place / "a.tsv"
    path.write_text(path.read_text().replace("zul", "other"))
    found = score(place, "--other", "other")
    assert found["num_scored"] == 60 and found["open_set"] is None
    assert found["languages"]["other"]["num_utts"] == 12


def test_logits_are_refused_until_asked_for(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = score(place)
    lines = (place / "a.tsv").read_text().splitlines()
    shifted = [lines[0]] + [
        "\t".join([line.split("\t")[0], *(str(float(v) + 7) for v in line.split("\t")[1:])]) for line in lines[1:]
    ]
    (place / "logits.tsv").write_text("\n".join(shifted) + "\n")
    assert main(["score", "lid", "--ref", str(place / "data"), "--scores", str(place / "logits.tsv")]) == 2
    assert "--normalise" in capsys.readouterr().err
    found = score(place, "--normalise", scores="logits.tsv")
    assert found["figures"]["cllr"]["value"] == pytest.approx(expected["figures"]["cllr"]["value"], abs=1e-4)


def test_infinite_figures_are_null_and_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (place / "a.tsv").read_text().splitlines(keepends=True)
    lines[1] = lines[1].split("\t")[0] + "\t-inf\t0\t-inf\t-inf\t-inf\n"
    (place / "a.tsv").write_text("".join(lines))
    found = score(place)
    assert found["num_impossible"] == 1
    assert found["figures"]["cllr"]["value"] is None
    assert found["figures"]["accuracy"]["value"] is not None
    assert "probability 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--by", "accent"], "utt2accent"),
        (["--by", "no/such"], "no such file"),
        (["--seen", "no/such"], "no such file"),
        (["--buckets", "3,2", "--durations", "{}/data"], "rising seconds"),
        (["--buckets", "x", "--durations", "{}/data"], "rising seconds"),
        (["--other", "oter"], "no column"),
        (["--top", "0"], "--top"),
        (["--against", "{}/short.tsv"], "has no scores for 59 utterances"),
        (["--speakers", "{}/short.tsv"], "no speaker"),
        (["--codes", "{}"], "language.npz"),
        (["--ref", "{}/none"], "no such file"),
        (["--ref", "{}/foreign"], "none of its 60 utterances"),
        (["--ref", "{}/elsewhere"], "none of the languages"),
    ],
)
def test_what_cannot_be_scored_says_why(
    place: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    (place / "short.tsv").write_text("".join((place / "a.tsv").read_text().splitlines(keepends=True)[:2]))
    (place / "foreign").write_text("x eng\n")
    table = (place / "data" / "utt2lang").read_text().splitlines()
    (place / "elsewhere").write_text("".join(f"{line.split()[0]} swe\n" for line in table))
    command = ["score", "lid", "--ref", str(place / "data"), "--scores", str(place / "a.tsv")]
    assert main([*command, *(piece.format(place) for piece in more)]) == 2
    assert words in capsys.readouterr().err
