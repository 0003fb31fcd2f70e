"""Claims from the files of a table to its page: over seeds and speakers, in families, with power, beside papers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.errors import ConfigError
from masr.tables import formats
from masr.tables.config import read_table
from masr.tables.outcome import Outcome, outcome_of
from masr.tables.state import state_of

TABLE = """\
title: Answers
corpus: made-up
smallest_effect: 5
sizes:
  mini: {what: made up, embedded: true, seeds: [0, 1, 2], variables: {unheard: "tel, tam"}}
steps:
  - {name: test, command: [masr, data, subset, "{data}/test", "{out}", --num, "{count}", --seed, "{seed}"]}
rows:
  - {name: plain, variables: {count: 1}}
  - {name: better, variables: {count: 2}}
  - {name: same, variables: {count: 3}}
columns:
  - {name: all, step: test, answers: answers.tsv, scale: 100, unit: "%"}
  - {name: heard, step: test, answers: answers.tsv, answers_not_of: ["{unheard}"], scale: 100, unit: "%"}
  - {name: unheard, step: test, answers: answers.tsv, answers_of: ["{unheard}"], scale: 100, unit: "%"}
orderings:
  - {better: same, than: plain, columns: [heard], claim: another claim}
  - {better: better, than: plain, columns: [all], claim: it is better, primary: true}
  - {better: same, than: plain, columns: [all], claim: so is the same, primary: true}
  - {better: better, than: plain, columns: [heard, unheard], claim: a third, family: subsets}
reported:
  - {row: better, relative_to: plain, column: all, value: 12.5, tag: paper, source: decided}
  - {row: plain, relative_to: same, column: all, value: 13.5, tag: paper, source: decided too}
  - {row: same, relative_to: plain, column: unheard, value: 14.5, tag: paper, source: no claim}
  - {row: same, column: all, value: 15.5, tag: paper, source: absolute}
