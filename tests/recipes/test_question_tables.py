"""Tables of the papers' open questions: their analyses run on tones, and what they write has every column."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import DataDir, read_table, write_datadir
from masr.tables.placeholders import readable
from masr.tables.plan import Plan
from masr.tables.scores import read_scores
from masr.training.config import TrainConfig
from small import plans

EGS = Path(__file__).resolve().parents[2] / "egs"
PHONES = ("AA", "B", "K", "S", "T")
GATHERED = re.compile(r"\{([a-z_]+)\.\d+\}")
"""A folder of one of the rows that a step gathers."""
SETS = {"dev_clean": range(0, 10), "dev_other": range(10, 20), "test_clean": range(20, 32)}
APC = """\
train: "{data}/dev_other"
dev: null
encoder: {{name: recurrent, num_bins: 24, dim: 16, num_layers: 1}}
objective: {{name: apc}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 2, tensorboard: false}}
"""
CTC = """\
train: "{data}/dev_other"
dev: null
codes: "{codes}"
init: "{init}"
objective: {{name: ctc}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 1, tensorboard: false}}
"""


def plan_of(recipe: str, name: str) -> Plan:
    return plans.plan_of(EGS / recipe / "tables" / f"{name}.yaml", "mini")


def settings(plan: Plan, row: str, step: str = "pretrain") -> dict[str, Any]:
    return plans.values_of(plan.cells[row, 0, step])


def run_config(plan: Plan, row: str, step: str = "pretrain") -> TrainConfig:
    return plans.config_of(plan.cells[row, 0, step])


@pytest.fixture(scope="module")
def places(spoken: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folder or file of each symbol: three sets of aligned tones by 16 speakers, and runs of a step or two."""
    root = tmp_path_factory.mktemp("questions")
    source, random = spoken / "data/train", np.random.default_rng(0)
    utts = list(DataDir.open(source).utts)
    for name, chosen in SETS.items():
        own = [utts[n] for n in chosen]
        rows = {n: read_table(source / n) for n in ("wav.scp", "utt2spk", "feats.scp", "utt2num_frames", "text")}
        tables = {n: {utt: row[utt] for utt in own} for n, row in rows.items() if row}
        tables["phones.ctm"] = {
            utt: "\n".join(f"1 {k / 10:.2f} 0.1 {PHONES[p]}" for k, p in enumerate(random.integers(0, 5, 6)))
            for utt in own
        }
        write_datadir(root / "data" / name, tables)
        shutil.copy(source / "cmvn.scp", root / "data" / name / "cmvn.scp")
    speech = [str(root / "data" / name) for name in SETS]
    assert main(["data", "combine", str(root / "speech"), *speech, "--partial", "keep"]) == 0
    texts = {
        "apc": APC.format(data=root / "data"),
        "ctc": CTC.format(data=root / "data", codes=spoken / "exp/units", init=trained),
    }
    for name, text in texts.items():
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
        assert main(["train", str(root / f"{name}.yaml"), str(root / name)]) == 0
    return {
        "data": str(root / "data"),
        "speech": str(root / "speech"),
        "pretrain": str(root / "apc"),
        "ctc": str(root / "ctc"),
    }


def run_step(plan: Plan, step: str, places: dict[str, str], out: Path, **changed: str) -> Path:
    """The first task of a step, as the table plans it, in OUT/STEP."""
    task = next(task for task in plan.tasks if task.step == step)
    words = [GATHERED.sub(r"{\1}", readable(word)) for word in task.words[1:]]
    for name, place in {**places, "out": str(out / step), **changed}.items():
        words = [word.replace(f"{{{name}}}", place) for word in words]
    (out / step).mkdir(parents=True, exist_ok=True)
    assert main(words) == 0, words
    return out / step


def columns_are_there(plan: Plan, step: str, folder: Path) -> int:
    """Reads every column of a step; how many there are."""
    wanted = {column.name: column for column in plan.columns.values() if column.step == step}
    for name, column in wanted.items():
        assert np.isfinite(read_scores(folder, column).value), name
    return len(wanted)


@pytest.mark.slow
def test_estimators_are_read_and_ranked(places: dict[str, str], tmp_path: Path) -> None:
    plan, counts = plan_of("librispeech", "estimators"), {}
    made: dict[str, str] = {}
    for step in ("phones", "kmeans", "minibatch", "mixture", "critics", "learn", "choose", "heard", "probe"):
        made[step] = str(run_step(plan, step, {**places, **made}, tmp_path))
        if step not in ("learn", "choose", "heard"):
            counts[step] = columns_are_there(plan, step, tmp_path / step)
    assert counts == {"phones": 4, "kmeans": 1, "minibatch": 1, "mixture": 1, "critics": 2, "probe": 1}
    made["table"] = str(run_step(plan, "table", {**places, **made}, tmp_path))
    header, *rows = (tmp_path / "table/models.tsv").read_text().splitlines()
    assert len(rows) == 7 and {"mixture200", "future_mine", "plug_in"} <= set(header.split("\t"))
    assert {column.name for column in plan.columns.values() if column.p} == {"rank", "kendall"}


