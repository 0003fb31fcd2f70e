"""Tables of frozen vectors: rows differ in one thing, encoders are trained once, columns are what verbs write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.tables.config import read_table
from masr.tables.placeholders import place_folders, readable
from masr.tables.plan import Plan
from masr.tables.scores import read_scores
from small import plans

TABLES = Path(__file__).resolve().parents[2] / "egs" / "fleurs" / "tables"
OTHERS = ("lid", "asr", "labels")
"""Tables of fine-tuning, and of single frames (tests/recipes/test_question_tables.py)."""
PROBED = sorted(path.stem for path in TABLES.glob("*.yaml") if path.stem not in OTHERS)
each_size = pytest.mark.parametrize("size", ["medium", "paper"])


def plan_of(name: str, size: str) -> Plan:
    return plans.plan_of(TABLES / f"{name}.yaml", size)


def pretrained(plan: Plan, row: str, seed: int = 0) -> dict[str, Any]:
    return plans.values_of(plan.cells[row, seed, "pretrain"])


def changes(ours: Any, theirs: Any, key: str = "") -> set[str]:
    """Dotted keys in which two configurations differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = ours.keys() | theirs.keys()
        return {found for n in names for found in changes(ours.get(n), theirs.get(n), f"{key}.{n}" if key else n)}
    if isinstance(ours, list) and isinstance(theirs, list):
        longest = range(max(len(ours), len(theirs)))
        pairs = [[side[n] if n < len(side) else None for side in (ours, theirs)] for n in longest]
        return {found for n, pair in enumerate(pairs) for found in changes(*pair, f"{key}.{n}")}
    return set() if ours == theirs else {key}


def systems(plan: Plan) -> list[str]:
    """The rows that are compared: all but what they are seen beside."""
    return [row for row in plan.rows if row not in ("logmel", "fresh")]


def digests(name: str, size: str, *rows: str) -> set[str]:
    """Digests of the pre-trainings of these rows, all where none is named, with the seeds that every table has."""
    plan = plan_of(name, size)
    seeds = sorted(plan.size.seeds)[:3]
    chosen = rows or {row for row, _, step in plan.cells if step == "pretrain"}
    return {plan.cells[row, seed, "pretrain"].digest for row in chosen for seed in seeds}


@each_size
@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("fresh", "best_rq.ssl", {"training.max_steps"}),
        ("best_rq.lasr", "best_rq.graded", {"streams.0.mining"}),
        ("best_rq.graded", "best_rq.permuted", {"streams.0.permute_codes"}),
        ("best_rq.graded", "best_rq.masr", {"streams.1"}),
    ],
)
def test_a_row_differs_from_its_neighbour_in_one_thing(before: str, after: str, changed: set[str], size: str) -> None:
    plan = plan_of("evidence", size)
    assert changes(pretrained(plan, before), pretrained(plan, after)) == changed


@each_size
def test_the_control_hears_the_batches_of_the_streams_and_learns_nothing_from_them(size: str) -> None:
    plan = plan_of("evidence", size)
    balanced, lasr = (pretrained(plan, f"best_rq.{row}") for row in ("balanced", "lasr"))
    assert {key.split(".")[0] for key in changes(balanced, lasr)} == {"streams"}
    assert [stream["weight"] for stream in balanced["streams"]] == [0]
    assert [stream["name"] for stream in lasr["streams"]] == [balanced["batching"]["stream"]]
    assert all(stream["weight"] for stream in lasr["streams"])
    alone = pretrained(plan, "best_rq.ssl")
    assert {key.split(".")[0] for key in changes(alone, balanced)} == {"batching", "streams"}
    assert not alone["streams"] and not alone["batching"]["stream"]
    if size == "medium":  # as many utterances a step
        batching = balanced["batching"]
        assert alone["batching"]["max_utterances"] == batching["labels_per_batch"] * batching["utterances_per_label"]


@each_size
def test_seeds_differ_in_the_seed_and_in_how_codes_are_dealt(size: str) -> None:
    plan = plan_of("evidence", size)
    for row in plan.rows[1:]:
        for seed in plan.size.seeds[1:]:
            found = pretrained(plan, row, seed)
            dealt = {"streams.0.permute_codes"} if row == "best_rq.permuted" else set()
            assert changes(pretrained(plan, row), found) == {"seed"} | dealt
            assert found["seed"] == seed
            assert not dealt or found["streams"][0]["permute_codes"] == seed


