"""Builds the site of the documentation: README, docs, results, every verb's help, the API and a gallery.

usage: make docs, or python -m docs_site [--out DIR]

What is gathered lies in OUT/source, the site in OUT/site. Its pages open from disk; the search wants a server, such as
`python -m http.server -d build/docs/site`. A link that leads nowhere, within the repository or on the site, ends it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from docs_site import gallery, verbs
from docs_site.pages import ROOT, BrokenLinkError, Site, navigation

HERE = Path(__file__).parent


def gather(source: Path) -> Site:
    """Every page and file of the site under `source`, from nothing."""
    shutil.rmtree(source, ignore_errors=True)
    site = Site(source)
    site.gather()
    site.write("verbs.md", verbs.page())
    site.write("api.md", (HERE / "api.md").read_text(encoding="utf-8"))
    site.write("gallery.md", gallery.page(ROOT, source))
    shutil.copyfile(HERE / "site.css", source / "site.css")
    return site


def settings(site: Site, out: Path) -> dict[str, Any]:
    """The configuration of mkdocs: mkdocs.yml with the folders and the menu."""
    found: dict[str, Any] = yaml.safe_load((HERE / "mkdocs.yml").read_text(encoding="utf-8"))
    found |= {"docs_dir": str(site.source), "site_dir": str(out), "nav": navigation(site.places)}
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Builds it; 0 where every link holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="default: build/docs")
    out = parser.parse_args(words).out.resolve()
    try:
        site = gather(out / "source")
    except BrokenLinkError as error:
        print(f"docs: {error}\n  fix: mend the link, or the file that it names", file=sys.stderr)
        return 1
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort

    file = out / "mkdocs.yml"
    file.write_text(yaml.safe_dump(settings(site, out / "site"), sort_keys=False), encoding="utf-8")
    try:
        build(load_config(str(file)))
    except Abort as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    print(f"docs: {len(list((out / 'site').rglob('*.html')))} pages; the first is {out / 'site' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
