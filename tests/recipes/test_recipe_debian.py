"""egs/debian/run.sh on packages of a few buzzes in their exact layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference import corpus_layouts as layouts

pytestmark = pytest.mark.slow

NUM_SENTENCES = 60


def packages(folder: Path) -> Path:
    """Enough sentences that every fold has some: two languages of games, the same of prompts and letters, read text."""
    ogg = layouts.wav(layouts.voiced(num_samples=8000), kind="OGG", subtype="VORBIS")
    wav = layouts.wav(layouts.voiced(num_samples=8000))
    read = layouts.wav(layouts.voiced(num_samples=24000))  # as long as its text needs
    numbers = range(NUM_SENTENCES)
    stamps = "usr/share/tuxpaint/stamps"
    games = {f"{stamps}/{i}_desc_{code}.ogg": ogg for i in numbers for code in ("ru", "fr")}
    games |= {f"{stamps}/{i}.txt": f"A {i}.\nru.utf8=Она шла.\n".encode() for i in numbers}
    layouts.deb(folder / "tuxpaint-stamps-default_1_all.deb", games)
    layouts.deb(folder / "ktuberling-data_1_all.deb", {f"usr/share/ktuberling/sounds/fr/{i}.wav": wav for i in numbers})
    letters = {f"usr/share/klettres/{code}/alpha/{i}.ogg": ogg for i in range(6) for code in ("ru", "fr")}
    layouts.deb(folder / "klettres-data_1_all.deb", letters)
    prompts = {f"usr/share/asterisk/sounds/it_IT_f_Menardi/p{i}.wav": wav for i in range(4)}
    layouts.deb(folder / "asterisk-prompt-it-menardi-wav_1_all.deb", prompts)
    layouts.deb(folder / "festvox-ru_1_all.deb", layouts.festvox({f"ru_{i:04d}": read for i in numbers}))
    return folder


@pytest.fixture(scope="module")
def recipe(make_recipe: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The recipe after stages 0 to 3."""
    recipe = make_recipe("debian")
    debs = packages(tmp_path_factory.mktemp("debs"))
    recipe.options = ("--corpus", debs, "--nj", 1, "--languages", "fra,rus", "--pretrain", "best_rq_masr_tiny")
    recipe.first = recipe.run(*recipe.options, "--stop-stage", 3)
    return recipe


def test_stages_to_units_make_every_set_and_a_second_run_skips_them(
    recipe: Any, stages_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    assert list(dict.fromkeys(stages_of(recipe.first)["done"])) == ["corpus", "prepare", "features", "units"]
    sets = recipe.exp / "sets"
    of = {folder.name: rows_of(folder / "utt2fold") for folder in sorted(sets.iterdir())}
    labels = {name: rows_of(sets / name / "utt2source") for name in of}
    assert set(of["dev"].values()) == {"8"} and set(of["within"].values()) == {"9"}
    assert set(of["read_test"].values()) == {"9"} and "9" not in of["pretrain"].values()
    assert set(labels["across"].values()) == {"klettres"} and not {"klettres", "asterisk"} & {
        *labels["pretrain"].values()
    }
    assert set(rows_of(sets / "other_test" / "utt2lang").values()) == {"rus"}
    assert (sets / "read_test" / "phones.ctm").is_file()
    second = recipe.run(*recipe.options, "--stop-stage", 3)
    assert stages_of(second)["done"] == []


def test_every_stage_names_what_its_command_reads(recipe: Any, unseen_of: Callable[..., Any]) -> None:
    """Whatever a stage reads, one of its --inputs shows when it changes: by trial, on every kind of file."""
    recipe.run(*recipe.options, "--stage", 6, "--stop-stage", 11)
    recipe.run(*recipe.options, "--stage", 12, "--train-cmd", "no_launcher")
    found = unseen_of(recipe)
    assert {name: paths for name, paths in found.items() if paths} == {}
    later = {"lid", "score-lid", "ctc", "score-asr", "analyse", "tables"}
    assert {name.split()[1] for name in found} == {"corpus", "prepare", "features", "units", "pretrain"} | later
