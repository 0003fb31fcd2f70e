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
from masr.tables.plan import Plan, folders_of, make_plan
from masr.tables.scores import read_scores
from masr.tables.words import readable

EGS = Path(__file__).resolve().parents[2] / "egs"
FLEURS = EGS / "fleurs" / "tables"
DHWANI = EGS / "dhwani" / "tables"
GRID = ("lid", "few_shot", "unseen", "confusions", "noss")
TABLES = [FLEURS.parent / "demo.yaml", *sorted(FLEURS.glob("*.yaml")), *sorted(DHWANI.glob("*.yaml"))]
SYSTEMS = [
    f"{objective}.{kind}" for objective in ("best_rq", "w2v_bert", "wav2vec2") for kind in ("ssl", "lasr", "masr")
]


def plan_of(path: Path, size: str = "mini") -> Plan:
    return make_plan(read_table(path), size, folders_of(path, None, None, None), stamp_of=lambda _: "not looked at")


def fleurs(name: str, size: str = "mini") -> Plan:
    return plan_of(FLEURS / f"{name}.yaml", size)


def digests(plan: Plan, *steps: str) -> set[str]:
    return {task.digest for task in plan.tasks if not steps or task.step in steps}


def settings(plan: Plan, row: str, step: str = "pretrain") -> Any:
    return plan.cells[row, 0, step].settings


@pytest.mark.parametrize("size", ["mini", "paper"])
def test_the_encoders_of_the_grid_are_those_of_the_pretraining_table(size: str) -> None:
    trained = digests(fleurs("pretraining", size), "pretrain", "references", "test")
    for name in GRID:
        plan = fleurs(name, size)
        assert plan.rows == SYSTEMS if name == "noss" else ["scratch", *SYSTEMS]
        assert len(digests(plan, "pretrain")) == 9 * 3
        assert digests(plan, "pretrain", "references", "test") <= trained, name


def test_unseen_languages_and_confusions_cost_nothing_beside_the_main_table() -> None:
    assert digests(fleurs("unseen")) == digests(fleurs("confusions")) == digests(fleurs("lid"))


@pytest.mark.parametrize("size", ["mini", "paper"])
def test_few_shot_differs_by_the_shots_and_in_the_embedded_size_by_its_length(size: str) -> None:
    full, few = (settings(fleurs(name, size), "best_rq.masr", "lid") for name in ("lid", "few_shot"))
    assert few["batching"].pop("shots") == 5
    if size == "mini":
        assert [config.pop("training")["max_steps"] for config in (full, few)] == [300, 140]
    assert few == full


@pytest.mark.parametrize("size", ["mini", "paper"])
@pytest.mark.parametrize(("name", "shared"), [("streams", 2), ("mining", 3), ("weights", 2), ("noise", 2)])
def test_what_is_varied_has_its_rows_and_shares_encoders_with_the_tables_before_it(
    name: str, shared: int, size: str
) -> None:
    known = digests(fleurs("pretraining", size)) | (digests(fleurs("streams", size)) if name != "streams" else set())
    plan = fleurs(name, size)
    every = read_table(FLEURS / f"{name}.yaml").row_names()
    one_more_each = ["none", "language", "language_location", "all"]
    assert plan.rows == (one_more_each if (name, size) == ("streams", "mini") else every)
    assert len(digests(plan, "pretrain") & known) == 3 * shared
    assert len(digests(plan, "pretrain")) == 3 * len(plan.rows)
    assert plan.rows[0] == "none" and "streams" not in settings(plan, "none")


