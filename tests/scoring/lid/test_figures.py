from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.io.language_scores import LanguageScores
from masr.maths.bootstrap import bounds, clusters, drawn
from masr.scoring.lid import det_curve as curve_module
from masr.scoring.lid.answers import Answers, judge
from masr.scoring.lid.cluster_sums import NUM_BINS, tally
from masr.scoring.lid.det_curve import equal_error
from masr.scoring.lid.figures import compute
from masr.scoring.lid.reference import Labels, encode
from reference import slow_lid

NAMES = ("afr", "bos", "ces", "dan", "eng")


def made(
    seed: int, count: int = 80, spread: float = 1.5, digits: int = 9, unknown: bool = False
) -> tuple[Answers, Labels, list[str], Any]:
    """Unequal languages, five columns of which one may have no utterance, speakers of two languages at most."""
    random = np.random.default_rng(seed)
    labels = random.choice(
        [*NAMES[:4], "xho"] if unknown else NAMES[:4],
        count,
        p=[0.4, 0.3, 0.15, 0.1, 0.05] if unknown else [0.4, 0.3, 0.2, 0.1],
    )
    logits = random.standard_normal((count, 5)) * spread
    for u, label in enumerate(labels):
        if label in NAMES:
            logits[u, NAMES.index(label)] += 2
    logits = np.round(logits, digits)
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    speakers = [f"{label[0]}{random.integers(0, 6)}" for label in labels]
    scores = LanguageScores([f"u{i}" for i in range(count)], NAMES, logs.astype(np.float32))
    encoded = encode(labels.tolist())
    return judge(Path("x"), scores, np.arange(count), encoded), encoded, speakers, logs


def values(answers: Answers, rows: Any = None, top: int = 2) -> dict[str, float]:
    rows = np.flatnonzero(answers.truth >= 0) if rows is None else rows
    groups = clusters([f"u{i}" for i in range(len(answers.utts))], "utterances")
    found = tally(answers, rows, groups, top).figures(np.ones((1, groups.count)))
    return {name: float(value[0]) for name, value in found.items()}


@pytest.mark.parametrize(("seed", "digits"), [(0, 9), (1, 9), (2, 0), (3, 0)])
def test_every_figure_is_that_of_its_definition(seed: int, digits: int) -> None:
    answers, _, _, logs = made(seed, digits=digits)
    found = values(answers)
    truth = answers.truth.tolist()
    # Ties are decided on the very ratios that are scored: rounding may break or make one.
    ratios = answers.ratios.T.astype(np.float64).tolist()
    for beta in (1.0, 9.0):
        assert slow_lid.cavg(ratios, truth, beta, math.log(beta)) >= slow_lid.least_cavg(ratios, truth, beta)
    actual, least = (
        [f(beta) for beta in (1.0, 9.0)]
        for f in (
            lambda beta: slow_lid.cavg(ratios, truth, beta, np.float32(math.log(beta))),
            lambda beta: slow_lid.least_cavg(ratios, truth, beta),
        )
    )
    present = sorted(set(truth))
    own = [row[t] for row, t in zip(ratios, truth)]
    others = [row[i] for row, t in zip(ratios, truth) for i in present if i != t]
    each = [
        slow_lid.equal_error(
            [r[i] for r, t in zip(ratios, truth) if t == i], [r[i] for r, t in zip(ratios, truth) if t != i]
        )
        for i in present
    ]
    right = [int(np.argmax(row)) == t for row, t in zip(logs, truth)] if digits else answers.answer == answers.truth
    expected = {
        "cavg_actual": actual[0] / 2,
        "cavg_minimum": least[0] / 2,
        "cprimary_actual": sum(actual) / 2,
        "cprimary_minimum": sum(least) / 2,
        "cllr": slow_lid.cllr(ratios, truth),
        "cllr_multiclass": slow_lid.multiclass_cllr(logs.tolist(), truth),
        "eer_pooled": float(slow_lid.equal_error(own, others)),
        "eer_average": float(sum(each) / len(each)),
        "ece": slow_lid.calibration_error(answers.confidence.tolist(), list(right), NUM_BINS),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_answers_are_counted_as_scikit_learn_does(seed: int) -> None:
    from sklearn import metrics

    answers, _, _, logs = made(seed)
    found = values(answers)
    truth, guess = answers.truth, answers.answer
    present = sorted(set(truth.tolist()))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, guess))
    f1 = metrics.f1_score(truth, guess, labels=present, average="macro")
    assert found["macro_f1"] == pytest.approx(f1)
    top = metrics.top_k_accuracy_score(truth, logs, k=2, labels=range(5))
    assert found["top2_accuracy"] == pytest.approx(top)
    assert values(answers, top=9)["top9_accuracy"] == 1


