from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.probe import perceptron as probe_perceptron
from masr.analysis.probe.data import ROLES, SPEAKER, layers_of, open_task, same_order, vectors_of
from masr.analysis.probe.figures import figures
from masr.analysis.probe.layer_mix import learn
from masr.analysis.probe.utterances import Options, places, prepared, probe, variants, without_speakers
from masr.errors import AnalysisError, DataError
from masr.io.datadir import write_datadir
from reference import slow_probe

LANGUAGES = ("eng", "hin", "urd")


def folder(root: Path, name: str, speakers: int, each: int = 4, shift: float = 0.0, labels: Any = LANGUAGES) -> Path:
    """Vectors that say the language; speakers have an offset of their own, `shift` times as large."""
    random = np.random.default_rng(len(name) + speakers)
    centres = 3 * np.random.default_rng(0).standard_normal((3, 8))
    utts, vectors, tables = [], [], {"utt2spk": {}, "utt2lang": {}, "utt2style": {}}  # type: ignore[var-annotated]
    for s in range(speakers):
        offset = shift * random.standard_normal(8)
        for n in range(each):
            utt, label = f"{name}{s:02d}-u{n}", labels[s % len(labels)]
            utts.append(utt)
            tables["utt2spk"][utt], tables["utt2lang"][utt] = f"{name}{s:02d}", label
            tables["utt2style"][utt] = LANGUAGES[n % 3]
            at = centres[LANGUAGES.index(label) if shift == 0 else n % 3]
            vectors.append(at + offset + random.standard_normal(8))
    out = root / name
    write_datadir(out, tables)
    np.save(out / "embeddings.npy", np.array(vectors, dtype=np.float32)[np.argsort(utts)])
    return out


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    return {role: folder(tmp_path, role, count) for role, count in (("train", 12), ("dev", 6), ("test", 6))}


def run(folders: dict[str, Path], kind: str = "lang", **options: Any) -> Any:
    task = open_task(kind, folders, 0)
    return task, probe(task, "0", {r: vectors_of(p.folder) for r, p in task.parts.items()}, Options(**options))


def test_every_method_reads_what_vectors_say(folders: dict[str, Path]) -> None:
    task, layer = run(folders)
    assert sorted(chosen.method for chosen in layer.methods) == ["forest", "lda", "logistic"]
    # Each speaker has one language here, so without the speaker nothing is left.
    for chosen in layer.methods:
        assert not chosen.per_speaker
        assert chosen.test.accuracy.value > 0.9
        assert (chosen.test.interval_over, chosen.test.num_drawn, chosen.test.num) == ("speakers", 6, 24)
    assert {c.method: c.num_candidates for c in layer.methods} == {"logistic": 20, "lda": 12, "forest": 4}
    assert task.notes == ()
    assert layer.best.dev == max(chosen.dev for chosen in layer.methods)


def test_test_has_no_part_in_the_choice(folders: dict[str, Path]) -> None:
    _, before = run(folders, methods=["logistic"])
    vectors = np.load(folders["test"] / "embeddings.npy")
    np.save(folders["test"] / "embeddings.npy", vectors[::-1])
    _, after = run(folders, methods=["logistic"])
    chosen = [(c.setting, c.unit_length, c.per_speaker, c.dev) for c in (before.best, after.best)]
    assert chosen[0] == chosen[1]
    assert after.best.test.accuracy.value < before.best.test.accuracy.value


def test_speakers_that_hide_the_style_are_taken_out(tmp_path: Path) -> None:
    sizes = (("train", 12), ("dev", 6), ("test", 6))
    shifted = {role: folder(tmp_path, role, count, each=6, shift=30.0) for role, count in sizes}
    _, layer = run(shifted, "style", methods=["logistic"])
    assert layer.best.per_speaker
    assert layer.best.test.accuracy.value > 0.9


