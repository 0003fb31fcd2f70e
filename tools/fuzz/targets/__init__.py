"""Every reader of masr, by the name that `make fuzz TARGET=` takes."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets import analyses, archives, audio, corpora, figures, models, settings, tables, texts

TARGETS: dict[str, Target] = {
    target.name: target
    for room in (settings, tables, texts, archives, corpora, audio, models, figures, analyses)
    for target in room.TARGETS
}