@pytest.mark.parametrize("size", ["mini", "paper"])
@pytest.mark.parametrize("path", TABLES[1:], ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_batches_are_balanced_by_a_stream_that_the_run_has(path: Path, size: str) -> None:
    for task in plan_of(path, size).tasks:
        if task.step == "pretrain":
            streams = [stream["name"] for stream in task.settings.get("streams", ())]
            assert task.settings["batching"].get("stream", "") in ("", *streams), task


def test_a_stream_is_added_at_a_time() -> None:
    plan = fleurs("streams", "paper")
    found = {
        row: tuple(stream["name"] for stream in settings(plan, row).get("streams", ()) if stream["weight"])
        for row in plan.rows
    }
    assert found == {
        "none": (),
        "language": ("language",),
        "location": ("location",),
        "transcript": ("transcript",),
        "language_location": ("language", "location"),
        "language_transcript": ("language", "transcript"),
        "all": ("language", "location", "transcript"),
    }
    for row, streams in found.items():
        codes = readable(settings(plan, row)["codes"])
        assert codes == ("{codes}" if "transcript" in streams else "{exp}/units")


def test_every_rule_of_mining_has_a_row() -> None:
    from typing import get_args, get_type_hints

    from masr.losses.triplet import Config

    plan = fleurs("mining", "paper")
    rules = {row: settings(plan, row)["streams"][0] for row in plan.rows if row != "none"}
    assert all(rule.get("mining", Config.mining) == row for row, rule in rules.items())
    assert set(rules) == set(get_args(get_type_hints(Config)["mining"]))
    assert rules["margin"]["margin"] > 0  # the rule is a factor on it


def test_weights_are_those_of_both_streams() -> None:
    plan = fleurs("weights", "paper")
    found = [[stream["weight"] for stream in settings(plan, row)["streams"]] for row in plan.rows if row != "none"]
    assert found == [[w, w] for w in (0, 0.05, 0.2, 0.5, 1)]


def test_labels_are_wrong_or_missing_in_pretraining_alone() -> None:
    plan = fleurs("noise", "paper")
    found = {row: settings(plan, row)["streams"][0] for row in plan.rows if row != "none"}
    shares = {row: (stream.get("label_noise", 0), stream.get("label_drop", 0)) for row, stream in found.items()}
    assert shares == {
        "clean": (0, 0),
        **{f"noise{percent}": (percent / 100, 0) for percent in (10, 30, 50)},
        **{f"drop{percent}": (0, percent / 100) for percent in (10, 30, 50)},
    }
    for row in plan.rows:
        config = settings(plan, row, "lid")
        assert readable(config["train"]) == "{data}/train" and "streams" not in config
        assert config.keys() == settings(plan, "none", "lid").keys()


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
    both = [read_table(FLEURS.parent / "demo.yaml"), read_table(FLEURS / "lid.yaml")]
    demo, lid = ({(said.column, said.value) for said in table.reported if said.relative_to} for table in both)
    assert demo == lid


@pytest.mark.parametrize("size", ["mini", "paper"])
@pytest.mark.parametrize("name", ["lid", "few_shot"])
@pytest.mark.parametrize("recipe", [FLEURS, DHWANI], ids=lambda recipe: recipe.parent.name)
def test_full_and_few_shot_have_the_same_rows(recipe: Path, name: str, size: str) -> None:
    plan = plan_of(recipe / f"{name}.yaml", size)
    systems = SYSTEMS[:6] if (recipe, size) == (DHWANI, "mini") else SYSTEMS
    assert plan.rows == ["scratch", *systems]
    shots = 5 if name == "few_shot" else 0
    for row, step in (("scratch", "scratch"), *((row, "lid") for row in systems)):
        assert settings(plan, row, step)["batching"].get("shots", 0) == shots
    pretrained = [settings(plan, row) for row in systems]
    assert pretrained == [settings(plan_of(recipe / "lid.yaml", size), row) for row in systems]


@pytest.mark.parametrize("size", ["mini", "paper"])
@pytest.mark.parametrize(
    "path", [recipe / f"{name}.yaml" for recipe in (FLEURS, DHWANI) for name in ("lid", "few_shot")], ids=str
)
def test_a_row_without_pretraining_has_the_same_encoder_and_trains_all_of_it(path: Path, size: str) -> None:
    plan = plan_of(path, size)
    fresh, tuned = (settings(plan, row, step) for row, step in (("scratch", "scratch"), ("best_rq.ssl", "lid")))
    assert fresh["encoder"] == settings(plan, "best_rq.ssl")["encoder"]
    assert "init" not in fresh and readable(tuned["init"]) == "{pretrain}"
    assert set(fresh["optim"]["frozen"].values()) == {0} and set(fresh["optim"]["scales"].values()) == {1.0}
    assert fresh["optim"].get("layer_decay", 1) == 1
    for part in ("objective", "batching", "training", "data"):
        assert fresh[part] == tuned[part]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lid.json and probes.json, as the commands of the tables write them."""
    folder = tmp_path_factory.mktemp("scored")
    random = np.random.default_rng(0)
    names = ("eng", "hin", "nob", "urd")
    utts = [f"s{n // 4:02d}-u{n:02d}" for n in range(48)]
    langs = [names[n // 4 % 4] for n in range(48)]
    tables = {
        "utt2spk": {utt: utt[:3] for utt in utts},
        "utt2lang": dict(zip(utts, langs, strict=True)),
        "utt2gender": {utt: ("female", "male")[n // 4 % 2] for n, utt in enumerate(utts)},
        "utt2group": {utt: ("we", "sa")[lang in ("hin", "urd")] for utt, lang in zip(utts, langs, strict=True)},
    }
    write_datadir(folder / "test", tables)
    np.save(folder / "test" / "embeddings.npy", random.standard_normal((48, 6)).astype(np.float32))
    logits = random.standard_normal((48, 4))
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    write_language_scores(folder / "scores.tsv", utts, names, scores.astype(np.float32))
    asked = ["score", "lid", "--ref", str(folder / "test"), "--scores", str(folder / "scores.tsv"), "--by", "group"]
    assert main([*asked, "--seen", "eng,hin", "--json", str(folder / "lid.json")]) == 0
    probed = ["analyse", "probe", str(folder / "test"), "--probe", "logistic", "--kind", "gender", "--kind", "spk"]
    assert main([*probed, "--json", str(folder / "probes.json")]) == 0
    return folder


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_what_scoring_writes_has_every_column(path: Path, scored: Path) -> None:
    columns = [c for c in read_table(path).columns if c.file in ("lid.json", "probes.json")]
    for column in columns:
        found = read_scores(scored, column)
        if column.low:
            assert found.low is not None and found.high is not None and found.low <= found.value <= found.high
    assert columns or path.stem in ("asr", "pretraining")


def test_the_demo_shows_what_stage_8_scored() -> None:
    plan = plan_of(FLEURS.parent / "demo.yaml")
    run = (FLEURS.parent / "run.sh").read_text(encoding="utf-8")
    models = {word.split("/")[2] for task in plan.tasks for word in task.words if word.endswith("scores.tsv")}
    assert f"pretrain={','.join(sorted(models, key=len))} " in run and "seeds=0 " in run
    assert [len(plan.tasks), plan.size.seeds] == [2, (0,)]