def test_labels_that_train_lacks_are_apart(tmp_path: Path, folders: dict[str, Path]) -> None:
    folders["train"] = folder(tmp_path, "known", 12, labels=("eng", "hin"))
    _, layer = run(folders, methods=["lda"])
    found = layer.best.test
    assert (found.num, found.num_unseen, found.unseen_labels, found.num_labels) == (16, 8, ("urd",), 2)
    assert found.with_unseen == pytest.approx(found.accuracy.value * 16 / 24)
    folders["train"] = folder(tmp_path, "more", 12)
    folders["test"] = folder(tmp_path, "few", 6, labels=("eng", "hin"))
    assert run(folders, methods=["lda"])[1].best.test.absent_labels == ("urd",)


def test_dev_and_test_are_cut_by_speaker_and_labels_reach_all(folders: dict[str, Path]) -> None:
    task = open_task("lang", {"train": folders["train"]}, 0)
    speakers = [set(task.parts[role].speakers) for role in ROLES]
    assert not speakers[0] & speakers[1] | speakers[0] & speakers[2] | speakers[1] & speakers[2]
    assert sum(len(part.rows) for part in task.parts.values()) == 48
    assert all(set(part.labels) == set(LANGUAGES) for part in task.parts.values())
    assert task.notes == ("dev and test cut out of train: speakers",)
    again, other = (open_task("lang", {"train": folders["train"]}, seed) for seed in (0, 1))
    assert list(again.parts["dev"].rows) == list(task.parts["dev"].rows) != list(other.parts["dev"].rows)


def test_speakers_that_sets_do_not_share_are_told_apart_within_train(folders: dict[str, Path]) -> None:
    task = open_task(SPEAKER, folders, 0)
    assert "share no speakers" in task.notes[0]
    assert all(part.folder == folders["train"] for part in task.parts.values())
    assert all(len(set(part.labels)) == 12 for part in task.parts.values())
    assert len({int(row) for part in task.parts.values() for row in part.rows}) == 48
    assert list(variants(task)) == [(False, False), (True, False)]
    shared = open_task(SPEAKER, dict.fromkeys(ROLES, folders["train"]), 0)
    assert shared.notes == ()


def test_what_leaves_no_question_is_refused(tmp_path: Path, folders: dict[str, Path]) -> None:
    with pytest.raises(DataError, match="utt2gender"):
        open_task("gender", folders, 0)
    with pytest.raises(AnalysisError, match="one label only"):
        open_task("lang", folders | {"train": folder(tmp_path, "one", 4, labels=("eng",))}, 0)
    known = {role: folder(tmp_path, f"k{role}", 6, labels=("eng", "hin")) for role in ("train", "dev")}
    known["test"] = folder(tmp_path, "new", 6, labels=("urd",))
    with pytest.raises(AnalysisError, match="no label of test is among those of train"):
        open_task("lang", known, 0)
    np.save(folders["test"] / "embeddings.npy", np.full((24, 8), np.nan, np.float32))
    with pytest.raises(AnalysisError, match="NaN"):
        vectors_of(folders["test"])
    np.save(folders["test"] / "embeddings.npy", np.zeros((3, 8), np.float32))
    with pytest.raises(AnalysisError, match="for 24 utterances"):
        vectors_of(folders["test"])


def test_layers_and_means_of_frames_are_found(tmp_path: Path) -> None:
    for n in (0, 2, 10):
        folder(tmp_path, f"layer{n}", 2)
    (tmp_path / "layers").mkdir()
    assert list(layers_of(tmp_path)) == ["0", "2", "10"]
    with pytest.raises(AnalysisError, match="other utterances"):
        same_order(list(layers_of(tmp_path).values()))
    one = tmp_path / "layer0"
    assert layers_of(one) == {"": one}
    (one / "embeddings.npy").unlink()
    with pytest.raises(AnalysisError, match="no folders of layers"):
        layers_of(one)
    frames = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    np.save(one / "frames.npy", frames)
    np.save(one / "offsets.npy", np.arange(0, 41, 5))
    np.testing.assert_allclose(vectors_of(one), frames.reshape(8, 5, 3).mean(axis=1), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=20), st.integers(0, 1000))
