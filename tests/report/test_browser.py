"""The page in a real browser, such as Debian's chromium-headless-shell. Skipped, with a message, where none is."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.io.figure import Confusion
from masr.io.figure_file import write_figure
from masr.report.contents import contents_of
from masr.report.gather import gather
from masr.report.page import render

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no browser: install Debian's chromium-headless-shell to look at the page in one"
)

HARNESS = """<!DOCTYPE html><meta charset="utf-8"><title>waiting</title>
<iframe id="page" width="{width}" height="700" srcdoc="{page}"></iframe>
<pre id="found"></pre>
<script>
const frame = document.getElementById("page");
frame.addEventListener("load", () => {{
  const inside = frame.contentDocument, view = frame.contentWindow;
  const press = (svg, key) => svg.dispatchEvent(new view.KeyboardEvent("keydown", {{ key, bubbles: true }}));
  const said = (kind, key) => {{
    const svg = inside.querySelector(`${{kind === "lines" ? "#training " : ""}}figure svg[data-plot=${{kind}}]`);
    if (!svg) return "";
    svg.focus();
    press(svg, key);
    press(svg, key);
    return svg.closest("figure").querySelector(".readout").textContent;
  }};
  const point = () => {{
    const svg = inside.querySelector("#training figure svg[data-plot=lines]");
    const box = svg.getBoundingClientRect();
    svg.dispatchEvent(new view.PointerEvent("pointermove", {{ clientX: box.right - 1, clientY: box.top + 60 }}));
    return svg.closest("figure").querySelector(".readout").textContent;
  }};
  const texts = [...inside.querySelectorAll("svg text.tick")];
  const narrowest = Math.min(...texts.map((t) => t.getBoundingClientRect().height));
  const found = {{
    width: inside.documentElement.clientWidth,
    scroll: inside.documentElement.scrollWidth,
    body: inside.body.scrollWidth,
    broken: window.broken ?? null,
    scripts: inside.scripts.length,
    drawings: inside.querySelectorAll("svg").length,
    colour: view.getComputedStyle(inside.querySelector(".line")).stroke,
    smallest: narrowest,
    pointer: point(),
    lines: said("lines", "ArrowLeft"),
    items: said("items", "ArrowRight"),
    matrix: said("matrix", "ArrowRight"),
  }};
  document.getElementById("found").textContent = JSON.stringify(found);
}});
</script>
"""


def chromium(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=3000")
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [BROWSER, *flags, profile, *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def complaints(log: str) -> list[str]:
    """What a page wrote to the console; the browser's own words about this machine are not the page's."""
    return [line for line in log.splitlines() if "CONSOLE" in line]


def opened(page: str, folder: Path, width: int, harness: str = HARNESS) -> Any:
    """What a script beside the page sees of it in a window of this width."""
    path = folder / "harness.html"
    path.write_text(harness.format(width=width, page=html.escape(page)), encoding="utf-8")
    done = chromium(path, "--window-size=1700,900", "--dump-dom")
    assert complaints(done.stderr) == []
    shown = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert shown, done.stderr[-2000:]
    assert shown[1], "the page did not load"
    return json.loads(html.unescape(shown[1]))


@pytest.fixture(scope="module")
def one(run_folder: Path) -> str:
    return str(render(contents_of(gather([run_folder]))))


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_opens_without_a_complaint_and_without_scrolling_sideways(
    one: str, width: int, tmp_path: Path
) -> None:
    found = opened(one, tmp_path, width)
    assert width - 20 <= found["width"] <= width
    assert found["scroll"] <= found["width"]
    assert found["body"] <= found["width"]
    assert found["broken"] is None
    assert found["scripts"] == 1
    assert found["drawings"] > 20
    assert found["smallest"] >= 7
    assert found["colour"] == "rgb(0, 114, 178)", "the policy let the style in"


def test_values_are_told_to_pointer_and_keyboard(one: str, tmp_path: Path) -> None:
    found = opened(one, tmp_path, 1200)
    assert re.fullmatch(r"step 240: train [\d.]+ \(at 220\), dev [\d.]+", found["pointer"])
    assert re.fullmatch(r"step 200: train [\d.]+, dev [\d.]+ \(at 160\)", found["lines"])
    assert found["items"]
    assert re.fullmatch(r"recording 0.*, recording 1.*: [\d.]+ %", found["matrix"])


def test_two_runs_fit_a_phone(two_folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = opened(str(render(contents_of(gather(two_folders)))), tmp_path, 360)
    assert found["scroll"] <= found["width"]
    assert found["broken"] is None
    assert "A plain/seed1 train" in found["lines"]


MATRIX_HARNESS = """<!DOCTYPE html><meta charset="utf-8">
<iframe id="page" width="{width}" height="700" srcdoc="{page}"></iframe><pre id="found"></pre><script>
const frame = document.getElementById("page");
frame.addEventListener("load", () => {{
  const inside = frame.contentDocument;
  const found = [...inside.querySelectorAll("#figures svg")].map((svg) => {{
    const texts = [...svg.querySelectorAll("text")].map((t) => t.getBoundingClientRect()).filter((b) => b.height);
    const cells = [...svg.querySelectorAll("rect, image")].map((t) => t.getBoundingClientRect());
    const ends = [...texts, ...cells];
    return {{
      box: svg.parentElement.getBoundingClientRect().right,
      left: Math.min(...ends.map((b) => b.left)),
      right: Math.max(...ends.map((b) => b.right)),
      scrolls: svg.parentElement.scrollWidth > svg.parentElement.clientWidth + 1,
      names: texts.length,
      height: Math.min(...[...svg.querySelectorAll("text.tick")].map((t) => t.getBoundingClientRect().height)
        .filter(Boolean)),
    }};
  }});
  document.getElementById("found").textContent = JSON.stringify(found);
}});
</script>"""


@pytest.mark.parametrize("width", [390, 1200, 1600])
def test_confusions_are_whole_at_every_width_with_names_that_can_be_read(width: int, tmp_path: Path) -> None:
    names = tuple(f"l{n:02d}" for n in range(42))
    few = ("female", "male")
    figures = (Confusion("many", np.eye(42), names, names), Confusion("few", np.eye(2), few, few))
    for figure in figures:
        write_figure(tmp_path / "run" / f"{figure.title}.figure.json", figure)
    page = str(render(contents_of(gather([tmp_path / "run"]))))
    for matrix in opened(page, tmp_path, width, MATRIX_HARNESS):
        assert matrix["left"] >= 0
        assert matrix["right"] <= min(matrix["box"], width), "the scale of colours and its numbers too"
        assert not matrix["scrolls"]
        assert matrix["height"] >= 8
        assert matrix["names"] >= 4


def test_the_page_prints(one: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(one, encoding="utf-8")
    done = chromium(tmp_path / "page.html", f"--print-to-pdf={tmp_path / 'page.pdf'}")
    assert complaints(done.stderr) == []
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page\n") > 3


def test_this_test_would_see_a_complaint(one: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(one.replace("<footer>", "<script>nonsense()</script><footer>"), encoding="utf-8")
    assert any("Content Security Policy" in line for line in complaints(chromium(path, "--dump-dom").stderr))
