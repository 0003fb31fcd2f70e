"""Whether the data of a table were made by an embedded corpus: told by the data, not by what the table claims."""

from __future__ import annotations

from pathlib import Path

from masr.io.layout import PROVENANCE
from masr.synth.build import MARKER
from masr.tables import placeholders as text_of
from masr.tables.names import FOLDERS
from masr.tables.plan import Plan
from masr.tables.state import read_record


def is_embedded(plan: Plan) -> bool | None:
    """True where any input was prepared from an embedded corpus, False where all were from others, else None.

    Inputs that were made of data directories do not say it themselves, so that the recipe's data directories count too.
    """
    places = {name: str(plan.folders.of(name)) for name in FOLDERS}
    paths = {Path(text_of.place_folders(word, places)) for task in plan.tasks for word in task.inputs}
    paths.update(path.parent for path in plan.folders.data.glob(f"*/{PROVENANCE}"))
    sources = [read_record(path / PROVENANCE).get("source") for path in sorted(paths)]
    found = [Path(str(source)) for source in sources if source]
    known = [(path / MARKER).exists() for path in found if path.exists()]
    if any(known):
        return True
    return False if known else None