def test_speakers_are_taken_out_as_defined(speakers: list[int], seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((len(speakers), 3)).astype(np.float32)
    names = [f"s{n}" for n in speakers]
    if len(set(names)) == len(names):
        return
    expected = slow_probe.per_speaker(rows, names, 10)
    np.testing.assert_allclose(without_speakers(rows, np.array(names)), expected, atol=1e-4)


def test_scale_is_trains_alone_and_lengths_are_one(folders: dict[str, Path]) -> None:
    task = open_task("lang", folders, 0)
    vectors = {role: vectors_of(path) for role, path in folders.items()}
    before = prepared(task, vectors, False, False)
    np.testing.assert_allclose(before["train"].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(before["train"].std(axis=0), 1, atol=1e-4)
    after = prepared(task, vectors | {"test": 5 * vectors["test"]}, False, False)
    np.testing.assert_array_equal(before["train"], after["train"])
    assert not np.allclose(before["test"], after["test"])
    unit = [prepared(task, {r: k * v for r, v in vectors.items()}, True, False)["test"] for k in (1.0, 7.0)]
    np.testing.assert_allclose(unit[0], unit[1], atol=1e-4)


def test_intervals_are_over_speakers() -> None:
    random = np.random.default_rng(0)
    units = np.array([f"s{n // 10}" for n in range(200)])
    right = np.repeat(random.random(20) < 0.7, 10)
    names, truth = np.array(["a", "b"]), random.integers(0, 2, 200)
    answers = np.where(right, truth, 1 - truth)
    found = figures(answers, truth, names, 0, units, "speakers", 0)
    low, high = slow_probe.accuracy_interval(right.tolist(), units.tolist(), 3000, 1)
    assert found.accuracy.value == pytest.approx(right.mean())
    assert (found.accuracy.low, found.accuracy.high) == (pytest.approx(low, abs=0.06), pytest.approx(high, abs=0.06))
    single = figures(answers, truth, names, 0, np.arange(200).astype(str), "utterances", 0)
    assert single.accuracy.low is not None and found.accuracy.low is not None
    assert single.accuracy.low > found.accuracy.low + 0.05  # utterances of a speaker are no independent evidence
    recalls = [right[truth == k].mean() for k in (0, 1)]
    assert found.balanced_accuracy.value == pytest.approx(np.mean(recalls))
    assert np.array(found.confusion["counts"]).trace() == right.sum()
    alone = figures(answers, truth, names, 0, np.array(["s"] * 200), "speakers", 0)
    assert alone.accuracy.low is None


def test_labels_have_their_places() -> None:
    assert places(np.array(["b", "d"]), np.array(["a", "b", "c", "d", "e"])).tolist() == [-1, 0, -1, 1, -1]


def test_the_sum_of_layers_finds_the_one_that_says_it() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 600)
    centres = 3 * random.standard_normal((3, 5))
    noise = [random.standard_normal((600, 5)).astype(np.float32) for _ in range(3)]
    layers = [noise[0], 100 * noise[1] + 7, (noise[2] + centres[labels]).astype(np.float32)]
    mix = learn(layers, labels, 3)
    assert sum(mix.weights) == pytest.approx(1, abs=1e-5)
    assert mix.weights[2] > 0.9
    deviation = np.sqrt(((layers[1] - layers[1].mean(axis=0)) ** 2).mean())
    alone = mix.of([np.zeros_like(noise[0]) + layers[0].mean(axis=0), layers[1], layers[2].mean(axis=0) + 0 * noise[2]])
    np.testing.assert_allclose(alone, mix.weights[1] * (layers[1] - layers[1].mean(axis=0)) / deviation, atol=1e-4)
    with pytest.raises(AnalysisError, match="cannot be summed"):
        learn(layers[:1], labels, 3)


def test_the_network_learns_what_no_line_can_and_the_same_again() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 2)).astype(np.float32)
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(np.int64)
    settings_ = probe_perceptron.PerceptronSettings(
        hidden=32, most_epochs=5, least_steps=400, batch_rows=64, learning_rate=1e-2
    )
    found, again = (probe_perceptron.fit(x, y, 2, (x[:200], y[:200]), settings_) for _ in range(2))
    assert (found.answers(x) == y).mean() > 0.95
    assert (found.answers(x) == again.answers(x)).all()
