from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from masr.io.figure import Bars, Series
from masr.report.contents import contents_of
from masr.report.gather import gather
from masr.report.page import render
from masr.report.settings import difference_section

VOID = {"meta", "br", "img", "input", "hr", "link"}
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class Page(HTMLParser):
    """Elements of a page; an end tag that fits none is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        assert len({key for key, _ in attributes}) == len(attributes), (name, attributes)
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += f" {data}"

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for element, attributes in self.elements if element == name]


@pytest.fixture(scope="module")
def one(run_folder: Path) -> str:
    return str(render(contents_of(gather([run_folder])), now=NOW))


@pytest.fixture(scope="module")
def two(two_folders: tuple[Path, Path]) -> str:
    return str(render(contents_of(gather(two_folders)), now=NOW))


def test_the_page_is_whole_and_asks_for_nothing(one: str, two: str) -> None:
    for text in (one, two):
        page = Page(text)
        addresses = [
            v for _, a in page.elements for k, v in a.items() if k in ("src", "href", "srcset", "data", "action")
        ]
        assert all(v and v.startswith(("#", "data:image/png")) for v in addresses)
        assert not re.search(r"@import|url\(", text)
        assert not {"link", "iframe", "object", "embed", "img", "base"} & {name for name, _ in page.elements}
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids))
        assert {f"#{i}" for i in ids} >= {v for v in addresses if v and v.startswith("#")}


def test_no_name_becomes_markup(one: str, two: str) -> None:
    for text in (one, two):
        page = Page(text)
        assert len(page.all("script")) == 1
        assert not any(key.startswith("on") for _, a in page.elements for key in a)
        assert "<script>window.parent.broken=1</script>" in page.text
        assert not page.all("i")


def test_only_our_own_script_and_style_may_run(one: str) -> None:
    page = Page(one)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert not any("style" in a for _, a in page.elements), "a style attribute would be blocked"


def test_every_drawing_has_a_name_and_can_be_reached_by_keyboard(one: str) -> None:
    drawings = [a for a in Page(one).all("svg") if a.get("aria-hidden") != "true"]
    assert len(drawings) > 15
    assert all(a.get("role") == "img" and a.get("aria-label") and a.get("tabindex") == "0" for a in drawings)
    assert all(a.get("aria-label") for a in Page(one).all("section"))
    assert [name for name, _ in Page(one).elements if name in ("h1", "h2")].count("h1") == 1


def test_results_come_before_how_they_came_about(one: str, two: str) -> None:
    names = ["Scores", "Languages", "Figures", "Training", "Configuration", "Environment"]
    assert re.findall(r"<h2>([^<]+)</h2>", one) == names
    assert re.findall(r"<h2>([^<]+)</h2>", two) == [*names[:3], "Differences", *names[3:]]


def test_a_page_opens_with_the_figures_that_it_is_given_and_the_map(two_folders: tuple[Path, Path]) -> None:
    answer = Bars("Does it help?", ("with", "without"), (Series("all", np.array([3.0, 1.0])),), findings=("It does.",))
    page = str(render(contents_of(gather(two_folders), [answer]), NOW))
    assert re.findall(r"<h2>([^<]+)</h2>", page)[:3] == ["Answer", "Scores", "Languages"]
    assert re.findall(r"<h1>([^<]+)</h1>", page) == ["Does it help?"]
    assert "<title>Does it help?</title>" in page[: page.index("</head>")]
    assert page.count("<h2>Languages</h2>") == 1
    assert page.index("It does.") < page.index("<h2>Languages")


def test_many_differences_are_folded(two_folders: tuple[Path, Path]) -> None:
    runs = gather(two_folders)
    assert "<summary>" not in str(difference_section(runs)[-1])
    runs[0].config += "".join(f"extra{n}: {n}\n" for n in range(12))
    assert "<details><summary>13 settings</summary>" in str(difference_section(runs)[-1])


def test_curves_of_train_and_validation_share_a_chart(one: str) -> None:
    loss = one[one.index("<strong>Loss</strong>") :].partition("</figure>")[0]
    assert re.findall(r'data-name="(\w+)"', loss) == ["train", "dev"]
    assert 'stroke-dasharray="7 3"' in loss
    assert 'data-x="80 160 240"' in loss
    distances = one[one.index("language: distances") :].partition("</figure>")[0]
    assert distances.count("data-name=") == 4
    assert "<strong>Gradient norm</strong>" in one
    norm = one[one.index("<strong>Gradient norm</strong>") :].partition("</figure>")[0]
    assert "1e11" in norm
    assert "steps left out: 1." in one


def test_a_comparison_overlays_the_runs(two: str) -> None:
    loss = two[two.index("<strong>Loss</strong>") :].partition("</figure>")[0]
    assert re.findall(r'data-name="([^"]+)"', loss) == [
        "A plain/seed1 train",
        "A plain/seed1 dev",
        "B masr/seed1 train",
        "B masr/seed1 dev",
    ]
    assert re.findall(r'class="line (c\d)"(?: stroke-dasharray="([^"]+)")?', loss) == [
        ("c0", ""),
        ("c0", "7 3"),
        ("c1", ""),
        ("c1", "7 3"),
    ]
    differences = two[two.index("<h2>Differences") : two.index("<h2>Training")]
    assert re.findall(r'<th scope="row">([^<]+)</th>', differences) == ["seed"]
    assert "encoder.dim" not in differences


def test_the_state_of_a_run(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 20, "split": "train", "loss": 1}\n')
    page = str(render(contents_of(gather([tmp_path])), now=NOW))
    assert "step 20, not ended" in page
    assert re.findall(r"<h2>([^<]+)</h2>", page) == ["Training"]
    (tmp_path / "config.yaml").write_text("training: {max_steps: 300}")
    assert "step 20 of 300, not ended" in str(render(contents_of(gather([tmp_path])), now=NOW))
    (tmp_path / "model.safetensors").touch()
    assert "ended at step 20" in str(render(contents_of(gather([tmp_path])), now=NOW))


def test_a_long_training_makes_a_small_page(tmp_path: Path) -> None:
    with (tmp_path / "metrics.jsonl").open("w") as stream:
        for step in range(1, 20_001):
            figures = ", ".join(f'"figure_{k}": {step * k / 7:.6f}' for k in range(12))
            stream.write(f'{{"step": {step}, "split": "train", {figures}}}\n')
    assert len(render(contents_of(gather([tmp_path])))) < 600_000


def test_the_same_folder_gives_the_same_page(run_folder: Path, one: str) -> None:
    assert str(render(contents_of(gather([run_folder])), now=NOW)) == one