def test_of_each_language_as_scikit_learn_does() -> None:
    from sklearn import metrics

    answers, labels, speakers, _ = made(5)
    groups = clusters(speakers)
    found = compute(answers, labels, groups, {}, 2)
    assert found is not None
    present = sorted(set(answers.truth.tolist()))
    precision, recall, f1, counts = metrics.precision_recall_fscore_support(
        answers.truth, answers.answer, labels=present
    )
    for i, place in enumerate(present):
        one = found.languages[answers.languages[place]]
        assert one.num_utts == counts[i]
        assert one.recall.value == pytest.approx(recall[i])
        assert one.precision == pytest.approx(precision[i])
        assert one.f1 == pytest.approx(f1[i])
        own = answers.truth == place
        assert one.miss_rate == pytest.approx((answers.ratios[place][own] < 0).mean())
        assert one.eer == equal_error(answers.ratios[place][own], answers.ratios[place][~own]).rate
    assert np.mean([one.miss_rate + one.alarm_rate for one in found.languages.values()]) / 2 == pytest.approx(
        found.overall.figures["cavg_actual"].value
    )
    matrix = metrics.confusion_matrix(answers.truth, answers.answer, labels=range(5))
    assert found.confusion.tolist() == matrix[present].tolist()


def test_a_grid_that_is_coarse_changes_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, *_ = made(4, count=300)
    full = values(answers)
    monkeypatch.setattr(curve_module, "_GRID", 2)
    assert values(answers) == full


def test_groups_are_the_figures_of_their_utterances_alone() -> None:
    answers, labels, speakers, logs = made(6, count=120)
    sides = encode(["left" if i % 3 else "right" for i in range(120)])
    found = compute(answers, labels, clusters(speakers), {"side": sides}, 2)
    assert found is not None
    rows = np.flatnonzero(np.arange(120) % 3 > 0)
    scores = LanguageScores([f"u{i}" for i in rows], NAMES, logs[rows].astype(np.float32))
    apart = judge(Path("x"), scores, np.arange(len(rows)), Labels(labels.names, labels.codes[rows]))
    part = found.groups["side"]["left"]
    assert part.num_utts == len(rows)
    assert {name: one.value for name, one in part.figures.items()} == pytest.approx(values(apart))


def test_groups_of_whole_languages_answer_for_the_mistakes_of_others() -> None:
    """Seen and unseen languages: F1 and the mean EER are of the languages in the whole test."""
    answers, labels, speakers, _ = made(6, count=120)
    seen = Labels(("seen", "unseen"), np.array([int(name in ("ces", "dan")) for name in labels.names])[labels.codes])
    found = compute(answers, labels, clusters(speakers), {"pretraining": seen}, 2)
    assert found is not None
    for group, names in (("seen", ("afr", "bos")), ("unseen", ("ces", "dan"))):
        figures = found.groups["pretraining"][group].figures
        members = [found.languages[name] for name in names]
        assert figures["macro_f1"].value == pytest.approx(np.mean([one.f1 for one in members]))
        assert figures["eer_average"].value == pytest.approx(np.mean([one.eer for one in members]))
        assert figures["balanced_accuracy"].value == pytest.approx(np.mean([one.recall.value for one in members]))
        for name in ("macro_f1", "eer_average"):
            low, high = figures[name].low, figures[name].high
            assert low is not None and high is not None and low < figures[name].value < high


def test_a_group_of_one_language_has_no_detection_figures() -> None:
    answers, labels, speakers, _ = made(7)
    found = compute(answers, labels, clusters(speakers), {"lang": labels}, 2)
    assert found is not None
    assert "eer_pooled" not in found.groups["lang"]["afr"].figures
    assert found.groups["lang"]["afr"].figures["accuracy"].value == found.languages["afr"].recall.value


def test_unknown_languages_are_apart_and_change_nothing_else() -> None:
    answers, labels, _, logs = made(8, unknown=True)
    out = np.flatnonzero(answers.truth < 0)
    found = compute(answers, labels, clusters([f"u{i}" for i in range(80)], "utterances"), {}, 2)
    assert found is not None and found.open_set is not None and len(out)
    assert found.overall.num_utts == 80 - len(out)
    kept = np.flatnonzero(answers.truth >= 0)
    scores = LanguageScores([f"u{i}" for i in kept], NAMES, logs[kept].astype(np.float32))
    alone = judge(Path("x"), scores, np.arange(len(kept)), encode([labels.names[labels.codes[i]] for i in kept]))
    assert {n: f.value for n, f in found.overall.figures.items()} == pytest.approx(values(alone))
    assert found.open_set.num_utts == len(out) == sum(found.open_set.answers["xho"].values())
    present = sorted(set(answers.truth[kept].tolist()))
    accepted = (answers.ratios[np.ix_(present, out)] >= 0).mean()
    assert found.open_set.alarm_rate == pytest.approx(accepted)
    sides = answers.confidence[kept].tolist(), answers.confidence[out].tolist()
    assert found.open_set.eer == pytest.approx(float(slow_lid.equal_error(*sides)))
    misses = np.mean([one.miss_rate for one in found.languages.values()])
    alarms = np.mean([one.alarm_rate for one in found.languages.values()])
    assert found.open_set.cavg_actual == pytest.approx(0.5 * misses + 0.3 * alarms + 0.2 * accepted)
    assert "xho" in found.truths