def test_one_model_has_bounds_before_and_after_fine_tuning(
    places: dict[str, str], trained: Path, tmp_path: Path
) -> None:
    plan = plan_of("librispeech", "choice")
    given = {**places, "pretrain": str(trained)}
    for step in ("bound", "view", "bound_after", "view_after"):
        assert columns_are_there(plan, step, run_step(plan, step, given, tmp_path)) == 1
    widths = [settings(plan, f"read.{row}")["encoder"]["dim"] for row in ("share30", "narrow", "wide")]
    depths = [settings(plan, f"read.{row}")["encoder"]["num_layers"] for row in ("share30", "shallow", "deep")]
    assert widths == [96, 48, 144] and depths == [3, 2, 6]
    shares = [settings(plan, f"read.share{share}")["masking"]["share"] for share in (15, 30, 49, 65)]
    assert shares == [0.15, 0.3, 0.49, 0.65]


def test_segments_stand_beside_phones(places: dict[str, str], tmp_path: Path) -> None:
    plan, made = plan_of("librispeech", "segments"), {}
    few = {**places, "heard": f"{places['data']}/test_clean"}
    for step in ("segments", "own_segments", "labelled", "unlabelled", "own"):
        made[step] = str(run_step(plan, step, {**few, **made}, tmp_path))
        assert columns_are_there(plan, step, tmp_path / step) == (step != "segments")


def test_labels_are_asked_of_speakers_that_were_never_heard(spoken: Path, tmp_path: Path) -> None:
    plan, source = plans.plan_of(EGS / "fleurs/tables/labels.yaml", "medium"), spoken / "data/train"
    tables = {n: dict(read_table(source / n)) for n in ("utt2spk", "utt2lang", "feats.scp", "utt2num_frames")}
    for kind, labels in (("gender", ("female", "male")), ("condition", ("near", "far"))):
        tables[f"utt2{kind}"] = {
            u: labels[int(u[1:4]) // (2 if kind == "gender" else 1) % 2] for u in tables["utt2spk"]
        }
    write_datadir(tmp_path / "test", tables)
    for step in ("language_bound", "language_known_bound", "condition_bound", "gender_bound", "speaker_bound"):
        folder = run_step(plan, step, {"data": str(tmp_path)}, tmp_path / "out")
        assert columns_are_there(plan, step, folder) == 1
    by = {column.step: column.interval for column in plan.columns.values()}
    assert [step for step, over in by.items() if "utterances" in over] == ["language_known_bound", "speaker_bound"]


def test_a_model_is_held_against_recordings_that_it_never_heard() -> None:
    plan = plan_of("pangloss", "held_out")
    for half, other in (("first", "2"), ("second", "1")):
        for model in ("best_rq", "best_rq_masr"):
            own, held = settings(plan, f"{model}.own_{half}"), settings(plan, f"{model}.held_{half}", "pretrain_half")
            assert readable(own["train"]) == "/at/exp/all" and readable(held["train"]) == f"/at/halves/{other}"
            assert {**own, "train": None} == {**held, "train": None}
            heard = plan.cells[f"{model}.held_{half}", 0, "half_frames"].words
            assert readable(heard[3]) == f"{{windows}}/{3 - int(other)}"


@pytest.mark.parametrize("name", ["unsupervised", "joint", "pool"])
def test_rows_of_guidance_differ_by_what_guides(name: str) -> None:
    plan = plan_of("librispeech", name)
    kept = ("encoder", "objective", "optim", "training", "batching", "data")
    found = [{key: settings(plan, row)[key] for key in kept} for row in plan.rows]
    assert all(one == found[0] for one in found)
    assert len(plan.size.seeds) == 8


def test_who_guides_itself_reads_no_confidences() -> None:
    joint = plan_of("librispeech", "joint")
    for group, share in (("tenth", 0.1), ("whole", 1.0)):
        for row in ("random", "renewed", "average"):
            own = run_config(joint, f"{group}.{row}").own_scorer
            assert own is not None and own.learns == "ctc" and own.labelled == share
            assert run_config(joint, f"{group}.{row}").confidence is None
            assert (own.decay, own.every) == ((0.99, 1) if row == "average" else (0.0, 50))
        assert settings(joint, f"{group}.random")["masking"]["strategy"] == "random"
    own = run_config(plan_of("librispeech", "unsupervised"), "own_codes").own_scorer
    assert own is not None and (own.learns, own.measure) == ("codes", "margin")
