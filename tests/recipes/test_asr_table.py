"""The table of speech recognition: what it shares, what its baseline is, and that scoring writes what columns read."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.tables.config import read_table
from masr.tables.plan import Plan
from masr.tables.scores import read_scores
from masr.training.config import TrainConfig
from small import plans

TABLES = Path(__file__).resolve().parents[2] / "egs" / "fleurs" / "tables"
SIZES = pytest.mark.parametrize("size", ["medium", "paper"])


def plan_of(name: str, size: str) -> Plan:
    return plans.plan_of(TABLES / f"{name}.yaml", size)


def config_of(plan: Plan, row: str, step: str) -> TrainConfig:
    return plans.config_of(plan.cells[row, 0, step])


@SIZES
def test_encoders_are_those_of_language_identification(size: str) -> None:
    ours, theirs = plan_of("asr", size), plan_of("lid", size)
    assert ours.rows == [row for row in theirs.rows if row != "scratch_long"] and ours.rows[0] == "scratch"
    found = [{task.digest for task in plan.tasks if task.step == "pretrain"} for plan in (ours, theirs)]
    assert found[0] == found[1] and len(found[0]) == 3 * (len(ours.rows) - 1)


@SIZES
def test_the_row_without_pretraining_has_the_same_encoder_and_nothing_is_held_still(size: str) -> None:
    plan = plan_of("asr", size)
    scratch, tuned = config_of(plan, "scratch", "scratch"), config_of(plan, "best_rq.ssl", "ctc")
    assert scratch.encoder == config_of(plan, "best_rq.ssl", "pretrain").encoder
    assert (scratch.init, scratch.optim.layer_decay) == (None, 1)
    assert not any(scratch.optim.frozen.values()) and set(scratch.optim.scales.values()) <= {1.0}
    for one in (scratch, tuned):
        assert one.training.best_by == "cer"
    assert (scratch.training, scratch.batching, scratch.data) == (tuned.training, tuned.batching, tuned.data)


def test_what_scoring_writes_has_every_column(tmp_path: Path) -> None:
    texts = {"a-1": "1 2", "b-1": "34", "c-1": "5 6", "d-1": "7"}
    langs = {"a-1": "eng", "b-1": "eng", "c-1": "nob", "d-1": "nob"}
    write_datadir(tmp_path / "test", {"utt2spk": {utt: utt[0] for utt in texts}, "text": texts, "utt2lang": langs})
    (tmp_path / "hyp").write_text("a-1 1 2\nb-1 43\nc-1 5\nd-1 7\n")
    command = ["score", "wer", "--ref", f"{tmp_path}/test", "--hyp", f"{tmp_path}/hyp", "--seen", "eng", "--cer"]
    assert main([*command, "--json", f"{tmp_path}/wer.json"]) == 0
    columns = {column.name: read_scores(tmp_path, column) for column in read_table(TABLES / "asr.yaml").columns}
    assert columns["cer_unseen"].value == pytest.approx(100 * 2 / 4)  # a space and a digit of four
    assert columns["wer"].value == pytest.approx(100 * 2 / 6)
    for found in columns.values():
        assert found.low is not None and found.high is not None and found.low <= found.value <= found.high