def test_nothing_known_is_none_and_one_speaker_has_no_interval() -> None:
    answers, labels, _, _ = made(9)
    found = compute(answers, labels, clusters(["one"] * 80), {}, 2)
    assert found is not None
    assert {one.low for one in found.overall.figures.values()} == {None}
    lost = encode(["zul"] * 80)
    scores = LanguageScores([f"u{i}" for i in range(80)], NAMES, np.full((80, 5), math.log(0.2), np.float32))
    assert (
        compute(
            judge(Path("x"), scores, np.arange(80), lost),
            lost,
            clusters([f"u{i}" for i in range(80)], "utterances"),
            {},
        )
        is None
    )


def test_what_tells_nothing_costs_what_guessing_costs() -> None:
    labels = encode([*NAMES] * 4)
    scores = LanguageScores([f"u{i}" for i in range(20)], NAMES, np.full((20, 5), math.log(0.2), np.float32))
    answers = judge(Path("x"), scores, np.arange(20), labels)
    found = values(answers)
    assert answers.num_tied == 20
    assert found["eer_pooled"] == found["eer_average"] == 0.5
    assert found["cavg_minimum"] == 0.5
    assert found["cprimary_minimum"] == 1
    assert found["cllr"] == pytest.approx(1, abs=1e-6)
    assert found["cllr_multiclass"] == pytest.approx(math.log2(5))


def test_a_true_language_of_probability_nought_makes_cllr_infinite() -> None:
    labels = encode(["afr", "bos", "bos"])
    logs = np.where(np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]), 0.0, -np.inf)
    answers = judge(Path("x"), LanguageScores(["u1", "u2", "u3"], NAMES, logs.astype(np.float32)), np.arange(3), labels)
    found = compute(answers, labels, clusters([f"u{i}" for i in range(3)], "utterances"), {}, 1)
    assert found is not None
    assert found.num_impossible == 1
    assert found.overall.figures["cllr"].value == math.inf
    assert found.overall.figures["accuracy"].value == pytest.approx(2 / 3)


def test_intervals_agree_with_scoring_every_draw_anew() -> None:
    """Thresholds kept where they were found, against every figure of every draw by the whole computation."""
    answers, _, _, _ = made(10, count=400)
    random = np.random.default_rng(0)
    groups = clusters([f"s{i}" for i in random.integers(0, 60, 400)])
    rows = np.arange(400)
    weights = drawn(groups.count, 1, 300)
    quick = tally(answers, rows, groups, 2).figures(weights)
    anew: dict[str, list[float]] = {name: [] for name in quick}
    for row in weights:
        again = np.repeat(rows, row[groups.numbers].astype(int))
        for name, value in values(answers, again).items():
            anew[name].append(value)
    for name, draws in quick.items():
        exact = np.array(anew[name])
        if "minimum" in name or "eer" in name or name == "ece":
            assert np.corrcoef(draws, exact)[0, 1] > 0.8, name
            assert draws.std() == pytest.approx(exact.std(), rel=0.15), name
        else:
            assert draws == pytest.approx(exact, rel=1e-6), name
        assert np.mean(draws) == pytest.approx(np.mean(exact), abs=0.5 * exact.std()), name


def test_dealing_many_speakers_into_groups_keeps_the_width() -> None:
    answers, *_ = made(11, count=3000)
    rows = np.arange(3000)
    widths = []
    for most in (3000, 200):
        groups = clusters([f"u{i}" for i in range(3000)], "utterances", seed=3, most=most)
        assert groups.count == most and groups.num_units == 3000
        low, high = bounds(tally(answers, rows, groups, 2).figures(drawn(groups.count, 0))["accuracy"][:, None])[:, 0]
        widths.append(high - low)
    assert widths[0] == pytest.approx(2 * 1.96 * math.sqrt(0.75 * 0.25 / 3000), rel=0.2)
    assert widths[1] == pytest.approx(widths[0], rel=0.25)
