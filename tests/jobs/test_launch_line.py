"""The launchers' command line: options, and the job's number in the arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.errors import UsageError
from masr.jobs.joblog import ranges
from masr.jobs.launch_line import memory_bytes, parse, put_number, time_sec


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("JOB", "3"),
        ("JOB/4", "3/4"),
        ("exp/log/job.JOB.log", "exp/log/job.3.log"),
        ("feats_JOB.ark", "feats_3.ark"),
        ("data/split4/JOB/wav.scp", "data/split4/3/wav.scp"),
        ("scp:data/JOB.scp", "scp:data/3.scp"),
        ("JOB-JOB", "3-3"),
        ("MYJOBS", "MYJOBS"),
        ("/data/JOBS/JOB", "/data/JOBS/3"),
        ("NOJOB", "NOJOB"),
        ("ÉJOB", "ÉJOB"),
        ("job", "job"),
        ("", ""),
    ],
)
def test_the_number_stands_where_the_name_stood_alone(word: str, expected: str) -> None:
    assert put_number(word, "JOB", 3) == expected


def test_a_real_folder_called_job_stays(tmp_path: Path) -> None:
    (tmp_path / "JOB").mkdir()
    (tmp_path / "x, with JOB in it").mkdir()
    assert put_number(f"{tmp_path}/x, with JOB in it/JOB", "JOB", 3) == f"{tmp_path}/x, with JOB in it/3"
    assert put_number(f"{tmp_path}/y with JOB in it/JOB", "JOB", 3) == f"{tmp_path}/y with 3 in it/3"
    assert put_number(f"{tmp_path}/JOB/log/x.JOB.log", "JOB", 3) == f"{tmp_path}/JOB/log/x.3.log"
    assert put_number(f"scp:{tmp_path}/JOB/x", "JOB", 3) == f"scp:{tmp_path}/JOB/x"
    assert put_number(f"--out={tmp_path}/JOB/x", "JOB", 3) == f"--out={tmp_path}/JOB/x"
    assert put_number(f"{tmp_path}/none/JOB/x", "JOB", 3) == f"{tmp_path}/none/3/x"


def test_another_name_leaves_job_alone() -> None:
    array = parse(["N=2:3", "log.N", "prog", "JOB", "N"])
    assert array.command_of(2) == ["prog", "JOB", "2"]
    assert array.log_of(3) == Path("log.3")
    assert array.numbers == (2, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1:3", (1, 2, 3)), ("5", (5,)), ("1,4,7-9", (1, 4, 7, 8, 9)), ("3,1:2,2-3", (1, 2, 3))],
)
def test_numbers_are_a_range_or_a_list(text: str, expected: tuple[int, ...]) -> None:
    assert parse([f"JOB={text}", "log.JOB", "p"]).numbers == expected


def test_a_schedulers_own_options_are_handed_on_as_they_came() -> None:
    own = {"--partition": 1, "-pe": 2, "--exclusive": 0}
    words = ["--partition=a b", "-pe", "smp", "4", "--mem", "1G", "--exclusive", "--partition", "x"]
    array = parse([*words, "--no-wait", "--after", "12:13", "log", "prog"], own)
    assert array.own == ("--partition=a b", "-pe", "smp", "4", "--exclusive", "--partition", "x")
    assert (array.wait, array.after, array.resources.mem_bytes) == (False, ("12", "13"), 2**30)
    assert parse(["--after", "", "log", "prog"]).after == ()


@given(st.sets(st.integers(1, 60), min_size=1))
def test_a_list_of_numbers_reads_back(numbers: set[int]) -> None:
    assert parse([f"JOB={ranges(sorted(numbers), ',')}", "log.JOB", "p"]).numbers == tuple(sorted(numbers))


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_words_without_the_name_arrive_unharmed(word: str) -> None:
    if "JOB" not in word:
        assert put_number(word, "JOB", 7) == word


def test_options_as_kaldi_takes_them() -> None:
    options = ["--mem", "8G", "--gpu=1", "--num_threads", "2", "--time", "4:0:0", "--max-jobs-run", "10"]
    array = parse([*options, "JOB=1:4", "job.JOB.log", "prog", "--mem", "1"])
    need = array.resources
    assert (need.mem_bytes, need.num_gpus, need.num_threads) == (8 * 2**30, 1, 2)
    assert (need.time_sec, need.max_jobs_run) == (4 * 3600, 10)
    assert array.command == ("prog", "--mem", "1")
    assert parse(["log", "prog"]).variable == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--nmu-threads 2 JOB=1:2 l.JOB p", "did you mean --num-threads"),
        ("--mem much log p", "amount of memory"),
        ("--mem 0 log p", "amount of memory"),
        ("--time soon log p", "is not a time"),
        ("--time 0:0 log p", "no time"),
        ("--gpu -1 log p", "whole number"),
        ("--num-threads 0 log p", "whole number of 1"),
        ("--mem", "missing"),
        ("JOB=1:4 log p", "one log"),
        ("JOB=0:4 log.JOB p", "counted from 1"),
        ("JOB=4:2 log.JOB p", "range"),
        ("JOB=1,,2 log.JOB p", "neither a range nor a list"),
        ("JOB=1,4-2 log.JOB p", "range"),
        ("/ p", "is a folder"),
        ("--partition gpu log p", "no option --partition"),
        ("--no-wait=1 log p", "takes no value"),
        ("--num-ranks 0 log p", "whole number of 1"),
        ("log", "a log and a program"),
        ("", "a log and a program"),
    ],
)
def test_mistakes_are_named(line: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(line.split())
    assert said in f"{error.value.what} {error.value.fix}"


@pytest.mark.parametrize(("text", "expected"), [("8G", 8 * 2**30), ("500M", 500 * 2**20), ("2.5g", 2.5 * 2**30)])
def test_memory(text: str, expected: float) -> None:
    assert memory_bytes(text) == expected
    assert memory_bytes("100") == 100 * 2**20


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 5400), ("1:30", 90), ("4:0:0", 14400), ("2-0", 172800), ("1-2:30", 95400), ("1-0:0:5", 86405)],
)
def test_time_as_slurm_reads_it(text: str, expected: float) -> None:
    assert time_sec(text) == expected


@pytest.mark.parametrize("text", ["1:999999999", "1-100001", "7,1:100000", "1-60000,50000-100001"])
def test_a_range_that_would_fill_the_memory_is_refused_before_it_is_counted(text: str) -> None:
    with pytest.raises(UsageError, match="at most 100000 jobs"):
        parse([f"JOB={text}", "log.JOB", "p"])
    assert len(parse(["JOB=1:100000", "log.JOB", "p"]).numbers) == 100_000


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5000])
def test_more_digits_than_a_number_has_are_no_amount_and_no_time(digits: str) -> None:
    for read, text in (
        (memory_bytes, digits),
        (memory_bytes, f"0.{digits}G"),
        (time_sec, digits),
        (time_sec, f"1-{digits}"),
    ):
        with pytest.raises(UsageError, match="is not a"):
            read(text)
