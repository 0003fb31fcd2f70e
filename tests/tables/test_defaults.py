from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from masr.config import load, to_dict
from masr.config.plain import SettingsReader, as_yaml
from masr.plugins import resolve
from masr.tables.defaults import defaults_of
from masr.training.config import TrainConfig

EGS = Path(__file__).resolve().parents[2] / "egs"
CONFIGS = sorted(EGS.glob("*/conf/pretrain/*_tiny.yaml"))


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    """a.b.c -> value, down to what is no section."""
    if isinstance(value, dict) and value:
        return {k: v for name, inner in value.items() for k, v in leaves(inner, f"{key}.{name}").items()}
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return {k: v for n, inner in enumerate(value) for k, v in leaves(inner, f"{key}.{n}").items()}
    return {key.removeprefix("."): value}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_key_of_the_resolved_configuration_is_given_or_has_its_default(path: Path) -> None:
    settings = SettingsReader().settings(path)
    found = leaves(settings).keys() | defaults_of("train", settings).keys()
    resolved = leaves(to_dict(load(TrainConfig, path, resolve=resolve)))
    missing = {key for key, value in resolved.items() if key not in found and not (value is None or value is False)}
    assert not missing


def test_a_default_that_changes_in_the_source_changes_what_is_found(tmp_path: Path) -> None:
    package = tmp_path / "masr"
    for name in ("cli", "training", "models"):
        (package / name).mkdir(parents=True)
    (package / "cli" / "train.py").write_text("def f():\n    from masr.training.config import TrainConfig\n")
    (package / "models" / "net.py").write_text("class Config:\n    dim: int = option(8, 'width')\n")
    config = package / "training" / "config.py"
    config.write_text(
        "_RATE = 0.1\nclass Inner:\n    rate: float = option(_RATE, 'x')\n"
        "    later: bool = option(False, 'x')\n    other: str | None = option(None, 'x')\n"
        "class TrainConfig:\n    inner: Inner = option(Inner(), 'x')\n    model: Named = choice('models', 'net', 'x')\n"
    )
    found = defaults_of("train", {}, package)
    assert found == {"inner": "Inner()", "inner.rate": "0.1", "model.name": "'net'", "model.dim": "8"}
    config.write_text(config.read_text().replace("0.1", "0.25"))
    assert defaults_of("train", {}, package)["inner.rate"] == "0.25"
    assert "inner.rate" not in defaults_of("train", {"inner": {"rate": 3}}, package)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_a_task_is_given_reads_back_to_the_same_run(path: Path, tmp_path: Path) -> None:
    written = tmp_path / "task.yaml"
    changes = ["train=/a b/c", "optim.peak_lr=1e-4"]
    settings = SettingsReader().settings(path, tuple(changes))
    written.write_text(as_yaml(settings), encoding="utf-8")
    assert load(TrainConfig, written, resolve=resolve) == load(TrainConfig, path, changes, resolve)
