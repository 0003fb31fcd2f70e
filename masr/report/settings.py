"""Configurations and provenance: shown, and first of all compared."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from masr.config.nodes import compose
from masr.errors import ConfigError
from masr.report.cells import table
from masr.report.gather import Run
from masr.report.markup import Child, Markup, tag
from masr.report.numbers import MISSING
from masr.report.plot import figure

_MOST_ROWS = 400
_MOST_OPEN = 12
"""Rows of differences that stand open; more are folded."""


def flattened(text: str) -> dict[str, str]:
    """`optim.peak_lr` -> `0.002` for every value; a list of sections is told apart by their names."""
    values: dict[str, str] = {}
    root = compose(text, "config.yaml")
    if root is not None:
        _flatten(root, "", values)
    return values


def _flatten(node: yaml.Node, key: str, values: dict[str, str]) -> None:
    if isinstance(node, yaml.MappingNode):
        for name, child in node.value:
            _flatten(child, f"{key}.{name.value}" if key else str(name.value), values)
    elif isinstance(node, yaml.SequenceNode) and any(isinstance(c, yaml.MappingNode) for c in node.value):
        for n, child in enumerate(node.value):
            _flatten(child, f"{key}[{_item_name(child, n)}]", values)
    elif isinstance(node, yaml.SequenceNode):
        values[key] = "[" + ", ".join(str(child.value) for child in node.value) + "]"
    else:
        values[key] = str(node.value) or '""'


def _item_name(node: yaml.Node, place: int) -> str:
    """The `name` of a section in a list; its place where it has none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((str(v.value) for k, v in pairs if k.value == "name"), str(place))


def differences(configs: Sequence[dict[str, str]]) -> list[tuple[str, list[str | None]]]:
    """Keys whose values are not the same everywhere, in the order of the first configuration that has them."""
    keys = list(dict.fromkeys(key for config in configs for key in config))
    rows = [(key, [config.get(key) for config in configs]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def difference_section(runs: Sequence[Run]) -> list[Child]:
    """A table of the keys that are set otherwise in one run than in another."""
    configs, broken = [], []
    for run in runs:
        try:
            configs.append(flattened(run.config))
        except ConfigError as error:
            configs.append({})
            broken.append(f"{run.letter}: {error.what}")
    rows = differences(configs)
    notes: list[Child] = [tag("p", text, class_="problem") for text in broken]
    if not rows:
        same = "All configurations are the same." if any(configs) else "No run has a configuration to compare."
        return [*notes, tag("p", same)]
    shown = [[key, *(MISSING if value is None else value for value in values)] for key, values in rows[:_MOST_ROWS]]
    head = ["setting", *(run.letter for run in runs)]
    note = "Settings whose value is not the same in all runs." + (
        f" The first {_MOST_ROWS} of {len(rows)}." if len(rows) > _MOST_ROWS else ""
    )
    grid = table(head, shown, caption="settings that differ", numbers_from=len(head) + 1)
    if len(rows) > _MOST_OPEN:
        grid = tag("details", tag("summary", f"{len(rows)} settings"), grid)
    return [*notes, figure("Settings that differ", grid, note=note, class_="wide")]


def config_section(runs: Sequence[Run]) -> list[Child]:
    """The whole configuration of each run, to open."""
    sections: list[Child] = []
    for run in runs:
        if run.config:
            name = f"{run.letter}  {run.name}" if len(runs) > 1 else "config.yaml"
            text = tag("pre", run.config, tabindex="0")
            sections.append(tag("details", tag("summary", name), text))
    return sections


def environment_section(runs: Sequence[Run]) -> list[Child]:
    """A table of what ran, where, and from which commit."""
    keys = list(dict.fromkeys(key for run in runs for key in run.provenance))
    if not keys:
        return []
    rows = [[key.replace("_", " "), *(_text(run.provenance.get(key)) for run in runs)] for key in keys]
    head = ["", *(run.letter if len(runs) > 1 else "" for run in runs)]
    return [table(head, rows, caption="provenance", numbers_from=len(head) + 1)]


def _text(value: object) -> str | Markup:
    if value is None:
        return MISSING
    if isinstance(value, dict):
        known = {name: part.get("path") if isinstance(part, dict) else part for name, part in value.items()}
        value = ", ".join(f"{name}: {part}" for name, part in known.items() if part is not None)
    return str(value)[:2000]


def setting(config: str, key: str) -> str:
    """One value of a configuration; empty where it has none."""
    return settings_of(config).get(key, "")


def settings_of(config: str) -> dict[str, str]:
    """Every value of a configuration; none where it cannot be read."""
    try:
        return flattened(config)
    except ConfigError:
        return {}
