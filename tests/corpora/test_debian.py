"""Debian's packages of speech, made here in their exact layout: what is read, what is left out, what is damaged."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from masr.corpora.deb_archive import deb_members
from masr.corpora.debian_sources import SOURCES, iso
from masr.corpora.listening import RATE, listen
from masr.corpora.prepare import prepare
from masr.corpora.telephone import to_wav
from masr.errors import ArchiveError, AudioError, CorpusError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.types import Problem
from reference import corpus_layouts as layouts
from small.alarm import ends

STAMPS, PROMPTS = "usr/share/tuxpaint/stamps", "usr/share/asterisk/sounds"
SPEECH, NOISE = layouts.wav(layouts.voiced()), layouts.wav(layouts.samples())
OGG = layouts.wav(layouts.voiced(), kind="OGG", subtype="VORBIS")
TEXT = "A frog.\nru.utf8=Лягушка.\nro.utf8=O broască.\n".encode()
TUXPAINT = {
    f"{STAMPS}/animals/frog_desc_ru.ogg": OGG,
    f"{STAMPS}/animals/frog_desc.ogg": OGG,
    f"{STAMPS}/animals/frog.ogg": OGG,
    f"{STAMPS}/animals/frog_desc_ro.ogg": layouts.wav(layouts.samples(3), kind="OGG", subtype="VORBIS"),
    f"{STAMPS}/animals/frog.png": b"png",
    f"{STAMPS}/animals/frog.txt": TEXT,
}
PACKED = [pytest.param("xz"), pytest.param("gz"), pytest.param("bz2"), pytest.param(""), pytest.param("zst")]


def packed_by(packer: str) -> str:
    if packer == "zst":
        pytest.importorskip("zstandard")
    return packer


@pytest.mark.parametrize("packer", PACKED)
def test_a_package_is_read_as_what_it_unpacks_to(open_corpus, read_all, tmp_path, packer) -> None:
    layouts.unpacked(tmp_path / "folder", TUXPAINT)
    layouts.deb(tmp_path / "debs" / "tuxpaint-stamps-default_1_all.deb", TUXPAINT, packed_by(packer))
    corpus = open_corpus("debian")
    utterances, problems = read_all(corpus, tmp_path / "debs")
    others, other_problems = read_all(corpus, tmp_path / "folder")
    assert (
        utterances.keys() == others.keys() == {"tuxpaint_ru-rus-ogg-animals/frog", "tuxpaint_en-eng-ogg-animals/frog"}
    )
    russian = utterances["tuxpaint_ru-rus-ogg-animals/frog"]
    assert (russian.text, russian.speaker, russian.audio) == ("Лягушка.", "tuxpaint_ru", OGG)
    assert others["tuxpaint_en-eng-ogg-animals/frog"].text == "A frog."
    assert russian.labels["lang"] == "rus" and russian.labels["channel"] == "tuxpaint_ogg"
    assert {u.labels["sentence"] for u in utterances.values()} == {"tuxpaint:animals/frog"}
    assert len({u.labels["fold"] for u in utterances.values()}) == 1
    for found in (problems, other_problems):
        assert sorted(p.reason.partition(":")[0] for p in found) == ["a sound by its name", "no voice is heard"]


def test_a_kind_that_is_asked_for_is_there(open_corpus, tmp_path) -> None:
    layouts.unpacked(tmp_path, TUXPAINT)
    assert open_corpus("debian", "sources=[tuxpaint]").parts(tmp_path)
    with pytest.raises(CorpusError, match=r"has no asterisk\n") as caught:
        open_corpus("debian", "sources=[tuxpaint, asterisk]").parts(tmp_path)
    assert caught.value.why == "it has tuxpaint"


def test_listening_can_be_left_out(open_corpus, read_all, tmp_path) -> None:
    layouts.unpacked(tmp_path, TUXPAINT)
    assert len(read_all(open_corpus("debian", "listen=false"), tmp_path)[0]) == 3
    assert len(read_all(open_corpus("debian", "least_voiced_share=0", "least_voiced_sec=0"), tmp_path)[0]) == 3


def test_the_loudest_of_several_channels_is_taken_and_heard(open_corpus, read_all, tmp_path) -> None:
    voice = layouts.voiced()
    for name, channels in {
        "left": (voice, voice * 0),
        "right": (voice * 0, voice),
        "none": (voice * 0, voice * 0),
    }.items():
        both = layouts.wav(np.stack(channels, axis=1))
        layouts.unpacked(tmp_path / "c", {f"{STAMPS}/{name}_desc_fr.wav": both})
    utterances, problems = read_all(open_corpus("debian", "channels=loudest"), tmp_path / "c")
    assert {u.audio.stem: u.channel for u in utterances.values()} == {"left_desc_fr": 0, "right_desc_fr": 1}
    assert ["no voice" in p.reason for p in problems] == [True]
    (summary,) = prepare(open_corpus("debian", "channels=loudest"), tmp_path / "c", tmp_path / "data")
    for entry in DataDir.open(tmp_path / "data" / summary.split).table("wav.scp").values():
        assert np.abs(read_audio(entry)).max() > 0.1
    reasons = [p.reason for p in read_all(open_corpus("debian"), tmp_path / "c")[1]]
    assert reasons == ["not mono: 2 channels"] * 3


def test_festvox_has_texts_and_phones(open_corpus, tmp_path) -> None:
    layouts.deb(tmp_path / "c" / "festvox-ru_0.5_all.deb", layouts.festvox({"ru_0001": SPEECH, "ru_0002": SPEECH}))
    (summary,) = prepare(open_corpus("debian"), tmp_path / "c", tmp_path / "data", max_bad=0)
    data = DataDir.open(tmp_path / "data" / summary.split)
    assert summary.split == "festvox_ru" and len(data) == 2
    assert set(data.table("text").values()) == {"Она шла, прядь волос за ухо."}
    lines = (data.folder / "phones.ctm").read_text().splitlines()
    assert [line.split()[2:] for line in lines[:3]] == [["0", "0.1", "pau"], ["0.1", "0.2", "k"], ["0.3", "0.2", "ay"]]
    for entry in data.table("wav.scp").values():
        assert len(read_audio(entry)) == 8000


@pytest.mark.parametrize("line", ["x 125 k", "0.05 125 k", "0.5 k", "nan 125 k"])
def test_labels_that_are_none_are_counted_and_the_recording_is_kept(open_corpus, read_all, tmp_path, line) -> None:
    files = layouts.festvox({"ru_0001": SPEECH})
    files[f"{layouts.FESTVOX}/lab/ru_0001.lab"] = f"#\n0.1 125 pau\n{line}\n".encode()
    layouts.unpacked(tmp_path, files)
    utterances, problems = read_all(open_corpus("debian"), tmp_path)
    assert [u.phones for u in utterances.values()] == [()]
    assert [p.reason.partition(":")[0] for p in problems] == ["bad alignment"]


def test_prompts_by_voice_and_codec(open_corpus, read_all, tmp_path) -> None:
    names = ["en_US_f_Allison/digits/1.wav", "it_IT_f_Menardi/vm-hello.wav", "it_IT_f_Menardi/silence/1.wav"]
    layouts.unpacked(tmp_path, {f"{PROMPTS}/{name}": SPEECH for name in [*names, "it_IT_f_Menardi/beep.wav"]})
    corpus = open_corpus("debian")
    assert [part.split for part in corpus.parts(tmp_path)] == ["asterisk", "asterisk_codecs"]
    utterances, problems = read_all(corpus, tmp_path)
    assert {u.speaker: (u.labels["lang"], u.labels["gender"], u.labels["category"]) for u in utterances.values()} == {
        "asterisk_allison": ("eng", "female", "digits"),
        "asterisk_menardi": ("ita", "female", "prompt"),
    }
    assert [p.reason for p in problems] == ["a tone, silence or noise by its name"] * 2


def test_texts_of_fillets_lie_in_another_package(open_corpus, read_all, tmp_path) -> None:
    sound = {"usr/share/games/fillets-ng/sound/airplane/cs/let-m-divna.ogg": OGG}
    script = b'dialogId("let-m-divna", "font_small", "What?")\ndialogStr("Co je \\"to\\"?")\n'
    layouts.deb(tmp_path / "fillets-ng-data-cs_1_all.deb", sound)
    layouts.deb(
        tmp_path / "fillets-ng-data_1_all.deb", {"usr/share/games/fillets-ng/script/airplane/dialogs_cs.lua": script}
    )
    (utterance,) = read_all(open_corpus("debian"), tmp_path)[0].values()
    assert (utterance.text, utterance.speaker) == ('Co je "to"?', "fillets_cs_small")


def test_other_kinds(open_corpus, read_all, tmp_path) -> None:
    files = {
        "usr/share/klettres/pt_BR/syllab/mu.ogg": OGG,
        "usr/share/ktuberling/sounds/wa/moon_star.ogg": OGG,
        "usr/share/ktuberling/sounds/sr@latin/moon_star.ogg": OGG,
        "usr/share/gcin-voice/ogg/ㄆㄧㄠ2/5.ogg": OGG,
        "usr/share/pocketsphinx/test/data/cards/001.wav": SPEECH,
        "usr/share/pocketsphinx/test/data/cards/cards.transcription": b"<s> ten of clubs  </s> (001)\n",
    }
    layouts.unpacked(tmp_path, files)
    utterances, problems = read_all(open_corpus("debian"), tmp_path)
    assert {u.labels["lang"] for u in utterances.values()} == {"por", "wln", "cmn", "eng"}
    assert [u.text for u in utterances.values() if u.text] == ["ten of clubs"]
    assert len(problems) == 1
    assert iso("nn") == "nno" and iso("pt_BR") == "por" and iso("sr@ijekavian") == "srp"
    assert len({source.name for source in SOURCES}) == len(SOURCES)


@pytest.mark.parametrize("packer", PACKED)
def test_damage_anywhere_is_never_silent(open_corpus, tmp_path, packer) -> None:
    path = layouts.deb(tmp_path / "festvox-ru_1_all.deb", layouts.festvox({"ru_0001": SPEECH}), packed_by(packer))
    whole = path.read_bytes()
    names = [item.name for item in deb_members(path, lambda _: True) if not isinstance(item, Problem)]
    assert len(names) == 3
    for end in range(0, len(whole) - 2, max(1, len(whole) // 40)):
        path.write_bytes(whole[:end])
        with ends():
            *_, last = deb_members(path, lambda _: True)
        assert isinstance(last, Problem) and last.reason.startswith("damaged archive"), end
    if packer:
        for place in range(200, len(whole) - 2, max(1, len(whole) // 40)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
            with ends():
                items = list(deb_members(path, lambda _: True))
            contents = [item for item in items if not isinstance(item, Problem)]
            spoilt = any(isinstance(item, Problem) and item.spoils_part for item in items)
            assert spoilt or [item.name for item in contents] == names, place


def test_no_package_and_members_that_would_leave(tmp_path) -> None:
    path = tmp_path / "festvox-ru_1_all.deb"
    for content in (
        b"",
        b"PK",
        b"!<arch>\n" + b"x" * 60,
        b"!<arch>\n" + b"debian-binary".ljust(48) + b"9" * 10 + b"`\n",
    ):
        path.write_bytes(content)
        (problem,) = deb_members(path, lambda _: True)
        assert isinstance(problem, Problem) and problem.spoils_part
    layouts.deb(path, {"usr/../../etc/x.wav": b"x"})
    with pytest.raises(ArchiveError, match="would leave the folder"):
        list(deb_members(path, lambda _: True))
    with pytest.raises(ArchiveError, match="no such file"):
        list(deb_members(tmp_path / "none.deb", lambda _: True))


def test_a_voice_is_periodic_and_noise_is_not() -> None:
    voice, noise = layouts.voiced(num_samples=8000, rate=RATE), layouts.samples()
    assert listen(voice).voiced_share > 0.9 and 0.8 < listen(voice).voiced_sec <= 1.0
    assert listen(noise).voiced_share < 0.2
    half = np.concatenate([voice, np.zeros(8000, np.int16)])
    assert listen(half).voiced_share > 0.8  # silence is not loud
    assert listen(np.zeros(8000, np.int16)).voiced_sec == 0
    assert listen(voice[:100]).voiced_share == 0


@pytest.mark.parametrize(("suffix", "codec", "rate"), [(".g722", "g722", 16000), (".alaw", "pcm_alaw", 8000)])
def test_telephone_codecs_keep_a_tone(suffix, codec, rate) -> None:
    av = pytest.importorskip("av")
    wanted = layouts.voiced(num_samples=rate, rate=rate)
    stream = io.BytesIO()
    with av.open(stream, "w", format=suffix[1:]) as out:
        track = out.add_stream(codec, rate=rate)
        track.layout = "mono"
        frame = av.AudioFrame.from_ndarray(wanted[None], format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in (*track.encode(frame), *track.encode(None)):
            out.mux(packet)
    import soundfile

    found, found_rate = soundfile.read(io.BytesIO(to_wav(stream.getvalue(), suffix)), dtype="int16")
    assert found_rate == rate and abs(len(found) - len(wanted)) < 64
    spectra = [np.abs(np.fft.rfft(x[: rate // 2].astype(float))) for x in (found, wanted)]
    assert spectra[0].argmax() == spectra[1].argmax()


def test_gsm_is_whole_frames_of_33_bytes() -> None:
    pytest.importorskip("av")
    frame = bytes([0xD0]) + bytes(32)
    import soundfile

    found, rate = soundfile.read(io.BytesIO(to_wav(frame * 10, ".gsm")))
    assert rate == 8000 and len(found) == 1600
    for content in (b"", frame[:-1]):
        with pytest.raises(AudioError):
            to_wav(content, ".gsm")


def test_smallest_packages_where_the_network_is_there(open_corpus, tmp_path) -> None:
    """Debian's own pocketsphinx-testdata, 2 MB."""
    fetch = Path(__file__).resolve().parents[2] / "utils" / "fetch_debian.sh"
    listed = fetch.parents[1] / "egs" / "debian" / "packages.tsv"
    done = subprocess.run(
        [fetch, "--packages", "pocketsphinx-testdata", listed, tmp_path / "c"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        pytest.skip(f"Debian's mirror cannot be reached: {done.stderr.strip().splitlines()[-1:]}")
    assert "BSD" in done.stdout
    (summary,) = prepare(open_corpus("debian"), tmp_path / "c", tmp_path / "data")
    assert summary.num_utterances == 10
    assert "and mister john dashwood" in (tmp_path / "data/pocketsphinx/text").read_text()
    assert json.loads((tmp_path / "data/pocketsphinx/provenance.json").read_text())
