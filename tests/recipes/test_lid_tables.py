"""Tables of language identification: what they share, what they vary, and that scoring writes what columns read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.language_scores import write_language_scores
from masr.tables.config import read_table
from masr.tables.placeholders import readable
from masr.tables.plan import Plan
from masr.tables.scores import read_scores
from small.plans import plan_of

EGS = Path(__file__).resolve().parents[2] / "egs"
FLEURS = EGS / "fleurs" / "tables"
DHWANI = EGS / "dhwani" / "tables"
TABLES = [FLEURS / "lid.yaml", DHWANI / "few_shot.yaml", DHWANI / "lid.yaml"]
OBJECTIVES = {
    ("fleurs", "medium"): ("best_rq",),
    ("fleurs", "paper"): ("best_rq", "w2v_bert", "wav2vec2"),
    ("dhwani", "mini"): ("best_rq", "w2v_bert_random"),
    ("dhwani", "paper"): ("best_rq", "w2v_bert", "wav2vec2"),
}
"""What each recipe's small and real size has; a small w2v-BERT's quantizer stays as it began."""
SIZES = [
    (FLEURS / "lid.yaml", "medium"),
    (FLEURS / "lid.yaml", "paper"),
    *((DHWANI / f"{name}.yaml", size) for name in ("lid", "few_shot") for size in ("mini", "paper")),
]


def name_of(value: object) -> str:
    return f"{value.parents[1].name}-{value.stem}" if isinstance(value, Path) else str(value)


each = pytest.mark.parametrize(("path", "size"), SIZES, ids=name_of)


def digests(plan: Plan, *steps: str) -> set[str]:
    return {task.digest for task in plan.tasks if not steps or task.step in steps}


def settings(plan: Plan, row: str, step: str = "pretrain") -> Any:
    return plan.cells[row, 0, step].settings


@each
def test_each_objective_stands_alone_with_lasr_and_with_masr(path: Path, size: str) -> None:
    plan = plan_of(path, size)
    objectives = OBJECTIVES[path.parents[1].name, size]
    rows = [row for row in plan.rows if "." in row]
    assert rows == [f"{objective}.{kind}" for objective in objectives for kind in ("ssl", "lasr", "masr")]
    assert set(plan.rows) - set(rows) == {"scratch"} | ({"scratch_long"} if path.parent == FLEURS else set())
    assert all(row.role == "fresh" for row in plan.table.groups if row.name.startswith("scratch"))
    for objective in objectives:
        found = [settings(plan, f"{objective}.{kind}").get("streams", []) for kind in ("ssl", "lasr", "masr")]
        assert [[(s["name"], s.get("mining", "similarity")) for s in streams] for streams in found] == [
            [],
            [("language", "label")],
            [("language", "similarity"), ("location", "similarity")],
        ]


@each
def test_every_row_is_fine_tuned_alike_and_few_shot_on_five_utterances(path: Path, size: str) -> None:
    plan = plan_of(path, size)
    tuned = [settings(plan, row, "lid") for row in plan.rows if "." in row]
    assert all(config == tuned[0] for config in tuned)
    assert readable(tuned[0]["train"]) == "{data}/train" and readable(tuned[0]["init"]) == "{pretrain}"
    shots = 5 if path.stem == "few_shot" else 0
    assert [tuned[0]["batching"].get("shots", 0), settings(plan, "scratch", "scratch")["batching"].get("shots", 0)] == [
        shots,
        shots,
    ]


@pytest.mark.parametrize("size", ["mini", "paper"])
def test_few_shot_takes_its_encoders_from_the_table_of_all_utterances(size: str) -> None:
    full, few = (plan_of(DHWANI / f"{name}.yaml", size) for name in ("lid", "few_shot"))
    assert digests(few, "pretrain") == digests(full, "pretrain")
    assert not digests(few, "lid") & digests(full, "lid")


@each
def test_a_row_without_pretraining_has_the_same_encoder_and_trains_all_of_it(path: Path, size: str) -> None:
    plan = plan_of(path, size)
    fresh, tuned = (settings(plan, row, step) for row, step in (("scratch", "scratch"), ("best_rq.ssl", "lid")))
    assert fresh["encoder"] == settings(plan, "best_rq.ssl")["encoder"]
    assert fresh["init"] is None and readable(tuned["init"]) == "{pretrain}"
    assert set(fresh["optim"]["frozen"].values()) == {0} and set(fresh["optim"]["scales"].values()) == {1.0}
    assert fresh["optim"].get("layer_decay", 1) == 1
    for part in ("objective", "batching", "training", "data"):
        assert fresh[part] == tuned[part]


@pytest.mark.parametrize("size", ["medium", "paper"])
def test_the_long_row_takes_the_steps_of_pretraining_as_well_and_differs_in_nothing_else(size: str) -> None:
    plan = plan_of(FLEURS / "lid.yaml", size)
    short, long = (settings(plan, row, row) for row in ("scratch", "scratch_long"))
    pretrained = settings(plan, "best_rq.ssl")["training"]["max_steps"]
    assert long["training"]["max_steps"] == short["training"]["max_steps"] + pretrained
    assert {**long, "training": None} == {**short, "training": None}
    how_often = ("max_steps", "validate_every", "save_every")
    kept = [{key: value for key, value in one["training"].items() if key not in how_often} for one in (short, long)]
    assert kept[0] == kept[1]


def test_reported_numbers_are_the_papers() -> None:
    found = {
        (path.parents[1].name, said.column): (said.value, said.tag)
        for path in (FLEURS / "lid.yaml", DHWANI / "lid.yaml")
        for said in read_table(path).reported
        if said.relative_to
    }
    assert found == {
        ("fleurs", "accuracy"): (11.2, "digest"),
        ("fleurs", "macro_f1"): (11.9, "digest"),
        ("fleurs", "eer"): (-66.6, "digest"),
        ("fleurs", "accuracy_unseen"): (14.4, "digest"),
        ("dhwani", "accuracy"): (9.0, "digest"),
    }


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lid.json, as the commands of the tables write it."""
    folder = tmp_path_factory.mktemp("scored")
    random = np.random.default_rng(0)
    names = ("eng", "hin", "nob", "urd")
    utts = [f"s{n // 4:02d}-u{n:02d}" for n in range(48)]
    langs = [names[n // 4 % 4] for n in range(48)]
    tables = {
        "utt2spk": {utt: utt[:3] for utt in utts},
        "utt2lang": dict(zip(utts, langs, strict=True)),
        "utt2group": {utt: ("we", "sa")[lang in ("hin", "urd")] for utt, lang in zip(utts, langs, strict=True)},
    }
    write_datadir(folder / "test", tables)
    logits = random.standard_normal((48, 4))
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    write_language_scores(folder / "scores.tsv", utts, names, scores.astype(np.float32))
    asked = ["score", "lid", "--ref", str(folder / "test"), "--scores", str(folder / "scores.tsv"), "--by", "group"]
    assert main([*asked, "--seen", "eng,hin", "--json", str(folder / "lid.json")]) == 0
    return folder


@pytest.mark.parametrize("path", TABLES, ids=name_of)
def test_what_scoring_writes_has_every_column(path: Path, scored: Path) -> None:
    columns = read_table(path).columns
    assert {column.file for column in columns} == {"lid.json"}
    for column in columns:
        found = read_scores(scored, column)
        if column.low:
            assert found.low is not None and found.high is not None and found.low <= found.value <= found.high


def test_the_demo_asks_the_encoders_that_its_stage_6_trains() -> None:
    plan = plan_of(FLEURS.parent / "demo.yaml", "mini")
    run = (FLEURS.parent / "run.sh").read_text(encoding="utf-8")
    demo = (FLEURS.parent / "demo.sh").read_text(encoding="utf-8")
    probed = [word for task in plan.tasks for word in task.words if "/pretrain/" in word]
    models = {word.split("/pretrain/")[1].split("/")[0] for word in probed}
    assert f"--pretrain {','.join(sorted(models, key=len))} " in demo and "seeds=0 " in run
    assert {word.rsplit("/", 1)[1] for word in probed} == {"train", "dev", "test"}
    assert '"$data"/{train,dev,test}' in run[run.index("pretrain.sh --models") :].split("\n\n")[0]
    assert plan.size.seeds == (0,) and plan.rows == ["logmel", "ssl", "masr"]