"""
LABELS = ("eng", "hin", "tel", "tam")
SHARES = {"plain": 0.5, "better": 0.65, "same": 0.5}


def answer_file(share: float, rng: np.random.Generator, num_speakers: int = 60, per_speaker: int = 8) -> str:
    """So many utterances; that share of them, dealt evenly over speakers, is answered rightly."""
    lines = ["utt\tspeaker\tlabel\tanswer"]
    for number in range(num_speakers * per_speaker):
        label = LABELS[number % 4]
        answer = label if rng.random() < share else "other"
        lines.append(f"u{number:04d}\ts{number // per_speaker:03d}\t{label}\t{answer}")
    return "\n".join(lines) + "\n"


def finish(plan: Any, row: str, seed: int, text: str) -> Path:
    folder: Path = state_of(plan, plan.cells[row, seed, "test"]).folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answers.tsv").write_text(text, encoding="utf-8")
    (folder / "done.json").write_text(json.dumps({"hours": 0.0, "commit": "c"}))
    return folder


@pytest.fixture
def fill(recipe: Any) -> Callable[..., Any]:
    """Writes the table and all answers; its plan."""

    def filled(text: str = TABLE, shares: dict[str, float] = SHARES, **more: int) -> Any:
        recipe.write(text)
        plan, rng = recipe.plan(), np.random.default_rng(3)
        for row, share in shares.items():
            for seed in plan.size.seeds:
                finish(plan, row, seed, answer_file(share, rng, **more))
        return plan

    return filled


def by_claim(outcome: Outcome) -> dict[tuple[str, str], Any]:
    return {(claim.ordering.claim, claim.column): claim.comparison for claim in outcome.claims}


def test_claims_are_tested_over_seeds_and_speakers_on_the_same_utterances(fill: Any) -> None:
    outcome = outcome_of(fill())
    found = by_claim(outcome)["it is better", "all"]
    rows = {row.name: row for row in outcome.rows}
    means = [rows[name].cells["all"].mean for name in ("better", "plain")]
    assert found.gain.value == pytest.approx(means[0].value - means[1].value)
    assert found.verdict == "holds"
    assert found.gain.low > 5
    # 480 utterances and three seeds: sqrt(2 x 0.24 / 480 / 3) x 100 where answers have nothing to do with each other
    assert found.error == pytest.approx(1.83, rel=0.4)
    assert rows["plain"].cells["all"].interval == "seeds and speakers"
    assert rows["plain"].cells["all"].scores[0].count == 480


def test_columns_speak_of_the_utterances_with_their_labels(fill: Any) -> None:
    plan = fill()
    folder = state_of(plan, plan.cells["plain", 0, "test"]).folder
    lines = [line.split("\t") for line in (folder / "answers.tsv").read_text().splitlines()[1:]]
    cells = next(row for row in outcome_of(plan).rows if row.name == "plain").cells
    for column, labels in (("all", LABELS), ("heard", LABELS[:2]), ("unheard", LABELS[2:])):
        right = [answer == label for _, _, label, answer in lines if label in labels]
        assert cells[column].scores[0].value == pytest.approx(100 * sum(right) / len(right))
        assert cells[column].scores[0].count == len(right)


def test_p_is_corrected_within_each_family_and_primary_claims_come_first(fill: Any) -> None:
    outcome = outcome_of(fill())
    assert outcome.families() == {"primary": 2, "table": 1, "subsets": 2}
    found = by_claim(outcome)
    primary = [found["it is better", "all"], found["so is the same", "all"]]
    assert primary[0].p_adjusted == pytest.approx(2 * primary[0].p_value)
    assert primary[1].p_adjusted == pytest.approx(primary[1].p_value)
    assert found["another claim", "heard"].p_adjusted == found["another claim", "heard"].p_value
    assert [claim.ordering.primary for claim in outcome.claims] == [True, True, False, False, False]


def test_the_verdict_follows_the_corrected_p(fill: Any) -> None:
    """A gain that is significant by itself is not so among twenty."""
    shares = {"plain": 0.5, "better": 0.555, "same": 0.5}
    alone = by_claim(outcome_of(fill(shares=shares)))["it is better", "all"]
    assert alone.verdict == "holds"
    more = "".join(
        f"  - {{better: same, than: plain, columns: [all], claim: c{n}, primary: true}}\n" for n in range(60)
    )
    crowded = by_claim(outcome_of(fill(TABLE.replace("reported:", more + "reported:"), shares)))["it is better", "all"]
    assert crowded.p_value == alone.p_value
    assert crowded.p_adjusted > 0.05
    assert crowded.verdict == "undecided"


def test_no_effect_of_that_size_and_undecided(fill: Any) -> None:
    shares = {"plain": 0.5, "better": 0.5, "same": 0.5}
    eight = TABLE.replace("[0, 1, 2]", "[0, 1, 2, 3, 4, 5, 6, 7]")
    large = by_claim(outcome_of(fill(eight, shares, num_speakers=100)))
    assert large["it is better", "all"].verdict == "no effect of that size"
    assert large["a third", "heard"].verdict == "not significant"  # no primary claim is about that score
    small = by_claim(outcome_of(fill(shares=shares, num_speakers=10)))
    assert small["it is better", "all"].verdict == "undecided"
    assert small["it is better", "all"].detectable > 5
    without = by_claim(outcome_of(fill(TABLE.replace("smallest_effect: 5\n", ""), shares, num_speakers=10)))
    assert without["it is better", "all"].verdict == "not significant"


@pytest.mark.parametrize(
    ("old", "new"), [("u0000\t", "u9999\t"), ("u0000\ts000", "u0000\ts001"), ("s000\teng", "s000\thin"), (None, "")]
)
def test_answers_to_other_utterances_are_not_compared(fill: Any, old: str | None, new: str) -> None:
    plan = fill()
    for seed in plan.size.seeds:
        text = answer_file(0.6, np.random.default_rng(seed))
        text = text.replace(old, new, 1) if old else text.rsplit("u0479", 1)[0]
        finish(plan, "better", seed, text)
    outcome = outcome_of(plan)
    found = by_claim(outcome)["it is better", "all"]
    assert (found.verdict, found.gain, found.p_value) == ("missing", None, None)
    assert "differ" in found.reason
    assert next(row for row in outcome.rows if row.name == "better").cells["all"].mean is not None


def test_seeds_with_other_utterances_have_no_mean(fill: Any) -> None:
    plan = fill()
    finish(plan, "better", 1, answer_file(0.6, np.random.default_rng(1), num_speakers=59))
    outcome = outcome_of(plan)
    cell = next(row for row in outcome.rows if row.name == "better").cells["all"]
    assert cell.mean is None
    assert "differ" in cell.trouble
    assert by_claim(outcome)["it is better", "all"].verdict == "missing"


@pytest.mark.parametrize(("seeds", "reason"), [("[0]", "1 seed"), ("[0, 1]", "2 seeds")])
def test_few_seeds_are_not_tested_whatever_the_speakers_say(fill: Any, seeds: str, reason: str) -> None:
    found = by_claim(outcome_of(fill(TABLE.replace("[0, 1, 2]", seeds), {"plain": 0.1, "better": 0.9})))
    assert found["it is better", "all"].verdict == "not tested"
    assert found["it is better", "all"].reason == reason
    assert found["it is better", "all"].gain.low > 0
    assert found["so is the same", "all"].verdict == "missing"


def test_the_same_answers_are_no_test(fill: Any) -> None:
    plan = fill()
    for row in ("plain", "better"):
        for seed in plan.size.seeds:
            finish(plan, row, seed, answer_file(0.6, np.random.default_rng(7)))
    found = by_claim(outcome_of(plan))["it is better", "all"]
    assert (found.verdict, found.reason) == ("not tested", "all differences are equal")


def test_equal_seeds_are_tested_by_their_speakers(fill: Any) -> None:
    plan = fill()
    for row, share in (("plain", 0.5), ("better", 0.7)):
        text = answer_file(share, np.random.default_rng(7 + len(row)))
        for seed in plan.size.seeds:
            finish(plan, row, seed, text)
    assert by_claim(outcome_of(plan))["it is better", "all"].verdict == "holds"


def test_a_claim_over_a_number_is_tested_by_answers_too(fill: Any) -> None:
    level = "  - {better: plain, level: 25, columns: [all], claim: above chance}\n"
    outcome = outcome_of(fill(TABLE.replace("reported:", level + "reported:")))
    found = by_claim(outcome)["above chance", "all"]
    mean = next(row for row in outcome.rows if row.name == "plain").cells["all"].mean
    assert mean is not None
    assert found.verdict == "holds"
    assert (found.gain.value, found.gain.low) == pytest.approx((mean.value - 25, mean.low - 25))


def test_papers_changes_stand_beside_once_the_claim_is_decided(fill: Any) -> None:
    shares = {"plain": 0.5, "better": 0.65, "same": 0.53}
    few = outcome_of(fill(shares=shares, num_speakers=10))
    verdicts = {claim.ordering.claim: claim.comparison.verdict for claim in few.claims if claim.column == "all"}
    assert verdicts["so is the same"] == "undecided"
    assert [beside.shown for beside in few.beside][1:] == [False, False, True]
    assert few.beside[1].ours is None
    many = outcome_of(fill())
    assert [beside.shown for beside in many.beside] == [True, verdict_of_same(many) != "undecided", False, True]
    first = many.beside[0]
    assert first.ours is not None
    assert first.difference == pytest.approx(first.ours.value - 12.5)


def verdict_of_same(outcome: Outcome) -> str:
    return str(by_claim(outcome)["so is the same", "all"].verdict)


def test_the_page_has_effects_before_verdicts_and_primary_claims_first(
    fill: Any, recipe: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    fill()
    capfd.readouterr()
    assert recipe.masr("show") == 0
    text = capfd.readouterr().out
    assert re.search(
        r"better +than +score +seeds +gain, 95 % +p +p, Holm +standard error +found with power \.8 +verdict", text
    )
    assert re.search(r"better +plain +all \(%\) +3 +\+1\d\.\d ± \d\.\d +(<?0\.\d{3} +){2}\d\.\d +\d\.\d +holds\n", text)
    order = ["PRIMARY CLAIMS", "Claim: it is better", "Claim: so is the same", "OTHER CLAIMS", "Claim: another claim"]
    assert [text.index(one) for one in order] == sorted(text.index(one) for one in order)
    assert "Claim: a third (family subsets)" in text
    assert "primary (2), table (1), subsets (2)" in text
    assert "The smallest effect that would matter is 5 %." in text
    assert "over seeds and speakers at once" in text
    assert "12.5 %" in text
    assert "no claim" not in text
    assert "The papers' numbers stand beside once the claim is decided." in text


def test_json_and_results_say_the_same(fill: Any, recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = outcome_of(fill())
    capfd.readouterr()
    assert recipe.masr("show", "--format", "json") == 0
    found = json.loads(capfd.readouterr().out)
    comparison = by_claim(outcome)["it is better", "all"]
    first = found["orderings"][0]
    assert (first["family"], first["p_adjusted"]) == ("primary", comparison.p_adjusted)
    assert first["standard_error"] == comparison.error
    assert first["found_with_power_0.8"] == comparison.detectable
    assert found["smallest_effect"] == 5
    folders = [f"--{name}={recipe.folder / name}" for name in ("data", "exp", "conf")]
    assert main(["table", "results", str(recipe.table.parent), *folders]) == 0
    page = (recipe.folder / "RESULTS.md").read_text(encoding="utf-8")
    heads = "| table | size | tasks done | holds | does not hold | no effect of that size | undecided |"
    assert heads + " not significant | not tested | missing |" in page
    assert page.index("### Primary claims") < page.index("| it is better |") < page.index("### Other claims")
    assert re.search(r"\| it is better \| .* \| all \(%\): \+1\d\.\d ± \d\.\d, p \S+, Holm \S+ \| holds 1x \|", page)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("smallest_effect: 5", "smallest_effect: 0", "above 0"),
        (", primary: true", "", "mark an ordering"),
        ("family: subsets", "family: primary", "no family can be called primary"),
        ("family: subsets", "family: table", "no family can be called table"),
        ("family: subsets", "family: subsets, primary: true", "a family of their own"),
        ('name: all, step: test, answers: answers.tsv, scale: 100, unit: "%"', "name: all, step: test", "or answers"),
        ("name: all, step: test,", "name: all, step: test, file: x.json,", "file and value belong together"),
        ("name: all, step: test,", "name: all, step: test, better: lower,", "higher is better"),
        ("answers: answers.tsv, answers_of", "file: a.json, value: [v], answers_of", "give answers"),
        ("answers: answers.tsv, scale", "answers: ../answers.tsv, scale", "outside"),
    ],
)
def test_what_cannot_be_meant_is_refused(recipe: Any, old: str, new: str, said: str) -> None:
    assert old in TABLE
    recipe.write(TABLE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_table(recipe.table)
    assert said in caught.value.block()


def test_primary_claims_in_two_units_have_no_smallest_effect(recipe: Any) -> None:
    text = TABLE.replace('answers_of: ["{unheard}"], scale: 100, unit: "%"', 'answers_of: ["{unheard}"]')
    recipe.write(text.replace("columns: [all], claim: it", "columns: [all, unheard], claim: it"))
    with pytest.raises(ConfigError) as caught:
        read_table(recipe.table)
    assert "primary claims have several: %, none" in caught.value.block()


def test_a_list_without_labels_is_refused(recipe: Any) -> None:
    recipe.write(TABLE.replace('unheard: "tel, tam"', 'unheard: ","'))
    with pytest.raises(ConfigError, match="holds no label"):
        recipe.plan()


RANKS = """\
title: Ranks
corpus: made-up
sizes:
  mini: {what: made up, embedded: true, seeds: [0, 1, 2]}
