from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.answers import read_answer_table
from masr.io.datadir import DataDir, write_datadir
from masr.io.figure_file import read_figure


@pytest.fixture(scope="module")
def layers(spoken: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train and dev with all layers of the run."""
    root = tmp_path_factory.mktemp("layers")
    for split in ("train", "dev"):
        options = ["--layers", "all", "--device", "cpu"]
        assert main(["extract", str(trained), str(spoken / "data" / split), str(root / split), *options]) == 0
    return root


def test_each_layer_is_what_it_would_be_alone(spoken: Path, trained: Path, layers: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (layers / "dev").iterdir()) == ["layer0", "layer1", "layer2"]
    data = str(spoken / "data" / "dev")
    for layer in (0, 2):
        assert main(["extract", str(trained), data, str(tmp_path / str(layer)), "--layer", str(layer)]) == 0
        alone, among = tmp_path / str(layer), layers / "dev" / f"layer{layer}"
        np.testing.assert_allclose(np.load(alone / "embeddings.npy"), np.load(among / "embeddings.npy"), atol=1e-5)
        assert list(DataDir.open(alone).utts) == list(DataDir.open(among).utts)
        assert json.loads((among / "provenance.json").read_text())["layer"] == layer


def test_layers_of_jobs_are_joined_and_say_when_frames_are(spoken: Path, trained: Path, tmp_path: Path) -> None:
    command = ["extract", str(trained), str(spoken / "data" / "dev"), str(tmp_path), "--pool", "none"]
    for job in (["--job", "2/2"], ["--job", "1/2"], ["--merge", "2"]):
        assert main([*command, "--layers", "2,0", *job]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layer0", "layer2"]
    assert main([*command[:3], str(tmp_path / "alone"), "--pool", "none", "--layer", "2"]) == 0
    for name in ("frames.npy", "offsets.npy"):
        alone, among = (np.load(tmp_path / folder / name) for folder in ("alone", "layer2"))
        np.testing.assert_allclose(alone, among, atol=1e-5)
    facts = json.loads((tmp_path / "layer2" / "provenance.json").read_text())
    assert facts["frame_shift_sec"] == pytest.approx(0.04)
    assert 0.01 < facts["first_frame_sec"] < 0.08


def test_table_figures_and_json(layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyse", "probe", str(layers / "train"), "--test", str(layers / "dev"), "--probe", "logistic", "--sum"]
    out = ["--out", str(tmp_path), "--json", str(tmp_path / "probes.json")]
    assert main([*command, "--kind", "lang", "--kind", "spk", *out]) == 0
    said = capsys.readouterr().out
    assert "lang: utterances: train" in said and "share no speakers" in said and "weights of the sum: 0 " in said
    found = json.loads((tmp_path / "probes.json").read_text())["kinds"]
    assert list(found["lang"]["layers"]) == ["0", "1", "2", "sum"]
    assert sum(found["lang"]["weights_of_sum"].values()) == pytest.approx(1, abs=1e-5)
    one = found["lang"]["layers"]["1"]["probes"]["logistic"]
    assert one["test"]["num"] == 8
    assert one["test"]["interval_over"] == "speakers"
    curves = read_figure(tmp_path / "probe.lang.figure.json")
    assert [curve.name for curve in curves.curves] == ["logistic"]  # type: ignore[union-attr]
    assert curves.x.ticks == ("0", "1", "2", "sum")  # type: ignore[union-attr]
    rows = (tmp_path / "probes.tsv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 4
    assert [row.split("\t")[-1] for row in rows].count("dev") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "0,7"], "no layer '7'"),
        (["--kind", "gender"], "utt2gender"),
        (["--kind", "phone"], "needs --dev and --test"),
        (["--kind", "lang", "--probe", "mlp"], "is not probed by mlp"),
        (["--frames", "0"], "--frames"),
        (["--dev", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_exits_2(
    layers: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["analyse", "probe", str(layers / "train"), *options]) == 2
    assert message in capsys.readouterr().err


def test_layers_that_are_none_are_refused(
    spoken: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["extract", str(trained), str(spoken / "data" / "dev"), str(tmp_path)]
    for given, message in (("1,x", "names no layers"), ("0,9", "layer 9")):
        assert main([*command, "--layers", given]) == 2
        assert message in capsys.readouterr().err


def test_a_plain_probe_says_all_of_its_best(
    spoken: Path, layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_datadir(tmp_path / "heard", {"utt2spk": {"a": "a"}, "utt2lang": {"a": "eng"}})
    train, dev = (str(layers / split / "layer1") for split in ("train", "dev"))
    command = [
        "analyse",
        "probe",
        train,
        "--dev",
        dev,
        "--test",
        dev,
        "--plain",
        "--shots",
        "5",
        "--part",
        "far=hin,urd",
    ]
    out = [f"--{name}={tmp_path / name}" for name in ("answers", "scores", "json", "out")]
    assert main([*command, "--seen", str(tmp_path / "heard"), *out]) == 0
    said = capsys.readouterr().out
    assert "chance 25.0 %; always" in said and "5 utterances of each label to learn from" in said
    found = json.loads((tmp_path / "json").read_text())["kinds"]["lang"]
    assert found["counts"]["train"] == 20 and -1 <= found["raw_cosine"] <= 1
    assert {name: part["count"] for name, part in found["best"]["test"]["parts"].items()} == {
        "far": 4, "seen": 2, "unseen": 6,
    }  # fmt: skip
    assert "\n  unseen: " in said
    answers = [line.split("\t") for line in (tmp_path / "answers").read_text().splitlines()]
    assert len(answers) == 9
    right = np.mean([label == answer for _, _, label, answer in answers[1:]])
    assert right == found["best"]["test"]["accuracy"]["value"]
    header, row = ((tmp_path / "out" / "probes.tsv").read_text().splitlines())[:2]
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert len(cells) == len(header.split("\t"))  # no two columns of one name
    assert (cells["count_unseen"], cells["num_unseen"]) == ("6", "0.000000")
    assert float(cells["accuracy_far"]) == pytest.approx(found["best"]["test"]["parts"]["far"]["value"])
    scored = ["score", "lid", "--ref", dev, "--scores", str(tmp_path / "scores"), "--json", str(tmp_path / "lid.json")]
    assert main(scored) == 0
    lid = json.loads((tmp_path / "lid.json").read_text())["figures"]
    assert lid["accuracy"]["value"] == pytest.approx(right)
    assert lid["macro_f1"]["value"] == pytest.approx(found["best"]["test"]["macro_f1"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "phone", "--plain"], "--plain is for vectors of utterances"),
        (["--kind", "phone", "--seen", "data"], "--seen is for vectors of utterances"),
        (["--shots", "0"], "--shots 0"),
        (["--kind", "lang", "--kind", "spk", "--answers", "a.tsv"], "--answers is of one kind"),
        (["--plain", "--probe", "lda"], "--plain is the probe logistic alone"),
        (["--scores", "s.tsv"], "--scores are probabilities"),
        (["--plain", "--part", "a=xyz"], "test has no lang 'xyz'"),
    ],
)
def test_options_of_plain_probes_that_cannot_be_exit_2(
    layers: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["analyse", "probe", str(layers / "train" / "layer0"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_linear_probe_of_frames_reads_phones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    centres = 4 * np.random.default_rng(0).standard_normal((3, 5))
    for seed, role in enumerate(("train", "dev", "test")):
        random = np.random.default_rng(seed)
        utts, phones = [f"s{seed}{n % 3}-u{n}" for n in range(6)], random.integers(0, 3, (6, 10))
        ctm = ["\n".join(f"1 {0.06 * i:.2f} 0.06 {'ABK'[k]}" for i, k in enumerate(row)) for row in phones]
        tables = {"utt2spk": {utt: utt[:3] for utt in utts}, "phones.ctm": dict(zip(utts, ctm, strict=True))}
        order = np.argsort(utts)
        write_datadir(tmp_path / role, tables)
        frames = centres[np.repeat(phones[order], 3)] + random.standard_normal((180, 5))
        np.save(tmp_path / role / "frames.npy", frames.astype(np.float32))
        np.save(tmp_path / role / "offsets.npy", np.arange(0, 181, 30))
        grid = {"frame_shift_sec": 0.02, "first_frame_sec": 0.01}
        (tmp_path / role / "provenance.json").write_text(json.dumps(grid), encoding="utf-8")
    train, dev, test = (str(tmp_path / role) for role in ("train", "dev", "test"))
    command = ["analyse", "probe", train, "--dev", dev, "--test", test, "--kind", "phone", "--probe", "linear"]
    answered = tmp_path / "answers.tsv"
    assert main([*command, "--json", str(tmp_path / "probes.json"), "--answers", str(answered)]) == 0
    assert "chance 33.3 %; always" in capsys.readouterr().out
    best = json.loads((tmp_path / "probes.json").read_text())["kinds"]["phone"]["best"]
    assert (best["method"], best["test"]["num"]) == ("linear", 180)
    assert best["test"]["accuracy"]["value"] > 0.95
    answers = read_answer_table(answered)
    assert answers.utts[:2] == ("s20-u0:0", "s20-u0:1") and len(answers.utts) == 180
    assert [utt[:3] for utt in answers.utts] == list(answers.speakers)
    right = np.mean([label == answer for label, answer in zip(answers.labels, answers.answers, strict=True)])
    assert right == best["test"]["accuracy"]["value"]
