"""Tables of Ask2Mask: what they share, what they vary, and that scoring writes what columns read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.tables.config import read_table
from masr.tables.placeholders import readable
from masr.tables.plan import Plan
from masr.tables.scores import read_scores
from small import plans

TABLES = Path(__file__).resolve().parents[2] / "egs" / "librispeech" / "tables"
NAMES = ("objective", "strategy", "share", "scorer", "mismatch")
MASKINGS = ("random", "atm", "atms")
TESTED = ("tested_on", "tested_on_frames", "phones", "write", "score_written")
each_size = pytest.mark.parametrize("size", ["mini", "paper"])


def plan_of(name: str, size: str = "mini") -> Plan:
    return plans.plan_of(TABLES / f"{name}.yaml", size)


def digests(plan: Plan, *steps: str) -> set[str]:
    return {task.digest for task in plan.tasks if not steps or task.step in steps}


def settings(plan: Plan, row: str, step: str = "pretrain") -> Any:
    return plan.cells[row, plan.size.seeds[0], step].settings


def masking(plan: Plan, row: str) -> tuple[Any, ...]:
    found = settings(plan, row)["masking"]
    return found["name"], found["strategy"], found["share"], found["scale"]


@each_size
def test_one_scorer_scores_all_data_once_for_four_tables(size: str) -> None:
    scoring = ("frames_scorer", "speech_confidence") if size == "mini" else ("scorer", "confidence")
    for step in ("spelling", *scoring, "test_sets", "mismatched"):
        found = [digests(plan_of(name, size), step) for name in NAMES if name != "scorer"]
        assert len(found[0]) == 1 and all(one == found[0] for one in found), step
        assert found[0] <= digests(plan_of("scorer", size), step)


@each_size
def test_masking_is_all_that_rows_of_an_objective_differ_by(size: str) -> None:
    plan = plan_of("objective", size)
    groups = ("wav2vec2", "hubert", "best_rq") if size == "mini" else ("wav2vec2", "hubert", "w2v_bert", "best_rq")
    beside = ["logmel", "fresh"] if size == "mini" else []
    assert plan.rows == beside + [f"{group}.{row}" for group in groups for row in MASKINGS]
    for group in groups:
        assert [masking(plan, f"{group}.{row}") for row in MASKINGS] == [
            ("ask2mask", "random", 0.49, "none"),
            ("ask2mask", "high", 0.4, "none"),
            ("ask2mask", "high", 0.4, "utterance"),
        ]
        rest = [{**settings(plan, f"{group}.{row}"), "masking": None} for row in MASKINGS]
        assert rest[0] == rest[1] == rest[2]
        assert rest[0]["objective"]["name"] == group
        assert readable(rest[0]["confidence"]) == ("{speech_confidence}" if size == "mini" else "{confidence}")
        tuned = [settings(plan, f"{group}.{row}", "ctc") for row in MASKINGS]
        assert tuned[0] == tuned[1] == tuned[2] and readable(tuned[0]["init"]) == "{pretrain}"


def test_speech_unlike_training_costs_one_row_without_pre_training_more() -> None:
    assert digests(plan_of("objective")) == digests(plan_of("mismatch"))  # its row is there with fresh weights
    paper, grid = plan_of("mismatch", "paper"), plan_of("objective", "paper")
    assert digests(grid) <= digests(paper)
    assert {task.step for task in paper.tasks if task.digest not in digests(grid)} == {
        "scratch",
        "hear",
        "score",
        "score_mismatched",
    }
    assert len(digests(paper, "scratch")) == 3


@pytest.mark.parametrize(("name", "added"), [("strategy", 4), ("share", 5), ("scorer", 9)])
def test_encoders_are_trained_a_few_times_more_for_each_other_table(name: str, added: int) -> None:
    plan = plan_of(name)
    assert plan.size.seeds == (0, 1, 2)
    assert len(digests(plan, "pretrain") - digests(plan_of("objective"), "pretrain")) == 3 * added
    assert len(plan_of(name, "paper").size.seeds) == 3


@pytest.mark.parametrize("name", NAMES)
def test_what_learns_nothing_stands_beside_in_the_embedded_corpus(name: str) -> None:
    plan = plan_of(name)
    for row in ("logmel", "fresh"):
        assert settings(plan, row)["training"]["max_steps"] == 0
    log_mel, frames = settings(plan, "logmel"), plan.cells["logmel", 0, "labelled_frames"]
    assert log_mel["encoder"]["dim"] == 80 * log_mel["encoder"]["subsampling"]
    assert readable(frames.words[-1]) == "0"
    table = read_table(TABLES / f"{name}.yaml")
    assert {ordering.columns for ordering in table.orderings if ordering.primary} == {
        ("mismatched",) if name == "mismatch" else ("phones",)
    }
    assert table.smallest_effect == 1 and all(gate.paired for gate in table.gates)


def test_the_search_reads_dev_alone_and_no_seed_of_another_table() -> None:
    plan = plan_of("regime")
    assert plan.size.seeds == (100,)
    words = {readable(word) for task in plan.tasks for word in task.words}
    settings_of = {str(task.settings) for task in plan.tasks if task.settings is not None}
    assert not any("test_" in word or "_test" in word for word in words | settings_of)
    guided = [row for row in plan.rows if row.startswith("guided")]
    assert [settings(plan, row, "hides")["training"]["max_steps"] for row in guided] == 6 * [1]


def test_a_strategy_has_a_row_and_the_share_is_the_papers() -> None:
    plan = plan_of("strategy", "paper")
    found = {row: masking(plan, row)[1:3] for row in plan.rows}
    assert found.pop("baseline") == ("random", 0.49)
    assert found == {row: (row, 0.4) for row in ("random", "high", "low", "mixed", "hard")}


def test_shares_are_those_of_the_paper_with_and_without_guidance() -> None:
    plan = plan_of("share", "paper")
    found = {(masking(plan, row)[1], round(100 * masking(plan, row)[2])) for row in plan.rows}
    assert found == {(how, share) for how in ("random", "high") for share in (30, 33, 40, 45, 50)}


def test_a_row_is_guided_by_the_scorer_that_it_names() -> None:
    plan = plan_of("scorer", "paper")
    words: dict[str, str] = {}
    for row in plan.rows:
        guide = readable(settings(plan, row)["confidence"]).strip("{}")
        words[row] = " ".join(readable(word) for word in plan.cells[row, 0, guide].words[2:])
        if row != "baseline":
            assert plan.cells[row, 0, "hear_scorer"].words[2] == plan.cells[row, 0, guide].words[2]
    assert [row for row in words if words[row].startswith("{other_scorer}")] == ["other"]
    assert [row for row in words if words[row].startswith("{small_scorer}")] == ["small"]
    assert [row for row in words if "--exclude-blank" in words[row]] == ["no_blank"]
    assert {row: words[row].split("--measure ")[1].split()[0] for row in ("read", "entropy", "margin")} == {
        "read": "max",
        "entropy": "entropy",
        "margin": "margin",
    }


def test_only_the_embedded_corpus_is_decoded_with_a_language_model_of_its_training_text() -> None:
    words = {
        size: [readable(w) for w in plan_of("objective", size).cells["best_rq.atm", 0, "hear"].words]
        for size in ("mini", "paper")
    }
    assert "language_model={words}/words.arpa" in words["mini"] and "lexicon={words}/lexicon.txt" in words["mini"]
    assert "language_model=null" in words["paper"] and "lexicon=null" in words["paper"]
    (task,) = [task for task in plan_of("objective").tasks if task.step == "words"]
    assert [readable(word) for word in task.words[2:]] == ["{data}/train_clean_100", "{out}"]


def test_no_test_set_is_looked_at_before_it_is_scored() -> None:
    tests = ("test_clean", "test_other", "headset", "farfield", "accented", "talk", "dinner")
    for name in NAMES:
        for task in plan_of(name).tasks:
            if task.step not in (*TESTED, "test_sets", "mismatched", "hear", "score", "score_mismatched"):
                assert not any(word in path for path in task.inputs for word in tests), (task.step, task.inputs)
                assert "test_sets" not in task.needs


def test_reported_numbers_are_the_papers() -> None:
    found: dict[str, set[tuple[str, str, float]]] = {
        name: {(said.row, said.column, said.value) for said in read_table(TABLES / f"{name}.yaml").reported}
        for name in NAMES
    }
    assert found["objective"] == {
        ("w2v_bert.random", "headset", 13.38),
        ("w2v_bert.atm", "headset", 12.52),
        ("w2v_bert.random", "test_other", 8.86),
        ("w2v_bert.atm", "test_other", 8.79),
        ("w2v_bert.atm", "far_field", 27.34),
        ("w2v_bert.atms", "far_field", 27.19),
        ("wav2vec2.atm", "headset", -9),
        ("wav2vec2.atm", "far_field", -6.2),
        ("hubert.atm", "headset", -4),
        ("hubert.atm", "far_field", -7.9),
        ("w2v_bert.atm", "headset", -5),
    }
    assert found["share"] == {("share40.atm", "headset", 12.52), ("share33.atm", "headset", 12.65)}
    assert ("other", "far_field", 27.0) in found["scorer"]
    assert {value for _, _, value in found["mismatch"]} == {-7.4, -11.6, -2.9, -5.76, -4.6}
    for name in NAMES:
        assert {said.tag for said in read_table(TABLES / f"{name}.yaml").reported} == {"paper"}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """wer.json, as the commands of the tables write it: of all sets and of the mismatched ones."""
    folder = tmp_path_factory.mktemp("scored")
    random = np.random.default_rng(0)
    plan, sources = plan_of("objective"), []
    (combine,) = [task for task in plan.tasks if task.step == "test_sets"]
    for place in [readable(word) for word in combine.words if readable(word).startswith("{data}/")]:
        name = place.removeprefix("{data}/")
        utts = [f"{name}s{n // 3}-u{n}" for n in range(9)]
        tables = {"utt2spk": {u: u.split("-")[0] for u in utts}, "text": dict.fromkeys(utts, "A B C D")}
        write_datadir(folder / name, tables)
        sources.append(str(folder / name))
    rest = [readable(word) for word in combine.words[combine.words.index("--partial") :]]
    assert main(["data", "combine", str(folder / "all"), *sources, *rest]) == 0
    (subset,) = [task for task in plan.tasks if task.step == "mismatched"]
    options = [readable(word) for word in subset.words[5:]]
    assert main(["data", "subset", str(folder / "all"), str(folder / "far"), *options]) == 0
    utts = [line.split()[0] for line in (folder / "all" / "text").read_text().splitlines()]
    heard = "".join(f"{utt} {'A B C' if random.random() < 0.5 else 'A X C D'}\n" for utt in utts)
    (folder / "heard").write_text(heard)
    for step, ref in (
        ("score", "all"),
        ("score_mismatched", "far"),
        ("score_scorer", "test_clean"),
        ("score_written", "test_other"),
    ):
        hyp = ["--ref", str(folder / ref), "--hyp", str(folder / "heard"), "--json", str(folder / step / "wer.json")]
        more = {"score": ["--by", "set"], "score_written": ["--cer"]}.get(step, [])
        assert main(["score", "wer", *hyp, *more]) == 0
    (folder / "phones").mkdir()
    lines = [f"{utt}:0\t{utt.split('-')[0]}\tAA\t{'AA' if n % 4 else 'B'}\n" for n, utt in enumerate(utts[:40])]
    (folder / "phones" / "answers.tsv").write_text("utt\tspeaker\tlabel\tanswer\n" + "".join(lines))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_what_scoring_writes_has_every_column(name: str, scored: Path) -> None:
    plan = plan_of(name)
    for column in plan.columns.values():
        found = read_scores(scored / column.step, column)
        if column.answers:
            assert found.value == 75 and column.better == "higher"
            continue
        assert found.low is not None and found.high is not None and found.low <= found.value <= found.high
        assert column.better == "lower"
        if column.step == "score_written":
            continue  # of characters
        assert found.value == pytest.approx(25)
        assert found.count == {"score": 36, "score_mismatched": 180, "score_scorer": 36}[column.step]
