"""The transcripts for sclite, and equality with NIST's own programs where Debian's sctk is installed."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from masr.maths.bootstrap import clusters
from masr.scoring.lid.reference import encode
from masr.scoring.wer.alignment import COSTS, align
from masr.scoring.wer.coded import Pairs, words_of
from masr.scoring.wer.edits import count_edits
from masr.scoring.wer.matched_pairs import matched_pairs
from masr.scoring.wer.rates import ErrorRates, Section, compute
from masr.scoring.wer.sclite import special_words, trn_lines

SCTK = "/usr/lib/sctk/bin"
SCLITE = shutil.which("sclite", path=f"{SCTK}:{os.environ['PATH']}")
needs_sclite = pytest.mark.skipif(SCLITE is None, reason="sclite is not installed: apt-get install sctk")


class Scored:
    def __init__(self, refs: list[str], hyps: list[str]) -> None:
        self.utts = [f"u{i:03d}" for i in range(len(refs))]
        self.speakers = [f"spk{i % 4}" for i in range(len(refs))]
        self.refs, self.hyps = refs, hyps
        self.pairs: Pairs = words_of(refs, hyps)
        self.alignment = align(self.pairs, COSTS["nist"])
        self.report: ErrorRates = compute(count_edits(self.pairs), clusters(self.speakers), encode(self.speakers), {})

    def aligned(self, place: int) -> list[tuple[str, str]]:
        """Word against word, `*` for none."""
        span = slice(*self.alignment.starts[place : place + 2])
        names = [*self.pairs.names, "*"]  # -1 is none
        return [(names[ref], names[hyp]) for ref, hyp in zip(self.alignment.refs[span], self.alignment.hyps[span])]

    def write(self, folder: Path, name: str) -> None:
        (folder / "ref.trn").write_text("".join(trn_lines(self.utts, self.speakers, self.refs)), encoding="utf-8")
        (folder / f"{name}.trn").write_text("".join(trn_lines(self.utts, self.speakers, self.hyps)), encoding="utf-8")


def ambiguous(seed: int, changed: float | None = None) -> list[str]:
    """Sentences of few words, which can be aligned in many ways; some are empty, some words are not ASCII."""
    rng = random.Random(seed)
    words = ["a", "b", "c", "हाँ", "é", "Z"]
    found = [" ".join(rng.choices(words, k=rng.randrange(14))) for _ in range(150)]
    if changed is None:
        return found
    return [
        " ".join(w if rng.random() > changed else rng.choice([*words, ""]) for w in text.split())
        for text in ambiguous(0)
    ]


def sclite(folder: Path, *options: str) -> str:
    command = [str(SCLITE), "-r", "ref.trn", "trn", *options, "-i", "spu_id", "-s", "-e", "utf-8"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=True).stdout


def rows(table: str) -> dict[str, list[str]]:
    """Name -> numbers of the rows of a .raw."""
    found = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 3 and re.fullmatch(r"[\d. ]+", cells[1]):
            found[cells[0]] = f"{cells[1]} {cells[2]}".split()
    return found


def counts_of(part: Section) -> list[int]:
    """As a row of a .raw has them."""
    kinds = (part.num_correct, part.num_substituted, part.num_deleted, part.num_inserted, part.num_errors)
    return [part.num_utts, part.num_ref, *kinds, part.num_wrong_utts]


@needs_sclite
@pytest.mark.parametrize("changed", [None, 0.2])
def test_counts_and_alignments_equal_sclites(tmp_path: Path, changed: float | None) -> None:
    ours = Scored(ambiguous(0), ambiguous(1, changed))
    ours.write(tmp_path, "hyp")
    raw = rows(sclite(tmp_path, "-h", "hyp.trn", "trn", "-o", "rsum", "stdout"))
    parts = {**ours.report.speakers, "Sum": ours.report.overall}
    assert {name: counts_of(part) for name, part in parts.items()} == {
        name: [int(cell) for cell in raw[name]] for name in parts
    }
    theirs = sclite(tmp_path, "-h", "hyp.trn", "trn", "-o", "pra", "stdout")
    pattern = r"id: \((\S+)\)\nScores: .*?([\d ]+)\n(?:Attributes.*\n)?REF:  (.*)\nHYP:  (.*)\n"
    expected = {utt.split("-")[1]: cells for utt, *cells in re.findall(pattern, theirs)}
    assert len(expected) > 120
    for place, utt in enumerate(ours.utts):
        if utt in expected:
            columns = ours.aligned(place)
            shown = [[re.sub(r"^\*+$", "*", word) for word in cells.split()] for cells in expected[utt][1:]]
            assert [[pair[side].upper() for pair in columns] for side in (0, 1)] == [
                [word.upper() for word in words] for words in shown
            ]


@needs_sclite
def test_matched_pairs_equal_sc_stats(tmp_path: Path) -> None:
    one, two = Scored(ambiguous(0), ambiguous(1, 0.15)), Scored(ambiguous(0), ambiguous(2, 0.2))
    one.write(tmp_path, "one")
    two.write(tmp_path, "two")
    sclite(tmp_path, "-h", "one.trn", "trn", "-h", "two.trn", "trn", "-o", "sgml")
    text = "".join((tmp_path / f"{name}.trn.sgml").read_text(encoding="utf-8") for name in ("one", "two"))
    command = [f"{Path(str(SCLITE)).parent}/sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "test"]
    subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, encoding="utf-8", check=True)
    said = (tmp_path / "test.stats.mapsswe").read_text(encoding="utf-8")
    segments = int(re.search(r"# segs: (\d+)", said)[1])  # type: ignore[index]
    mean, std, z = (float(re.search(rf"{name}: +(-?[\d.]+)", said)[1]) for name in ("mean", "std dev", "Z Stat"))  # type: ignore[index]
    found = matched_pairs(one.alignment, two.alignment)
    assert found.num_segments == segments
    assert (found.mean, found.std, found.z) == pytest.approx((mean, std, z), abs=6e-4)


def test_counts_of_speakers_without_sclite() -> None:
    scored = Scored(["the cat sat on the mat", "b c", "", "hello"], ["the cat sit on mat", "b x c", "oh", "hello"])
    assert counts_of(scored.report.speakers["spk0"]) == [1, 6, 4, 1, 1, 0, 2, 1]
    assert counts_of(scored.report.overall) == [4, 9, 7, 1, 1, 2, 4, 3]


def test_trn_names_the_speaker_before_the_first_hyphen() -> None:
    assert trn_lines(["a-b-1"], ["a-b"], ["x  y"]) == ["x y (a_b-a-b-1)\n"]


def test_words_that_sclite_reads_otherwise_are_named() -> None:
    assert special_words(["a", "(uh)", "@", ";;x", "b"]) == ["(uh)", ";;x", "@"]
