"""The site of the documentation: every page is on it, every link holds, the search knows it, and nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_site import pages
from docs_site.__main__ import gather, main

import masr
from masr.cli.main import VERBS

pytestmark = pytest.mark.slow

pytest.importorskip("mkdocs", reason="the site is an extra")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs")
    assert main(["--out", str(out)]) == 0
    return out / "site"


def test_every_page_of_the_repository_is_on_it(site: Path) -> None:
    there = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {place.replace(".md", ".html") for place in pages.places().values()} <= there
    assert {"api.html", "verbs.html", "gallery.html"} <= there


def test_every_link_and_picture_of_every_page_is_there(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', page.read_text(encoding="utf-8")):
            if page.name != "404.html" and not re.match(r"[a-z]+:", link):
                assert (page.parent / link).exists(), (page.name, link)


def test_a_reader_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'(?:src|<link[^>]+href)="https?:[^"]*"', text), page.name


def test_every_verb_and_the_search_are_there(site: Path) -> None:
    text = (site / "verbs.html").read_text(encoding="utf-8")
    assert all(f"usage: masr {verb}" in text for verb in VERBS)
    assert "masr-analyse-phone-abx" in text
    index = "".join(path.read_text(encoding="utf-8") for path in (site / "search").iterdir())
    assert "Ask2Mask" in index and "masr.load" in index


def test_all_that_python_users_name_is_on_the_page_of_names(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    names = {*masr.__all__} - {"__version__"}
    names |= {f"SpeechModel.{method}" for method in ("encode", "embed", "grid", "identify", "transcribe")}
    assert {name for name in names if f'id="masr.{name}"' not in text} == set()
    assert 'id="masr.SpeechModel.run"' not in text  # of those within, and not for users


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    site = pages.Site(tmp_path)
    site.places = pages.places()
    assert (
        site.linked("`[x](no.md)` and [tables](tables.md#a)", "docs/masr.md")
        == "`[x](no.md)` and [tables](tables.md#a)"
    )
    assert site.linked("[x](../egs/fleurs/RESULTS.md)", "docs/masr.md") == "[x](fleurs/results.md)"
    assert site.linked("[x](../../docs/masr.md)", "egs/debian/README.md") == "[x](../masr.md)"
    with pytest.raises(pages.BrokenLinkError, match=r"docs/masr\.md: no\.md leads nowhere"):
        site.linked("see [x](no.md)", "docs/masr.md")


def test_it_is_gathered_from_nothing_each_time(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("left over", encoding="utf-8")
    gather(tmp_path)
    assert not (tmp_path / "old.md").exists()
    assert (tmp_path / "files" / "kinds" / "curves.png").exists()
