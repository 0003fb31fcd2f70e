from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from masr.maths.estimate import Estimate
from masr.report.gather import Run
from masr.report.markup import join
from masr.report.score_words import in_words
from masr.report.scores import Score, flattened, score_plates, score_section


def test_figures_with_intervals_are_one_score() -> None:
    data = {
        "shares": {"all": {"1-NN": {"accuracy": 0.5, "low": 0.4, "high": 0.6, "count": 10}}},
        "chance": 0.1,
        "wer": {"value": 12.5, "low": 11, "high": 14},
        "num": 3,
        "missing": None,
        "flag": True,
        "name": "x",
        "list": [1, 2],
        "huge": 10**400,
    }
    assert list(flattened(data)) == [
        Score(("shares", "all", "1-NN", "accuracy"), Estimate(0.5, 0.4, 0.6, 10, "share")),
        Score(("chance",), Estimate(0.1, unit="share")),
        Score(("wer",), Estimate(12.5, 11.0, 14.0)),
        Score(("num",), Estimate(3.0)),
        Score(("missing",), Estimate(math.nan)),
        Score(("huge",), Estimate(math.nan)),
    ]
    texts = [one.text() for one in flattened(data)]
    assert texts == ["50.0 ± 10.0 %", "10.0 %", "12.5 [11, 14]", "3", "\N{EN DASH}", "\N{EN DASH}"]
    assert Score(("a",), Estimate(0.5, 0.25, 0.625, 10, "share")).text() == "50.0 [25.0, 62.5] %"


def section(*scores: dict[str, object]) -> str:
    runs = [Run(Path(f"r{n}"), f"r{n}", chr(65 + n), scores={"dev": data}) for n, data in enumerate(scores)]
    return str(join(score_section(runs, score_plates(runs))))


def test_two_runs_stand_side_by_side_with_their_difference() -> None:
    shown = section({"accuracy": 0.5, "only": 1}, {"accuracy": 0.4})
    assert "\N{MINUS SIGN}10.0 points" in shown
    assert shown.count("<th") > 4
    assert "B minus A" in shown


def test_bars_show_intervals_and_chance() -> None:
    measured = {"accuracy": 0.5, "low": 0.4, "high": 0.6}
    shown = section({"x": measured, "chance": 0.1})
    assert "chance 10.0 %" in shown
    assert "x: accuracy, r0: 50.0 %, from 40.0 % to 60.0 %" in shown
    assert "<svg" not in section({"num": 1})


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("groups group cjk figures cllr_multiclass", ("group cjk", "Cllr of all languages at once")),
        ("groups duration 0-3s figures eer_pooled", ("duration 0-3s", "EER, pooled")),
        ("groups pretraining unseen figures macro_f1", ("pre-training unseen", "macro F1")),
        ("languages afr num_utts", ("language afr", "utterances")),
        ("shares apart centroid accuracy", ("labels set apart, nearest mean", "accuracy")),
        (
            "kinds gender layers 0 probes logistic test balanced_accuracy",
            ("gender, layer 0, logistic", "balanced accuracy"),
        ),
        ("kinds lang best test recall afr", ("language, best, afr", "recall")),
        ("figures top5_accuracy", ("", "right among the 5 likeliest")),
        ("num_strange_things", ("", "strange things")),
        ("languages", ("", "languages")),
    ],
)
def test_keys_become_words(keys: str, words: tuple[str, str]) -> None:
    assert in_words(keys.split()) == words


def lid(num_languages: int) -> dict[str, object]:
    def measured(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.1, "high": value + 0.1}

    figures = {"accuracy": measured(0.5), "eer_pooled": measured(0.2), "cllr_multiclass": measured(2.5)}
    languages = {f"l{n}": {"num_utts": 4, "recall": measured(0.25), "precision": None} for n in range(num_languages)}
    groups = {"group": {name: {"num_utts": 8, "figures": figures} for name in ("cjk", "ee")}}
    return {"figures": figures, "languages": languages, "groups": groups}


def test_hundreds_of_figures_are_a_few_bars_and_folded_tables_in_words() -> None:
    shown = section(lid(60))
    before, folded = shown.split("<details>", 1)
    assert "<table" not in before, "nothing but drawings stands open"
    names = re.findall(r'class="tick end">([^<]+)</text>', before)
    assert names == ["accuracy", "EER, pooled", "Cllr of all languages at once"]
    assert not re.search(r"groups|figures,|cllr_multiclass|num_utts", folded)
    assert "<summary>all 191 figures of dev.json</summary>" in folded
    heads = [re.findall(r"<th[^>]*>([^<]*)</th>", head) for head in re.findall(r"<thead>(.*?)</thead>", folded)]
    assert ["", "utterances", "recall"] in heads, "the precision that nobody knows has no column"
    assert re.search(r'<th scope="row">group cjk</th><td class="number">8</td>', folded)


def test_a_table_has_no_empty_column() -> None:
    shown = section({"accuracy": 0.5, "other": None})
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", shown)
    assert heads == ["", "value"]
    assert "of" in re.findall(
        r"<th[^>]*>([^<]*)</th>", section({"x": {"accuracy": 0.5, "low": 0, "high": 1, "count": 9}})
    )
