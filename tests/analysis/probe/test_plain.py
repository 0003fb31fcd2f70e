from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.probe import utterances as probe_module
from masr.analysis.probe.answers import write_answers, write_scores
from masr.analysis.probe.data import ProbeTask, few_shots, open_task, vectors_of
from masr.analysis.probe.figures import mean_cosine
from masr.analysis.probe.parts import parse_parts, parts_of
from masr.analysis.probe.utterances import PLAIN_STRENGTHS, Options, probe
from masr.errors import AnalysisError, ScoresError, UsageError
from masr.io.datadir import DataDir, write_datadir
from masr.io.language_scores import read_language_scores
from masr.maths.bootstrap import share_right
from reference import slow_probe

LANGUAGES = ("eng", "hin", "nob", "urd")


def folder(root: Path, name: str, speakers: int, seed: int, unlabelled: int = 0) -> Path:
    """Noisy vectors of speakers with one of four languages each, five utterances of each speaker."""
    random = np.random.default_rng(seed)
    shared = np.random.default_rng(0)
    centres, mixing = shared.standard_normal((4, 12)), shared.standard_normal((12, 12))
    utts = [f"{name}{s:02d}-u{n}" for s in range(speakers) for n in range(5)]
    langs = [n // 5 % 4 for n in range(len(utts))]
    labels = {utt: LANGUAGES[lang] for utt, lang in zip(utts, langs, strict=True)}
    labels |= dict.fromkeys(utts[:unlabelled], "unknown")
    write_datadir(root / name, {"utt2spk": {utt: utt.partition("-")[0] for utt in utts}, "utt2lang": labels})
    scale = np.repeat([1.0, 10.0, 0.1, 100.0], 3)
    vectors = (0.7 * centres[langs] + random.standard_normal((len(utts), 12))) @ mixing * scale + 3
    np.save(root / name / "embeddings.npy", vectors.astype(np.float32))
    return root / name


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    sizes = (("train", 24, 1), ("dev", 8, 2), ("test", 8, 3))
    return {name: folder(tmp_path, name, count, seed, 2 * (name == "test")) for name, count, seed in sizes}


def opened(folders: dict[str, Path]) -> tuple[ProbeTask, dict[str, Any]]:
    return open_task("lang", folders, 0), {role: vectors_of(path) for role, path in folders.items()}


def plain(folders: dict[str, Path], **options: Any) -> Any:
    task, vectors = opened(folders)
    return probe(task, "0", vectors, Options(plain=True, **options))


def test_it_is_scikit_learns_at_the_strength_that_is_first_of_the_best_on_dev(folders: dict[str, Path]) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    task, vectors = opened(folders)
    rows = {role: vectors[role][part.rows].astype(np.float64) for role, part in task.parts.items()}
    labels = {role: part.labels for role, part in task.parts.items()}
    scaler = StandardScaler().fit(rows["train"])
    x = {role: scaler.transform(values) for role, values in rows.items()}
    theirs = [
        LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(x["train"], labels["train"]) for c in PLAIN_STRENGTHS
    ]
    on_dev = [model.score(x["dev"], labels["dev"]) for model in theirs]
    best = int(np.argmax(on_dev))
    layer = plain(folders)
    (chosen,) = layer.methods
    assert 0 < best < len(PLAIN_STRENGTHS) - 1  # else the choice would say little
    assert (chosen.setting, chosen.num_candidates) == (f"C={PLAIN_STRENGTHS[best]:g}", len(PLAIN_STRENGTHS))
    assert (chosen.unit_length, chosen.per_speaker, chosen.at_edge) == (False, False, False)
    assert chosen.dev == pytest.approx(on_dev[best])
    assert chosen.test.accuracy.value == pytest.approx(theirs[best].score(x["test"], labels["test"]))
    np.testing.assert_array_equal(layer.said.answers, theirs[best].predict(x["test"]))
    np.testing.assert_allclose(np.exp(layer.said.logs), theirs[best].predict_proba(x["test"]), atol=5e-3)
    answers, truth = layer.said.answers.tolist(), labels["test"].tolist()
    assert chosen.test.macro_f1 == pytest.approx(slow_probe.macro_f1(answers, truth))
    assert (chosen.test.chance, chosen.test.majority) == (0.25, pytest.approx(truth.count("eng") / 38))


def test_test_has_no_part_in_the_choice_and_dev_has(folders: dict[str, Path]) -> None:
    before = plain(folders).best
    vectors = np.load(folders["test"] / "embeddings.npy")
    np.save(folders["test"] / "embeddings.npy", vectors[::-1])
    after = plain(folders).best
    assert (after.setting, after.dev) == (before.setting, before.dev)
    assert after.test.accuracy.value < before.test.accuracy.value
    assert plain(folders | {"dev": folders["test"]}).best.setting != before.setting


def test_a_choice_at_the_edge_of_the_grid_is_said(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from masr.analysis.probe.report import Found, render

    chosen = plain(folders).best.setting
    monkeypatch.setattr(probe_module, "PLAIN_STRENGTHS", (float(chosen[2:]), 1e-9))
    layer = plain(folders)
    assert layer.best.at_edge
    said = render(Found("lang", "utterances", (layer,), {}, {}))
    assert f"{chosen} (edge of the grid)" in said
    assert "chance 25.0 %; always train's commonest label: 21.1 %" in said


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.floats(-3, 3), st.integers(0, 1000))
def test_the_raw_cosine_is_the_mean_over_pairs(count: int, shift: float, seed: int) -> None:
    rows = (np.random.default_rng(seed).standard_normal((count, 5)) + shift).astype(np.float32)
    assert mean_cosine(rows) == pytest.approx(slow_probe.mean_cosine(rows), abs=1e-6)


def test_the_raw_cosine_tells_collapse_and_leaves_out_zeros() -> None:
    same = np.tile(np.array([[3.0, -4.0]], np.float32), (9, 1))
    assert mean_cosine(same) == pytest.approx(1)
    assert mean_cosine(np.concatenate([same, np.zeros((5, 2), np.float32)])) == pytest.approx(1)
    assert mean_cosine(np.eye(2, dtype=np.float32)) == pytest.approx(0)
    assert mean_cosine(same[:1]) is None


def test_a_layers_raw_cosine_is_of_test_as_extracted(folders: dict[str, Path]) -> None:
    vectors = np.load(folders["test"] / "embeddings.npy")
    layer = plain(folders)
    assert layer.raw_cosine == pytest.approx(slow_probe.mean_cosine(vectors[2:]), abs=1e-6)  # two have no label


def test_parts_are_the_utterances_of_their_labels(tmp_path: Path, folders: dict[str, Path]) -> None:
    heard = folder(tmp_path, "heard", 2, 4)  # of eng and hin
    task, _ = opened(folders)
    parts = parts_of(task, parse_parts(["north=eng, nob", "one=urd"]), heard)
    assert parts == {
        "north": {"eng", "nob"},
        "one": {"urd"},
        "seen": {"eng", "hin"},
        "unseen": {"nob", "urd"},
    }
    layer = plain(folders, parts=parts)
    test, labels = task.parts["test"], task.parts["test"].labels
    right = layer.said.answers == labels
    for name, wanted in parts.items():
        rows = np.array([label in wanted for label in labels])
        found = layer.best.test.parts[name]
        assert (found.value, found.count) == (pytest.approx(right[rows].mean()), rows.sum())
        low, high = slow_probe.accuracy_interval(right[rows].tolist(), test.speakers[rows].tolist(), 3000, 1)
        assert (found.low, found.high) == (pytest.approx(low, abs=0.1), pytest.approx(high, abs=0.1))
    seen, unseen = (layer.best.test.parts[name] for name in ("seen", "unseen"))
    assert seen.count + unseen.count == layer.best.test.num == 38
    whole = seen.value * seen.count + unseen.value * unseen.count
    assert whole / 38 == pytest.approx(layer.best.test.accuracy.value)


def test_a_part_of_one_speaker_has_no_interval() -> None:
    found = share_right(np.array([True, False]), np.array(["a", "a"]), 0)
    assert (found.value, found.low, found.high, found.count) == (0.5, None, None, 2)


def test_parts_that_say_nothing_are_refused(tmp_path: Path, folders: dict[str, Path]) -> None:
    task, _ = opened(folders)
    for text in ("eng", "=eng", "a=", "a b=eng", "a.b=eng"):
        with pytest.raises(UsageError, match="is no part"):
            parse_parts([text])
    with pytest.raises(UsageError, match="given twice"):
        parse_parts(["a=eng", "a=hin"])
    with pytest.raises(AnalysisError, match="test has no lang 'enh'"):
        parts_of(task, {"a": frozenset({"enh", "hin"})}, None)
    heard = folder(tmp_path, "heard", 2, 4)
    with pytest.raises(UsageError, match="--part seen"):
        parts_of(task, {"seen": frozenset({"hin"})}, heard)
    assert set(parts_of(task, {}, folders["train"])) == {"seen"}


def test_few_shots_are_so_many_of_each_label_and_grow(folders: dict[str, Path]) -> None:
    task, vectors = opened(folders)
    one, five = few_shots(task, 1, 0), few_shots(task, 5, 0)
    for few, shots in ((one, 1), (five, 5)):
        train = few.parts["train"]
        assert {name: (train.labels == name).sum() for name in LANGUAGES} == dict.fromkeys(LANGUAGES, shots)
        kept = np.isin(task.parts["train"].rows, train.rows)
        np.testing.assert_array_equal(task.parts["train"].labels[kept], train.labels)
        np.testing.assert_array_equal(task.parts["train"].speakers[kept], train.speakers)
        assert few.parts["dev"] is task.parts["dev"] and few.parts["test"] is task.parts["test"]
    assert set(one.parts["train"].rows) < set(five.parts["train"].rows)
    assert set(few_shots(task, 5, 1).parts["train"].rows) != set(five.parts["train"].rows)
    assert few_shots(task, 99, 0).notes[-1].endswith("4 of 4 labels have fewer")
    assert five.notes == ("5 utterances of each label to learn from, drawn with seed 0",)
    with pytest.raises(AnalysisError, match="4 utterances of 4 labels are too few for lda"):
        probe(one, "0", vectors, Options(methods=["lda"]))


def test_the_commonest_label_is_trains_before_shots_are_drawn(tmp_path: Path, folders: dict[str, Path]) -> None:
    folders["train"] = folder(tmp_path, "uneven", 23, 1, unlabelled=5)  # 25 of eng and urd, 30 of hin and nob
    task, vectors = opened(folders)
    assert task.commonest == "hin"
    found = probe(few_shots(task, 1, 0), "0", vectors, Options(plain=True)).best.test
    labels = task.parts["test"].labels.tolist()
    assert found is not None and labels.count("hin") > labels.count("eng")
    assert found.majority == labels.count("hin") / len(labels)


def test_answers_come_back_as_they_were_written(tmp_path: Path, folders: dict[str, Path]) -> None:
    task, _ = opened(folders)
    layer = plain(folders)
    write_answers(tmp_path / "answers.tsv", task, layer.said)
    lines = (tmp_path / "answers.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "utt\tspeaker\tlabel\tanswer" and lines[-1] == ""
    rows = [line.split("\t") for line in lines[1:-1]]
    data = DataDir.open(folders["test"])
    speakers, labels = data.table("utt2spk"), data.labels("lang")
    assert [row[0] for row in rows] == list(data.utts)[2:]  # the first two have no label
    assert all((speakers[utt], labels[utt]) == (speaker, label) for utt, speaker, label, _ in rows)
    right = np.mean([label == answer for _, _, label, answer in rows])
    assert right == pytest.approx(layer.best.test.accuracy.value)
    broken = [label.replace("eng", "e\tng") for label in task.parts["test"].labels]
    object.__setattr__(task.parts["test"], "labels", np.array(broken))
    with pytest.raises(ScoresError, match="holds a tab"):
        write_answers(tmp_path / "broken.tsv", task, layer.said)
    assert not (tmp_path / "broken.tsv").exists()


def test_scores_are_what_scoring_reads(tmp_path: Path, folders: dict[str, Path]) -> None:
    task, _ = opened(folders)
    said = plain(folders).said
    write_scores(tmp_path / "scores.tsv", task, said.names, said.logs)
    found = read_language_scores(tmp_path / "scores.tsv")
    assert found.languages == LANGUAGES and list(found.utts) == list(DataDir.open(folders["test"]).utts)[2:]
    np.testing.assert_allclose(np.exp(found.values).sum(axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(np.array(found.languages)[found.values.argmax(axis=1)], said.answers)
