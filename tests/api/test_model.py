"""The four methods of `masr.load(DIR)`: in any company the same, and the same as the command line's answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import masr
import masr.api.model
import masr.inference.identify as identify_module
import masr.inference.speech as speech_module
from masr.cli.main import main
from masr.errors import CheckpointError, DecodingError, MasrError, UsageError
from masr.io.datadir import DataDir, read_table, write_datadir

Method = Callable[..., Any]


def numbers(found: Any) -> list[float]:
    """Every number of an answer, and the words of it as one more."""
    if isinstance(found, torch.Tensor):
        return found.flatten().tolist()
    flat: list[Any] = []
    waiting = [astuple(found)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple):
            waiting += one
        else:
            flat.append(one)
    return [float(len(one)) if isinstance(one, str) else one for one in flat]


def things(spoken: Path) -> list[Any]:
    """A path, a pair and a tensor with its rate, of unequal lengths; the last is long enough for several windows."""
    first, second = (soundfile.read(spoken / f"u{n}.wav", dtype="float32")[0] for n in (100, 101))
    return [spoken / "u102.wav", (second[:3000], 16000), (first, 16000), (torch.from_numpy(np.tile(second, 3)), 16000)]


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("method", ["encode", "embed", "identify", "transcribe"])
def test_each_of_a_batch_is_what_it_is_alone(
    spoken: Path, identifying: Path, transcribing: Path, method: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:  # so that company and order change
        monkeypatch.setattr(speech_module, "_BATCH_SAMPLES", 32_000)
        monkeypatch.setattr(identify_module, "BATCH_FRAMES", 130)
    model = masr.load(transcribing if method == "transcribe" else identifying, "cpu")
    ask: Method = getattr(model, method)
    together = ask(things(spoken))
    assert len(together) == 4
    for thing, found in zip(things(spoken), together, strict=True):
        alone = ask(thing)
        assert type(alone) is type(found)
        assert numbers(found) == pytest.approx(numbers(alone), abs=1e-5, rel=1e-5)
    assert len({tuple(numbers(found)[:9]) for found in together}) == 4


def test_a_list_of_one_is_a_list(spoken: Path, identifying: Path, transcribing: Path) -> None:
    path = str(spoken / "u100.wav")
    model, writer = masr.load(identifying, "cpu"), masr.load(str(transcribing), "cpu")
    assert model.identify([path]) == [model.identify(path)]
    assert writer.transcribe([path]) == [writer.transcribe(path)]
    assert torch.equal(model.encode([path])[0], model.encode(path))
    assert torch.equal(model.embed([path])[0], model.embed(path))


def test_frames_know_when_they_are(spoken: Path, trained: Path, tmp_path: Path) -> None:
    assert main(["extract", str(trained), str(spoken / "data" / "dev"), str(tmp_path / "out"), "--pool", "none"]) == 0
    facts = json.loads((tmp_path / "out" / "provenance.json").read_text())
    grid = masr.load(trained, "cpu").grid
    assert (grid.shift_sec, grid.start_sec) == (facts["frame_shift_sec"], facts["first_frame_sec"]) == (0.04, 0.0425)


def test_the_best_language_comes_first_and_all_add_up_to_one(spoken: Path, identifying: Path) -> None:
    model, data = masr.load(identifying, "cpu"), DataDir.open(spoken / "data" / "dev")
    found = model.identify([Path(entry) for entry in data.table("wav.scp").values()])
    assert [one.best.code for one in found] == list(data.table("utt2lang").values())
    for one in found:
        probabilities = [language.probability for language in one.languages]
        assert probabilities == sorted(probabilities, reverse=True) and len(probabilities) == 4
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert found[0].best.name == "English"
    assert model.identify(data.table("wav.scp").at(0), top=2).languages == found[0].languages[:2]


@pytest.mark.parametrize("channel", ["0", "1", "loudest", None])
def test_languages_are_those_of_masr_identify(
    spoken: Path, identifying: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], channel: str | None
) -> None:
    left, right = (soundfile.read(spoken / f"u{n}.wav")[0][:9000] for n in (100, 101))
    soundfile.write(tmp_path / "stereo.flac", np.stack([left, 2 * right], 1), 44100)
    soundfile.write(tmp_path / "long.wav", np.tile(left, 9), 16000)
    files = [str(tmp_path / "stereo.flac"), str(tmp_path / "long.wav")]
    chosen: Any = "mix" if channel is None else int(channel) if channel.isdigit() else channel
    taken = files[:1] if channel == "1" else files
    option = ["--channel", channel] if channel else []
    assert main(["identify", str(identifying), *taken, "--jsonl", "--top", "3", *option, "--device", "cpu"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = masr.load(identifying, "cpu").identify(taken, top=3, resample=True, channel=chosen)
    for line, one in zip(lines, found, strict=True):
        said = [(entry["code"], entry["name"], entry["probability"]) for entry in line["languages"]]
        assert said == [(each.code, each.name, round(each.probability, 6)) for each in one.languages]
        assert line["windows"] == one.num_windows


def audio_alone(spoken: Path, out: Path) -> dict[str, str]:
    """dev without its archives, so that the command line reads the audio as well; its wav.scp."""
    names = ("wav.scp", "utt2spk", "utt2num_frames")
    write_datadir(out, {name: read_table(spoken / "data" / "dev" / name) for name in names})
    return read_table(out / "wav.scp")


def decoded(run: Path, data: Path, out: Path, *settings: str) -> dict[str, str]:
    options = [word for one in settings for word in ("--set", one)]
    assert main(["decode", str(run), str(data), str(out), "--device", "cpu", *options]) == 0
    return read_table(out / "text")


def test_text_and_times_are_those_of_masr_decode(spoken: Path, transcribing: Path, tmp_path: Path) -> None:
    entries = audio_alone(spoken, tmp_path / "data")
    text = decoded(transcribing, tmp_path / "data", tmp_path / "out", "search=greedy")
    found = masr.load(transcribing, "cpu").transcribe(list(entries.values()))
    assert [one.text for one in found] == list(text.values()) and any(one.text for one in found)
    lines = [line.split() for line in (tmp_path / "out" / "words.ctm").read_text().splitlines()]
    words = [word for one in found for word in one.words]
    assert [line[4] for line in lines] == [word.text for word in words]
    for line, word in zip(lines, words, strict=True):
        assert [float(cell) for cell in (line[2], line[3], line[5])] == pytest.approx(
            [word.start_sec, word.end_sec - word.start_sec, word.confidence], abs=1e-3
        )
    for one in found:
        assert [ranked.text for ranked in one.ranking] == [one.text]


def test_a_search_is_that_of_masr_decode_with_its_words_and_its_language_model(
    spoken: Path, transcribing: Path, tmp_path: Path
) -> None:
    pytest.importorskip("flashlight.lib.text")
    entries = audio_alone(spoken, tmp_path / "data")
    model = masr.load(transcribing, "cpu")
    files = list(entries.values())
    assert main(["words", str(spoken / "data" / "train"), str(tmp_path / "words")]) == 0
    lexicon, arpa = tmp_path / "words" / "lexicon.txt", tmp_path / "words" / "words.arpa"
    free = model.transcribe(files, decoding=masr.DecodingConfig(num_best=3))
    assert [one.text for one in free] == list(decoded(transcribing, tmp_path / "data", tmp_path / "a").values())
    assert all(1 < len(one.ranking) <= 3 and one.ranking[0].text == one.text for one in free)
    settings = masr.DecodingConfig(lexicon=lexicon, language_model=arpa, lm_weight=0.7)
    options = (f'lexicon="{lexicon}"', f'language_model="{arpa}"', "lm_weight=0.7")
    found = model.transcribe(files, decoding=settings)
    assert [one.text for one in found] == list(
        decoded(transcribing, tmp_path / "data", tmp_path / "b", *options).values()
    )
    assert set(" ".join(one.text for one in found).split()) == {"two", "plus"}
    assert found[0].ranking[0].language_model_score < 0 and free[0].ranking[0].language_model_score == 0
    assert model.transcribe(files, decoding=settings) == found
    lexicon.write_text("two\n")  # what has changed since is read again
    again = model.transcribe(files, decoding=settings)
    assert set(" ".join(one.text for one in again).split()) == {"two"}


def test_a_checkpoint_of_the_run_answers_too(spoken: Path, identifying: Path) -> None:
    path = spoken / "u100.wav"
    final, early = (masr.load(f"{identifying}{step}", "cpu").identify(path) for step in ("", "@10"))
    assert early.best.probability != final.best.probability


@pytest.mark.parametrize(
    ("run", "method", "what", "fix"),
    [
        ("trained", "identify", "its objective is best_rq, which learnt no labels", "masr train conf/lid"),
        ("transcribing", "identify", "its objective is ctc, which learnt no labels", "masr train conf/lid"),
        ("trained", "transcribe", "its objective is best_rq, which learnt no units of text", "masr train conf/ctc"),
        ("identifying", "transcribe", "its objective is lid, which learnt no units of text", "masr train conf/ctc"),
    ],
)
def test_a_model_that_never_learnt_it_names_the_verb_that_teaches_it(
    request: pytest.FixtureRequest, spoken: Path, run: str, method: str, what: str, fix: str
) -> None:
    model = masr.load(request.getfixturevalue(run), "cpu")
    with pytest.raises(CheckpointError) as caught:
        getattr(model, method)(spoken / "u100.wav")
    assert what in caught.value.what and fix in caught.value.fix


def test_what_transformers_wrote_names_the_verb_too(spoken: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from reference import tiny_checkpoints

    tiny_checkpoints.write_checkpoint("wav2vec2-base", tmp_path / "theirs")
    model = masr.load(tmp_path / "theirs", "cpu")
    assert model.encode(spoken / "u100.wav").shape[1] == model.dim
    with pytest.raises(CheckpointError, match="a run of masr train is needed") as caught:
        model.identify(spoken / "u100.wav")
    assert "masr train CONF DIR" in caught.value.fix
    with pytest.raises(CheckpointError, match="is no CTC model"):
        model.transcribe(spoken / "u100.wav")


@pytest.mark.parametrize("method", ["encode", "embed", "identify", "transcribe"])
@pytest.mark.parametrize(
    ("given", "what", "fix"),
    [
        ([(np.ones(9000) / 9, 16000), (np.ones(300), 16000)], "waveform 1: too short", ""),
        ([(np.ones(9000) / 9, 16000), (np.ones(650), 16000)], "waveform 1: too short", ""),
        ((np.ones(9000), 8000), "the waveform: wrong rate: 8000 Hz, where the model takes 16000", "resample=True"),
        ((np.ones((9000, 2)), 16000), "the waveform: not mono: 2 channels", "channel=0"),
        ((np.full(9000, np.nan), 16000), "the waveform: NaN", ""),
        (np.ones(9000), "the waveform: an array does not say", "rate=16000"),
        ("gone.wav", "gone.wav: missing file", ""),
        ([], "no waveform in the list", ""),
    ],
)
def test_every_method_refuses_in_the_same_words(
    identifying: Path, transcribing: Path, method: str, given: Any, what: str, fix: str
) -> None:
    model = masr.load(transcribing if method == "transcribe" else identifying, "cpu")
    with pytest.raises(MasrError) as caught:
        getattr(model, method)(given)
    assert what in caught.value.what and fix in caught.value.fix


def test_a_model_that_answers_no_number_says_for_which_recording(
    spoken: Path, identifying: Path, transcribing: Path
) -> None:
    files = [spoken / "u100.wav", spoken / "u101.wav"]
    model, writer = masr.load(identifying, "cpu"), masr.load(transcribing, "cpu")
    model.identify(files)
    model._identifier.objective.temperature.fill_(torch.nan)
    with pytest.raises(CheckpointError, match=r"u10[01]\.wav: the model's output is not a number"):
        model.identify(files)
    with torch.no_grad():
        writer._emitter.objective.output.bias.fill_(torch.nan)
    with pytest.raises(DecodingError, match=r"u10[01]\.wav: emissions hold NaN"):
        writer.transcribe(files)


def test_settings_that_make_no_sense(spoken: Path, identifying: Path, transcribing: Path) -> None:
    path = spoken / "u100.wav"
    with pytest.raises(UsageError, match="top=0"):
        masr.load(identifying, "cpu").identify(path, top=0)
    with pytest.raises(ValueError, match="greedy takes neither a lexicon"):
        masr.DecodingConfig(search="greedy", lexicon=Path("words.txt"))
    with pytest.raises(DecodingError, match=r"words\.txt: no such lexicon"):
        masr.load(transcribing, "cpu").transcribe(path, decoding=masr.DecodingConfig(lexicon=Path("words.txt")))


def test_one_file_after_another_opens_a_run_once(
    spoken: Path, identifying: Path, transcribing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(room: Any, name: str) -> None:
        real = getattr(room, name)

        def one(*given: Any, **options: Any) -> Any:
            opened.append(name)
            return real(*given, **options)

        monkeypatch.setattr(room, name, one)

    for room, name in ((masr.api, "identifier"), (masr.api, "transcriber"), (masr.api.model, "build_decoder")):
        counted(room, name)
    runs: Sequence[tuple[Path, str]] = ((identifying, "identify"), (transcribing, "transcribe"))
    for run, method in runs:
        model = masr.load(run, "cpu")
        for n in (100, 101, 102):
            getattr(model, method)(spoken / f"u{n}.wav")
    assert opened == ["identifier", "transcriber", "build_decoder"]
