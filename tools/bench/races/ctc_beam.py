"""Beam search over CTC emissions, beam 50, 500 units: the search alone, and with a lexicon and a model of words."""

from __future__ import annotations

import importlib
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from race import Race, Runner, Turn

NUM_UNITS, NUM_FRAMES, NUM_UTTS = 500, 250, 4
FOLDER = tempfile.TemporaryDirectory(prefix="ctc_beam")


class Units:
    """As many units as sentencepiece usually makes: the first half begin words."""

    size = NUM_UNITS
    tokens = (
        "<blank>",
        "<unk>",
        *(f"\u2581w{i}" for i in range(2, NUM_UNITS // 2)),
        *(f"p{i}" for i in range(NUM_UNITS // 2, NUM_UNITS)),
    )

    def decode(self, ids: Any) -> str:
        return "".join(self.tokens[i] for i in ids if i > 1).replace("\u2581", " ")


def emissions() -> list[npt.NDArray[np.float32]]:
    """As peaked as a trained model's: three frames in four are blank to 0.9995, the others sure of a unit to 0.9."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(NUM_UTTS):
        logits = rng.standard_normal((NUM_FRAMES, NUM_UNITS)).astype(np.float32)
        best = np.where(rng.random(NUM_FRAMES) < 0.75, 0, rng.integers(2, NUM_UNITS, NUM_FRAMES))
        logits[np.arange(NUM_FRAMES), best] += np.where(best == 0, 14.5, 9)
        found.append((logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32))
    return found


UNITS: Any = Units()
EMISSIONS = emissions()


def words() -> Path:
    """A lexicon of 10,000 words, and a bigram model of them."""
    rng, path = random.Random(0), Path(FOLDER.name) / "words"
    begin, rest = range(2, NUM_UNITS // 2), range(NUM_UNITS // 2, NUM_UNITS)
    spellings = sorted({(rng.choice(begin), *rng.choices(rest, k=i % 3)) for i in range(10_000)})
    lines = {f"word{i}": spelling for i, spelling in enumerate(spellings)}
    path.write_text(
        "".join(f"{word}\t{' '.join(Units.tokens[i] for i in spelled)}\n" for word, spelled in lines.items())
    )
    pairs = sorted({(rng.choice(list(lines)), rng.choice(list(lines))) for _ in range(20_000)})
    one = "".join(f"{-4 + rng.random():.4f}\t{word}\t-0.3\n" for word in lines)
    two = "".join(f"{-2 + rng.random():.4f}\t{a} {b}\n" for a, b in pairs)
    head = f"\\data\\\nngram 1={len(lines) + 3}\nngram 2={len(pairs)}\n"
    tail = f"\\1-grams:\n-6\t<unk>\n0\t<s>\t-0.3\n-1.5\t</s>\n{one}\n\\2-grams:\n{two}\n\\end\\\n"
    (Path(FOLDER.name) / "lm.arpa").write_text(f"{head}\n{tail}")
    return path


def ours(**options: Any) -> Turn:
    from masr.inference.decode import build_decoder
    from masr.inference.decode_config import DecodingConfig as Config

    decoder = build_decoder(Config(**options), UNITS)

    def turn() -> float:
        for frames in EMISSIONS:
            decoder.decode(frames)
        return float(NUM_UTTS * NUM_FRAMES)

    return turn


def with_model() -> Turn:
    path = words()
    return ours(lexicon=path, language_model=path.with_name("lm.arpa"))


def plain_flashlight() -> Turn:
    """Every unit in every frame and no threshold: what the library does with its own defaults."""
    return ours(units_per_frame=NUM_UNITS, beam_threshold=1e9, sure_blank=1.0)


def pyctcdecode() -> Turn:
    build_ctcdecoder = importlib.import_module("pyctcdecode").build_ctcdecoder
    labels = ["", "\u2047", *Units.tokens[2:]]
    decoder = build_ctcdecoder(labels)

    def turn() -> float:
        for frames in EMISSIONS:
            decoder.decode_beams(frames, beam_width=50)
        return float(NUM_UTTS * NUM_FRAMES)

    return turn


def check() -> str:
    """What is pruned changes no best text here."""
    from masr.inference.decode import build_decoder
    from masr.inference.decode_config import DecodingConfig as Config

    few, all_ = (
        build_decoder(Config(units_per_frame=n, sure_blank=sure), UNITS) for n, sure in ((10, 0.999), (NUM_UNITS, 1.0))
    )
    same = sum(few.decode(frames)[0].text == all_.decode(frames)[0].text for frames in EMISSIONS)
    if same != NUM_UTTS:
        raise RuntimeError(f"10 units a frame change the best text of {NUM_UTTS - same} of {NUM_UTTS} utterances")
    return f"10 of {NUM_UNITS} units a frame give the same best text in {same} of {NUM_UTTS} utterances"


def race() -> Race:
    runners = [
        Runner("masr beam 50", ours),
        Runner("masr beam 50, lexicon and bigram", with_model),
        Runner("masr beam 50, nothing pruned", plain_flashlight),
        Runner("pyctcdecode beam 50, no lexicon", pyctcdecode),
    ]
    return Race("CTC beam search, 500 units", "frames", runners, check)
