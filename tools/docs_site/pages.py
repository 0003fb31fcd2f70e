"""The pages of the site: README, docs/, RESULTS.md of the recipes and what is made of the code, with links that hold.

A link to a page becomes a link to where that page lies on the site; one to any other file of the repository becomes one
to a copy of it under files/. One that leads nowhere ends the build.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
HOME = "index.md"
_LINK = re.compile(r"(!?\[[^\]\n]*(?:\[[^\]\n]*\][^\]\n]*)*\])\(([^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```|^(?: {4}|\t).*?$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)


class BrokenLinkError(Exception):
    """A page links to what is not there."""


@dataclass
class Site:
    """What the site is made of, and where it is gathered."""

    source: Path
    places: dict[str, str] = field(default_factory=dict)
    """Path of a page in the repository -> its path on the site."""

    def gather(self) -> None:
        """Writes every page of the repository, with its links as the site has them."""
        self.places = places()
        for name, place in self.places.items():
            self.write(place, self.linked((ROOT / name).read_text(encoding="utf-8"), name))

    def write(self, place: str, text: str) -> None:
        """A page of the site."""
        path = self.source / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def linked(self, text: str, name: str) -> str:
        """The text of a page of the repository with links as the site has them; what is code stays as it is."""
        parts = _CODE.split(text)
        for n in range(0, len(parts), 2):
            parts[n] = _LINK.sub(lambda found: f"{found[1]}({self._target(found[2], name)})", parts[n])
        return "".join(parts)

    def _target(self, link: str, name: str) -> str:
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        path, _, anchor = link.partition("#")
        wanted = (ROOT / name).parent / path
        if not wanted.exists():
            raise BrokenLinkError(f"{name}: {link} leads nowhere")
        found = wanted.resolve().relative_to(ROOT).as_posix()
        if found not in self.places and (ROOT / found).is_dir():
            found = next((page for page in (f"{found}/README.md", f"{found}/index.md") if page in self.places), found)
        place = self.places.get(found) or self._copied(found)
        here = PurePosixPath(self.places[name]).parent
        up = len(here.parts)
        return "../" * up + place + (f"#{anchor}" if anchor else "")

    def _copied(self, name: str) -> str:
        """A file of the repository beside the pages; a folder is told by its list of files."""
        place = f"files/{name}"
        out = self.source / place
        if (ROOT / name).is_dir():
            listed = sorted(path.name for path in (ROOT / name).iterdir() if not path.name.startswith((".", "_")))
            self.write(f"{place}.txt", "\n".join(listed) + "\n")
            return f"{place}.txt"
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, out)
        return place


def places() -> dict[str, str]:
    """Every page of the repository -> its path on the site."""
    found = {"README.md": HOME}
    found |= {name: name.lower() for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")}
    found |= {f"docs/{path.name}": path.name for path in (ROOT / "docs").glob("*.md")}
    found |= {
        f"docs/decisions/{path.name}": f"decisions/{path.name}" for path in (ROOT / "docs/decisions").glob("*.md")
    }
    for recipe in sorted((ROOT / "egs").iterdir()):
        for name, place in (("README.md", "recipe"), ("RESULTS.md", "results")):
            if (recipe / name).exists():
                found[f"egs/{recipe.name}/{name}"] = f"{recipe.name}/{place}.md"
    return found


def navigation(found: Mapping[str, str]) -> list[dict[str, list[str | dict[str, str]]]]:
    """The menu: where to begin, what the papers are about, how it is run, figures, and what stands behind."""
    groups: dict[str, list[str | dict[str, str]]] = {
        "Start": [{"masr": HOME}, "own_speech.md", "python.md", "coming_from.md", "gallery.md"],
        "Papers": ["masr.md", "ask2mask.md", "abx.md", "similarity.md", "mutual_information.md"],
        "Work": [
            *sorted(place for place in found.values() if place.endswith("/recipe.md")),
            "corpora.md",
            "lid.md",
            "asr.md",
            "probes.md",
            "superb.md",
            "tables.md",
            "report.md",
            "healthy.md",
            "cluster.md",
            "scale.md",
            "performance.md",
        ],
        "Results": ["evidence.md", *sorted(place for place in found.values() if place.endswith("/results.md"))],
        "Reference": ["verbs.md", "api.md", "adding.md"],
    }
    listed = [one for group in groups.values() for one in group]
    named = {place for one in listed for place in ([one] if isinstance(one, str) else one.values())}
    rest = sorted(place for place in found.values() if place not in named)
    groups["House"] = [place for place in rest if not place.startswith("decisions/")]
    groups["Decisions"] = [place for place in rest if place.startswith("decisions/")]
    return [{name: pages} for name, pages in groups.items()]