@each_size
def test_encoders_of_the_same_configuration_are_trained_once_for_all_tables(size: str) -> None:
    known: dict[str, set[str]] = {}
    for name in (*PROBED, *OTHERS):
        for task in plan_of(name, size).tasks:
            if task.step == "pretrain":
                known.setdefault(str(plans.values_of(task)), set()).add(task.digest)
    assert all(len(found) == 1 for found in known.values())


@each_size
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("few_shot", ()),
        ("noss", ()),
        ("lid", ("best_rq.ssl", "best_rq.lasr", "best_rq.masr")),
        ("asr", ("best_rq.ssl", "best_rq.lasr", "best_rq.masr")),
        ("objectives", ("fresh", "best_rq.ssl", "best_rq.masr")),
        ("mining", ("fresh", "best_rq.balanced", "best_rq.lasr", "best_rq.similarity")),
        ("weights", ("fresh", "best_rq.balanced", "best_rq.share2")),
        ("noise", ("fresh", "best_rq.balanced", "best_rq.lasr")),
        ("collapse", ("fresh", "best_rq.balanced", "best_rq.whiten")),
        ("streams", ("fresh", "best_rq.balanced", "best_rq.language", "best_rq.language_location")),
    ],
)
def test_a_table_takes_its_encoders_from_the_evidence(name: str, rows: tuple[str, ...], size: str) -> None:
    found = digests(name, size, *rows)
    assert found <= digests("evidence", size)
    if rows:  # and the rest is new
        assert not (digests(name, size) - found) & digests("evidence", size)
    else:
        assert found == digests("evidence", size)


@each_size
def test_vectors_and_probes_are_made_once(size: str) -> None:
    ours, theirs = (plan_of(name, size).cells for name in ("mining", "evidence"))
    for step in ("train_vectors", "dev_vectors", "test_vectors", "probe"):
        for row, other in (("best_rq.balanced",) * 2, ("best_rq.lasr",) * 2, ("best_rq.similarity", "best_rq.graded")):
            assert ours[row, 0, step].digest == theirs[other, 0, step].digest


@each_size
def test_sweeps_vary_what_they_are_about(size: str) -> None:
    varied = {
        "mining": {"mining", "margin"},
        "weights": {"weight", "gradient_share"},
        "noise": {"label_noise", "label_drop"},
        "collapse": {"scaling", "variance_floor", "loss", "margin"},
    }
    for name, allowed in varied.items():
        plan = plan_of(name, size)
        others = {"best_rq.balanced", "best_rq.across", "best_rq.unlearn"}  # the last two are about a nuisance
        rows = [row for row in systems(plan) if row not in others]
        configs = [pretrained(plan, row) for row in rows]
        seen = set().union(*(changes(configs[0], config) for config in configs))
        assert seen <= {f"streams.0.{key}" for key in allowed}, name
        assert len({str(config) for config in configs}) == len(configs), name


def test_every_rule_of_mining_has_a_row() -> None:
    from typing import get_args, get_type_hints

    from masr.losses.triplet import Config

    plan = plan_of("mining", "medium")
    rules = [pretrained(plan, row)["streams"][0] for row in systems(plan) if row != "best_rq.balanced"]
    assert {rule["mining"] for rule in rules} == set(get_args(get_type_hints(Config)["mining"]))
    assert all(rule["margin"] > 0 for rule in rules if rule["mining"] == "margin")  # the rule is a factor on it


@each_size
def test_streams_are_those_that_the_name_says_and_transcripts_bring_their_codes(size: str) -> None:
    plan = plan_of("streams", size)
    for row in systems(plan):
        name = row.partition(".")[2]
        config = pretrained(plan, row)
        said = {"balanced": (), "all": ("language", "location", "transcript")}.get(name, tuple(name.split("_")))
        assert tuple(stream["name"] for stream in config["streams"] if stream["weight"]) == said
        codes = readable(plan.cells[row, 0, "pretrain"].settings["codes"])
        assert codes == ("{codes}" if "transcript" in said else "{exp}/units")


