"""`hf:NAME` finds what the Hub's own library finds in the same cache, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.config import dump, loads
from masr.errors import CheckpointError, ConfigError
from masr.hub_cache import cache_folder, cached
from masr.io.trained import open_trained
from masr.models.pretrained import Config

COMMIT, OLDER = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache as the Hub's library leaves it: blobs, references, and links to the blobs for each commit."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for name in ("org--one", "two"):
        model = tmp_path / f"models--{name}"
        for folder in ("blobs", "refs", f"snapshots/{COMMIT}", f"snapshots/{OLDER}"):
            (model / folder).mkdir(parents=True)
        (model / "blobs" / "x").write_text('{"model_type": "wav2vec2"}')
        for commit in (COMMIT, OLDER):
            (model / "snapshots" / commit / "config.json").symlink_to("../../blobs/x")
        (model / "refs" / "main").write_text(COMMIT)
        (model / "refs" / "v1.0").write_text(OLDER)
    return tmp_path


@pytest.mark.parametrize(("name", "revision"), [("org/one", None), ("two", None), ("org/one", "v1.0"), ("two", OLDER)])
def test_it_finds_what_the_hubs_library_finds(cache: Path, name: str, revision: str | None) -> None:
    hub = pytest.importorskip("huggingface_hub")
    expected = hub.snapshot_download(name, revision=revision, cache_dir=cache, local_files_only=True)
    word = f"hf:{name}" + (f"@{revision}" if revision else "")
    assert cached(word) == Path(expected)
    trained = open_trained(word)
    assert trained.is_transformers and trained.run == Path(expected)


@pytest.mark.parametrize("word", ["hf:org/none", "hf:org/one@v9", f"hf:two@{'c' * 40}"])
def test_what_is_not_there_is_told_how_to_get(cache: Path, word: str) -> None:
    with pytest.raises(CheckpointError, match="is not in the cache") as caught:
        cached(word)
    assert caught.value.fix.startswith("fetch it first: hf download ")


@pytest.mark.parametrize(
    "word", ["hf:", "hf:../x", "hf:a/b/c", "hf:/etc", "hf:a@../../x", "hf:a/..", "hf:a@/etc", "hf:a b"]
)
def test_a_name_leads_nowhere_else(cache: Path, word: str) -> None:
    with pytest.raises(CheckpointError, match="is no name of a model"):
        cached(word)


def test_a_reference_cannot_lead_out_of_the_cache(cache: Path) -> None:
    (cache / "models--two" / "refs" / "evil").write_text("../../../..")
    with pytest.raises(CheckpointError):
        cached("hf:two@evil")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HF_HUB_CACHE": "/a"}, "/a"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HOME": "/d"}, "/d/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_hubs_programs_have_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache_folder()) == expected


def test_a_path_of_a_configuration_may_name_one(cache: Path) -> None:
    """What is read back from the run's own file is the very folder, with its commit."""
    config = loads(Config, "checkpoint: hf:org/one")
    assert config.checkpoint == cache / "models--org--one" / "snapshots" / COMMIT
    assert loads(Config, dump(config)) == config
    with pytest.raises(ConfigError, match=r"checkpoint: is hf:org/none: is not in the cache") as caught:
        loads(Config, "checkpoint: hf:org/none")
    assert "hf download org/none" in caught.value.fix
