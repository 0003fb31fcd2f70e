"""Audio of every format, through identify and features."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files
from fuzz.target import Reader, Target
from fuzz.targets.runs import answers, identifying_run
from fuzz.targets.several import each

_FORMATS = (
    ("WAV", "PCM_16", 1, 16000),
    ("WAV", "PCM_16", 3, 16000),
    ("WAV", "FLOAT", 1, 16000),
    ("WAV", "PCM_24", 2, 8000),
    ("WAV", "ALAW", 1, 8000),
    ("WAVEX", "PCM_16", 1, 44100),
    ("FLAC", "PCM_16", 1, 16000),
    ("FLAC", "PCM_24", 2, 48000),
    ("OGG", "VORBIS", 1, 16000),
    ("MP3", "MPEG_LAYER_III", 1, 16000),
    ("AIFF", "PCM_16", 1, 16000),
    ("AU", "PCM_16", 1, 16000),
    ("CAF", "PCM_16", 1, 16000),
    ("W64", "PCM_16", 1, 16000),
    ("NIST", "PCM_16", 1, 16000),
)
_NUM_SAMPLES = 4800


def _sounds() -> list[bytes]:
    import numpy as np
    import soundfile

    found: list[bytes] = []
    for form, subtype, channels, rate in _FORMATS:
        random = np.random.default_rng(len(found))
        samples = 0.1 * random.standard_normal((_NUM_SAMPLES, channels))
        stream = io.BytesIO()
        try:
            soundfile.write(stream, samples, rate, format=form, subtype=subtype)
        except (soundfile.LibsndfileError, ValueError):
            continue  # a libsndfile without this format
        found.append(stream.getvalue())
    return found


def _identify(_: Path) -> Reader:
    from masr.api import identifier
    from masr.inference.lid_windows import file_windows
    from masr.io.audio import audio_info, check_audio, read_audio

    model = identifier(identifying_run(), "cpu")

    def said(box: Box) -> Any:
        complaints: list[str] = []
        windows = file_windows(
            [box.input / "x"], model.geometry, model.max_frames, None, lambda _, why: complaints.append(why)
        )
        return answers(model, windows)

    def read(box: Box) -> Any:
        path = box.input / "x"
        return each(
            lambda: said(box),
            lambda: audio_info(path),
            lambda: check_audio(path, None, 0),
            lambda: read_audio(str(path)),
            lambda: read_audio(str(path), 0.05, 0.1),
        )

    return Reader([{"x": sound} for sound in _sounds()], read)


def _features(_: Path) -> Reader:
    from masr.config import Named
    from masr.features import log_mel
    from masr.features.extract import extract
    from masr.features.job import Section, plan_of
    from masr.io.ark import read_array
    from masr.io.datadir import DataDir

    config = log_mel.Config(num_bins=24)
    section = Section(Named("log_mel", config), "float32")
    plan = plan_of(section, log_mel.build(config), "cpu", allow_pipes=False)

    def read(box: Box) -> Any:
        extract(DataDir.open(box.input), plan, 1, max_bad=1.0)
        made = DataDir.open(box.input)
        return [read_array(entry) for name in ("feats.scp", "cmvn.scp") for entry in made.table(name).values()]

    tables = {
        "utt2spk": "a-1 a\na-2 a\nb-1 b\n",
        "wav.scp": "r1 input/one.wav\nr2 input/two\n",
        "segments": "a-1 r1 0 0.1\na-2 r1 0.1 0.3\nb-1 r2 0 0.25\n",
    }
    sounds = _sounds()
    texts = {name: text.encode() for name, text in tables.items()}
    seeds: list[Files] = [{**texts, "one.wav": sounds[0], "two": sound} for sound in sounds]
    return Reader(seeds, read, words=["r1", "a-1", "input/two", "-0.5", "0.25", "x |"], writes_input=True)


TARGETS = (
    Target("audio", "audio files, identified and read", _identify),
    Target("features", "data directories with audio, to features", _features),
)
