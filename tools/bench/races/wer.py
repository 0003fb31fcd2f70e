"""Word error rate of a million words, from two lists of sentences to every word's alignment, as jiwer gives it."""

from __future__ import annotations

import importlib
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from race import Race, Runner, Turn

NUM_UTTS, NUM_WORDS = 50_000, 20
SCLITE = shutil.which("sclite", path="/usr/lib/sctk/bin:/usr/bin:/usr/local/bin")


def sentences(num_utts: int) -> tuple[list[str], list[str]]:
    """References, and hypotheses with a tenth of the words wrong."""
    rng = random.Random(0)
    words = [f"word{min(int(rng.paretovariate(0.7)), 5000)}" for _ in range(20_000)]
    refs = [rng.choices(words, k=NUM_WORDS) for _ in range(num_utts)]
    hyps = [[rng.choice(words) if rng.random() < 0.06 else word for word in ref if rng.random() > 0.04] for ref in refs]
    return [" ".join(ref) for ref in refs], [" ".join(hyp) for hyp in hyps]


REFS, HYPS = sentences(NUM_UTTS)
TOTAL = float(sum(len(ref.split()) for ref in REFS))


def ours() -> Turn:
    from masr.scoring.wer.alignment import COSTS, align
    from masr.scoring.wer.coded import words_of
    from masr.scoring.wer.edits import count_edits

    def turn() -> float:
        pairs = words_of(REFS, HYPS)
        count_edits(pairs)
        align(pairs, COSTS["nist"])
        return TOTAL

    return turn


def jiwer() -> Turn:
    jiwer = importlib.import_module("jiwer")

    def turn() -> float:
        jiwer.process_words(REFS, HYPS)
        return TOTAL

    return turn


def check() -> str:
    """The race is for equal numbers: sclite's, on the first thousand sentences."""
    from masr.scoring.wer.coded import words_of
    from masr.scoring.wer.edits import count_edits

    counts = count_edits(words_of(REFS[:1000], HYPS[:1000])).sum(axis=0).tolist()
    if SCLITE is None:
        return "sclite is not installed, so equality with it was not checked"
    with tempfile.TemporaryDirectory() as folder:
        for name, texts in (("ref", REFS), ("hyp", HYPS)):
            lines = (f"{text} (s-{i})\n" for i, text in enumerate(texts[:1000]))
            Path(folder, f"{name}.trn").write_text("".join(lines), encoding="utf-8")
        command = [SCLITE, "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-i", "spu_id", "-s", "-o", "rsum", "stdout"]
        said = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=True).stdout
    row = next(line for line in said.splitlines() if line.split("|")[1:2] and line.split("|")[1].strip() == "Sum")
    theirs = [int(cell) for cell in row.split("|")[3].split()[:4]]
    if theirs != counts:
        raise RuntimeError(f"ours has {counts} right, substituted, deleted, inserted, sclite {theirs}")
    return f"counts equal sclite's: {counts}"


def race() -> Race:
    runners = [
        Runner("masr, aligned", ours),
        Runner("jiwer process_words", jiwer, 1.0),
    ]
    return Race("Word error rate with alignments, 1M words in 50k sentences, a tenth wrong", "words", runners, check)