@pytest.fixture(scope="module")
def folders(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What stands for the symbols of a row's commands: vectors of three sets, and a run."""
    root = tmp_path_factory.mktemp("vectors")
    size = plan_of("evidence", "medium").size
    held_out = [lang for name in ("unseen", "families") for lang in str(size.variables[name]).split(",")]
    languages = ["eng", "hin", *held_out]
    random = np.random.default_rng(0)
    for split, speakers, each in (("train", 2, 6), ("dev", 2, 2), ("test", 2, 3)):
        spoken = [(lang, s, n) for lang in languages for s in range(speakers) for n in range(each)]
        utts = {f"{split}-{lang}{s}-u{n}": (lang, s, n) for lang, s, n in spoken}
        tables = {
            "utt2spk": {utt: utt.rpartition("-")[0] for utt in utts},
            "utt2lang": {utt: lang for utt, (lang, _, _) in utts.items()},
            "utt2gender": {utt: ("female", "male")[s % 2] for utt, (_, s, _) in utts.items()},
            "utt2condition": {utt: ("near", "far")[n % 2] for utt, (_, _, n) in utts.items()},
        }
        write_datadir(root / split, {name: dict(sorted(table.items())) for name, table in tables.items()})
        centres = np.array([[languages.index(utts[utt][0]) % 5, utts[utt][1]] for utt in sorted(utts)])
        vectors = np.hstack([centres, np.zeros((len(utts), 4))]) + random.standard_normal((len(utts), 6))
        np.save(root / split / "embeddings.npy", vectors.astype(np.float32))
    heard = {"utt2spk": {"a-1": "a", "b-1": "b"}, "utt2lang": {"a-1": "eng", "b-1": "hin"}}
    write_datadir(root / "pretrain", heard)
    vectors_at = {f"{split}_vectors": root / split for split in ("train", "dev", "test")}
    return {**vectors_at, "data": root, "exp": root, "pretrain": trained}


@pytest.fixture(scope="module")
def scored(folders: dict[str, Path]) -> Path:
    """A folder for each step that columns read, written by the words of the tables themselves."""
    out = folders["data"] / "scored"
    given = {*folders, "codes", "cluster"}
    places = {name: str(path) for name, path in folders.items()} | {"probe": str(out / "probe")}
    done: set[tuple[str, ...]] = set()
    for name in PROBED:
        plan = plan_of(name, "medium")
        row = plan.rows[-1]
        read = {"probe", *(column.step for column in plan.table.columns)}  # what only a picture gathers is left out
        for step in (step.name for step in plan.table.steps if (row, 0, step.name) in plan.cells):
            if step not in read:
                continue
            words = plan.cells[row, 0, step].words
            if step in given or words in done:
                continue
            done.add(words)
            told = place_folders(words[1:], {**places, "out": str(out / step)})
            if "--codes" in told:  # of stage 3; the installed lang2vec has the same
                del told[told.index("--codes") : told.index("--codes") + 2]
            assert main(told) == 0, told
    return out


@pytest.mark.parametrize("name", PROBED)
def test_the_steps_write_every_column(name: str, scored: Path) -> None:
    plan = plan_of(name, "medium")
    found = {column.name: (column, read_scores(scored / column.step, column)) for column in plan.columns.values()}
    assert found.keys() == {column.name for column in read_table(TABLES / f"{name}.yaml").columns}
    for column, score in found.values():
        assert np.isfinite(score.value)
        if column.answers:
            assert score.answers is not None and score.value == pytest.approx(100 * score.answers.accuracy)
        if column.low:
            assert score.low is not None and score.high is not None and score.low <= score.value <= score.high


def test_languages_heard_and_unheard_are_all_of_them(scored: Path) -> None:
    plan = plan_of("evidence", "medium")
    row = plan.rows[-1]
    counts = {
        name: read_scores(scored / "probe", plan.columns[row, name]).count
        for name in ("all", "heard", "unseen", "families")
    }
    assert all(counts.values())
    assert counts["all"] == sum(count or 0 for name, count in counts.items() if name != "all")