steps:
  - {name: rank, command: [masr, data, subset, "{data}/test", "{out}", --num, "3", --seed, "{seed}"]}
rows:
  - {name: models}
columns:
  - {name: rank, step: rank, file: rank.json, at: [spearman], value: [value], low: [low],
      high: [high], p: [p], digits: 2}
orderings:
  - {better: models, level: 0, columns: [rank], claim: both rise together}
  - {better: models, level: 0.5, columns: [rank], claim: they rise together much, family: other}
"""


@pytest.mark.parametrize(
    ("points", "values", "verdict"),
    [
        (6, [1.0] * 3, "holds"),
        (6, [-1.0] * 3, "does not hold"),
        (4, [1.0] * 3, "not significant"),
        (6, [1, 1, 0.9], "holds"),
    ],
)
def test_rank_correlations_that_agree_are_decided_by_their_own_p(
    recipe: Any, points: int, values: list[float], verdict: str
) -> None:
    recipe.write(RANKS)
    plan, own = recipe.plan(), 2 / math.factorial(points)
    for seed, value in zip(plan.size.seeds, values):
        folder = state_of(plan, plan.cells["models", seed, "rank"]).folder
        folder.mkdir(parents=True, exist_ok=True)
        figures = {"value": value, "low": value, "high": value, "p": own}
        (folder / "rank.json").write_text(json.dumps({"spearman": figures}))
        (folder / "done.json").write_text(json.dumps({"hours": 0.0, "commit": "c"}))
    outcome = outcome_of(plan)
    found = by_claim(outcome)["both rise together", "rank"]
    assert found.verdict == verdict
    equal = len(set(values)) == 1
    assert (found.p_value == own) == equal == (found.reason == "equal in every seed")
    much = by_claim(outcome)["they rise together much", "rank"]  # its p against 0 says nothing of 0.5
    assert (much.p_value is None) == equal

    page = formats.markdown(outcome)
    assert ("the largest of the seeds' own" in page) == equal
