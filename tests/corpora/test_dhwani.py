from __future__ import annotations

import pytest

from masr.corpora.dhwani import read_lists, video_of
from masr.corpora.prepare import prepare
from masr.errors import ConfigError, CorpusError
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts

VIDEOS = [f"v-d_{i:07d}" for i in range(40)]


@pytest.fixture
def source(tmp_path):
    data = layouts.wav(layouts.samples())
    files = {f"hindi/broken-{video}-{i}.wav": data for video in VIDEOS for i in range(3)}
    return layouts.dhwani(tmp_path, files | {f"tamil/vad_0{i}_tam{i:08d}.wav": data for i in range(4)})


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("dQw4w9WgXcQ.wav", "dQw4w9WgXcQ"),
        ("broken-dQw4w9WgXcQ-12.wav", "dQw4w9WgXcQ"),
        ("vad_00_dQw4w9WgXcQ.wav", "dQw4w9WgXcQ"),
        ("broken-vad_103_dQw4w9WgXcQ-0.wav", "dQw4w9WgXcQ"),
        ("broken--_4w9WgXcQ--3.wav", "-_4w9WgXcQ-"),
        ("broken-abcd.wav", "broken-abcd"),
        ("vad_00_abcd.wav", "vad_00_abcd"),
        ("dQw4w9WgXcQ_0007.wav", "dQw4w9WgXcQ"),
        ("short.wav", None),
        ("has space 11.wav", None),
    ],
)
def test_the_video_in_a_files_name(name, video) -> None:
    assert video_of(name) == video


def test_a_video_is_never_in_two_splits(open_corpus, source, tmp_path) -> None:
    prepare(open_corpus("dhwani"), source, tmp_path / "data", max_bad=0)
    videos = {}
    for split in ("train", "dev", "test"):
        data = DataDir.open(tmp_path / "data" / split)
        videos[split] = set(data.labels("video").values())
        assert set(data.labels("lang").values()) == {"hin", "tam"}
        assert all(utt.startswith(data.table("utt2spk")[utt] + "-") for utt in data.utts)
    assert sum(map(len, videos.values())) == len(set().union(*videos.values())) == 44
    hindi = {split: len(found & set(VIDEOS)) for split, found in videos.items()}
    assert hindi == {"train": 32, "dev": 4, "test": 4}
    assert {split: len(found - set(VIDEOS)) for split, found in videos.items()} == {"train": 2, "dev": 1, "test": 1}


def test_the_split_is_a_function_of_the_seed(open_corpus, read_all, source) -> None:
    def of(*overrides: str) -> dict[str, str]:
        corpus = open_corpus("dhwani", *overrides)
        return {u.utt: part.split for part in corpus.parts(source) for u in corpus.read(part)}

    assert of() == of()
    assert of("seed=1") != of()
    assert set(of("test_share=0.5", "dev_share=0").values()) == {"train", "test"}
    with pytest.raises(ConfigError, match="leave something for train"):
        of("test_share=0.5", "dev_share=0.5")


def test_chosen_videos_are_test_and_leave_all_others_where_they_were(open_corpus, source) -> None:
    def splits() -> dict[str, str]:
        corpus = open_corpus("dhwani")
        return {u.labels["video"]: part.split for part in corpus.parts(source) for u in corpus.read(part)}

    before = splits()
    chosen = [f"new{i:08d}" for i in range(6)]
    data = layouts.wav(layouts.samples())
    layouts.dhwani(source, {f"{name}/{video}.wav": data for video, name in zip(chosen, ["hindi", "tamil"] * 3)})
    (source / "test_videos.txt").write_text("\n".join([*chosen, "not-here-01", ""]))
    assert splits() == before | dict.fromkeys(chosen, "test")
    (source / "test_videos.txt").unlink()
    assert splits() != before | dict.fromkeys(chosen, "test")


def test_a_chosen_video_that_is_no_id_is_refused(open_corpus, source, tmp_path) -> None:
    (source / "test_videos.txt").write_text("abcdefghijk\nabcdefghijk.wav\n")
    with pytest.raises(CorpusError, match=r"test_videos.txt: 'abcdefghijk.wav' is no video id"):
        prepare(open_corpus("dhwani"), source, tmp_path / "data")


def test_a_video_under_two_languages_is_left_out_of_both(open_corpus, read_all, source) -> None:
    shared = VIDEOS[0]
    layouts.dhwani(source, {f"tamil/{shared}.wav": layouts.wav(layouts.samples())})
    utterances, problems = read_all(open_corpus("dhwani"), source)
    assert len(utterances) == 39 * 3 + 4
    assert {p.reason for p in problems} == {"video under two languages: hin tam"}
    assert len(problems) == 4


def test_the_lists_know_of_shared_videos_too(open_corpus, read_all, source) -> None:
    (source / "urls").mkdir()
    (source / "urls/urdu.txt").write_text(VIDEOS[1] + "\n")
    _, problems = read_all(open_corpus("dhwani"), source)
    assert {p.reason for p in problems} == {"video under two languages: hin urd"}


def test_before_the_pipeline_and_files_without_an_id(open_corpus, read_all, tmp_path) -> None:
    data = layouts.wav(layouts.samples())
    files = {f"odia/{video}.wav": data for video in VIDEOS[:2]} | {"odia/title.wav": data}
    layouts.dhwani(tmp_path, files, "raw_data")
    utterances, problems = read_all(open_corpus("dhwani"), tmp_path)
    assert {u.labels["lang"] for u in utterances.values()} == {"ori"}
    assert [p.reason for p in problems] == ["no video id in the file's name"]


def test_the_public_lists_are_counted(open_corpus, source) -> None:
    folder = source / "urls"
    folder.mkdir()
    (folder / "hindi.txt").write_text("\n".join([*VIDEOS[:5], VIDEOS[0], "", "A stray title"]) + "\n")
    (folder / "tamil.txt").write_bytes((VIDEOS[0] + "\r\n" + "tam00000001\r\n").encode())
    lists = read_lists(folder)
    assert (lists["hindi"].num_lines, len(lists["hindi"].ids)) == (8, 6)
    assert lists["tamil"].ids == (VIDEOS[0], "tam00000001")
    rows = {row[0]: row for row in open_corpus("dhwani").survey(source)}
    assert rows["hindi"] == ("hindi", "hin", "8", "6", "5", "1", "40", "120")
    assert rows["total"][2:6] == ("10", "8", "6", "1")


def test_lists_alone_are_enough_to_be_counted_and_too_little_to_be_prepared(open_corpus, tmp_path) -> None:
    (tmp_path / "urls").mkdir()
    (tmp_path / "urls/hindi.txt").write_text("\n".join(VIDEOS))
    assert len(list(open_corpus("dhwani").survey(tmp_path))) == 3
    with pytest.raises(CorpusError, match="neither data_refined"):
        open_corpus("dhwani").parts(tmp_path)


def test_wrong_languages_get_the_near_ones(open_corpus, source) -> None:
    with pytest.raises(ConfigError, match="did you mean hindi"):
        open_corpus("dhwani", "languages=[hindii]")
    with pytest.raises(CorpusError, match="has no telugu"):
        open_corpus("dhwani", "languages=[telugu]").parts(source)
