from __future__ import annotations

import copy
import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.io.figure import Bars
from masr.io.figure_file import from_json


def shown(recipe: Any, capfd: pytest.CaptureFixture[str], kind: str) -> str:
    capfd.readouterr()
    assert recipe.masr("show", "--format", kind) == 0
    return capfd.readouterr().out


def test_nothing_done_is_shown_as_missing(recipe: Any, capfd: pytest.CaptureFixture[str]) -> None:
    text = shown(recipe, capfd, "text")
    assert "0 of 6 tasks done" in text
    assert re.search(r"System A lang +missing +0 of 3", text)
    assert re.search(r"System A lang +System A by_gender +1-NN \(%\) +0 +missing +- +- +missing", text)
    assert "EMBEDDED" in text


def test_as_far_as_it_is_done(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    text = shown(made, capfd, "text")
    assert "4 of 6 tasks done" in text
    assert re.search(r"System A lang +100\.0 ± 0\.0 +3 of 3 .* done\n", text)
    assert re.search(r"System A by_gender +\d+\.\d (?:\[.*\]|± \d+\.\d) +1 of 3 .* 1 done of 3 tasks\n", text)
    assert re.search(r"\n\nSystem B +100\.0 ± 0\.0", text)
    assert re.search(r" 50\.0 % +\[paper\]", text)
    assert "[digest]  " not in text  # a relative change waits for the claim on its two rows
    assert "The papers' numbers stand beside once the claim is decided." in text
    assert re.search(r"System A lang +System A by_gender +1-NN \(%\) +1 +\+\d+\.\d.* - +- +not tested \(1 seed\)", text)
    assert "not significant" not in text
    assert "holds  " not in text
    assert "95 % over speakers" in text


def test_the_brief_one_has_a_line_for_each_system_and_no_bookkeeping(
    made: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    brief = shown(made, capfd, "brief")
    whole = shown(made, capfd, "text")
    assert "EMBEDDED" in brief
    rows = re.findall(r"^System .*$", brief, re.M)
    assert [re.split(r"  +", row)[0] for row in rows] == ["System A lang", "System A by_gender", "System B"]
    for row in rows:
        name, *scores = re.split(r"  +", row)
        assert re.search(rf"{name} +{re.escape(scores[0])}", whole)
    assert not re.search(r"hours|commit|tasks|[0-9] of [0-9]|Claim|Student", brief)


def test_json_holds_every_figure(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    found = json.loads(shown(made, capfd, "json"))
    rows = {row["name"]: row for row in found["rows"]}
    scores = rows["a.lang"]["cells"]["nn"]["seeds"]
    assert {score["value"] for score in scores.values()} == {100.0}
    assert scores["0"]["count"] == 8
    paper, digest = found["reported"]
    gender = rows["a.gender"]["cells"]["nn"]["mean"]["value"]
    assert paper["difference"] == pytest.approx(gender - 50)
    assert (paper["shown"], digest["shown"]) == (True, False)
    assert (digest["ours"], digest["difference"]) == (None, None)
    assert found["orderings"][0]["verdict"] == "not tested"
    assert found["orderings"][0]["reason"] == "1 seed"
    assert list(found["orderings"][0]).index("gain") < list(found["orderings"][0]).index("verdict")
    assert found["families"] == {"table": 1}
    assert found["tasks"] == {"done": 4, "all": 6}
    assert found["embedded"] is True


def test_where_lower_is_better_the_gain_turns_round(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    gain = json.loads(shown(made, capfd, "json"))["orderings"][0]["gain"]["value"]
    assert gain > 0
    lower = copy.copy(made)
    lower.table = made.table.with_name("lower.yaml")
    lower.write(made.table.read_text().replace("scale: 100", "scale: 100, better: lower"))
    try:
        assert json.loads(shown(lower, capfd, "json"))["orderings"][0]["gain"]["value"] == -gain
    finally:
        lower.table.unlink()


def test_the_first_column_becomes_a_figure_with_its_intervals(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    figure = from_json(shown(made, capfd, "figure"))
    found = json.loads(shown(made, capfd, "json"))
    first = found["columns"][0]["name"]
    means = [row["cells"][first]["mean"] for row in found["rows"] if row["cells"][first]["mean"]]
    assert isinstance(figure, Bars)
    assert figure.title == found["title"]
    assert len(figure.names) == len(means) > 1
    assert figure.series[0].values.tolist() == [mean["value"] for mean in means]
    for drawn, given in ((figure.series[0].low, "low"), (figure.series[0].high, "high")):
        assert drawn is not None
        wanted = [np.nan if mean[given] is None else mean[given] for mean in means]
        np.testing.assert_array_equal(drawn, wanted)
    assert "EMBEDDED" in figure.data
    assert figure.findings == ()


def test_csv_has_a_line_for_every_row_column_and_seed(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    lines = list(csv.DictReader(io.StringIO(shown(made, capfd, "csv"))))
    assert len(lines) == 9
    assert sum(line["value"] != "" for line in lines) == 7
    assert {line["row"] for line in lines} == {"a.lang", "a.gender", "b"}


def test_markdown_tables_have_as_many_cells_in_every_line(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    text = shown(made, capfd, "markdown")
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert r"by\_gender" in text


def test_latex_is_escaped_and_balanced(made: Any, capfd: pytest.CaptureFixture[str]) -> None:
    text = shown(made, capfd, "latex")
    assert r"Rows \& columns of 100 \% made-up\_things" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 3
    assert r"100.0 $\pm$ 0.0" in text
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert not re.search(r"(?<!\\)[%#_]", body)
    for table in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", body, re.DOTALL):
        rows = [line for line in table[1].splitlines() if line.endswith(r"\\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(table[0])}


def test_a_score_that_cannot_be_read_any_more_says_so(
    made: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = copy.copy(made)
    broken.folder = tmp_path / "copy"
    shutil.copytree(made.folder, broken.folder)
    broken.table = broken.folder / "tables" / "small.yaml"
    for path in broken.folder.glob("exp/tables/score/*/scores.json"):
        path.write_text("{}")
    assert "missing (" in shown(broken, capfd, "text")


def test_results_name_the_embedded_corpus_and_do_not_change_by_themselves(
    made: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from masr.cli.main import main

    folders = [f"--{name}={made.folder / name}" for name in ("data", "exp", "conf")]
    assert main(["table", "results", str(made.table.parent), *folders]) == 0
    first = (made.folder / "RESULTS.md").read_text()
    assert main(["table", "results", str(made.table.parent), *folders]) == 0
    assert (made.folder / "RESULTS.md").read_text() == first
    assert "EMBEDDED made-up" in first
    assert "do not edit" in first
    assert "Size one: a single seed" in first
    assert "1 of 2 tasks done" not in first  # both rows of the single seed are done
    assert str(made.folder) not in first


def test_each_size_has_folders_of_its_own_by_its_name(made: Any, tmp_path: Path) -> None:
    """Without that, one call would give the scores of one size's data as those of another."""
    from masr.cli.main import main

    for name in ("data", "exp"):
        (tmp_path / f"{name}_mini").symlink_to(made.folder / name)
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "small.yaml").write_text(made.table.read_text(encoding="utf-8"), encoding="utf-8")
    folders = [f"--data={tmp_path}/data_{{size}}", f"--exp={tmp_path}/exp_{{size}}", f"--conf={made.folder / 'conf'}"]
    assert main(["table", "results", str(tables), *folders]) == 0
    contents = (tmp_path / "RESULTS.md").read_text().split("## Every claim")[0]
    assert "| mini | 4 of 6 |" in contents
    assert "| one | 0 of 2 |" in contents


def test_a_size_of_which_nothing_was_trained_has_no_table(made: Any, tmp_path: Path) -> None:
    from masr.cli.main import main

    tables = tmp_path / "tables"
    tables.mkdir()
    text = made.table.read_text(encoding="utf-8")
    folders = [f"--{name}={made.folder / name}" for name in ("data", "exp", "conf")]
    trivial = text.replace("label: System A", "label: System A, role: trivial".replace(", ", "\n    "))
    trivial = trivial.replace("{name: b,", "{name: b, role: trivial,")
    for table, has_one in ((text, True), (trivial, False)):
        (tables / "small.yaml").write_text(table, encoding="utf-8")
        (tmp_path / "RESULTS.md").unlink(missing_ok=True)
        assert main(["table", "results", str(tables), *folders]) == 0
        assert ("#small-mini" in (tmp_path / "RESULTS.md").read_text()) == has_one


def test_results_begin_with_the_contents_and_what_became_of_every_claim(
    made: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from masr.cli.main import main

    tables = tmp_path / "tables"
    tables.mkdir()
    small = made.table.read_text(encoding="utf-8")
    (tables / "small.yaml").write_text(small, encoding="utf-8")
    (tables / "third.yaml").write_text(small.replace("Rows &", "Other_rows [not] &"), encoding="utf-8")
    folders = [f"--{name}={made.folder / name}" for name in ("data", "exp", "conf")]
    assert main(["table", "results", str(tables), *folders]) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    top, tables_below = text.split("## Every claim")
    assert (
        r"| [Rows & columns of 100 % made-up\_things](#small-mini) | mini | 4 of 6 | - | - | - | - | - | 1 | - |" in top
    )
    assert r"| [Other\_rows \[not\] & columns of 100 % made-up\_things](#third-mini)" in top
    assert top.count("EMBEDDED") == 1
    claim = r"\| labels of language are told apart better \| \[small, mini\]\(#small-mini\) \| 1-NN \(%\): \+\d+\.\d"
    assert re.search(claim + r" \| not tested 1x \|", tables_below)
    for link in set(re.findall(r"\]\(#([^)]+)\)", text)):
        assert text.count(f'<a id="{link}"></a>') == 1
    assert "Sizes without a link have no score yet." not in text
    assert text.index('id="small-mini"') < text.index('id="small-one"') < text.index('id="third-mini"')


def test_orderings_that_say_the_same_are_one_claim(
    made: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from masr.cli.main import main

    tables = tmp_path / "tables"
    tables.mkdir()
    said = "claim: labels of language are told apart better"
    again = f"  - {{better: b, than: a.gender, columns: [nn], {said}}}\n"
    small = made.table.read_text(encoding="utf-8")
    assert small.count(said) == 1
    (tables / "small.yaml").write_text(small + again, encoding="utf-8")
    folders = [f"--{name}={made.folder / name}" for name in ("data", "exp", "conf")]
    assert main(["table", "results", str(tables), *folders]) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.count("**Claim: labels of language are told apart better**") == 2  # once in each of the two sizes
    claim = r"\| labels of language are told apart better \| \[small, mini\]\(#small-mini\) \| "
    assert re.search(claim + r"1-NN \(%\): \+\S+ to \+\S+ in 2 \| not tested 2x \|", text)
    lines = [line for line in text.split("**Claim:")[1].split("±")[0].splitlines() if line.startswith("| System")]
    assert [line.split(" | ")[0] for line in lines] == ["| System A lang", "| System B"]


def test_results_leave_out_what_is_meant_for_the_real_corpus_where_the_data_are_embedded(
    made: Any, tmp_path: Path
) -> None:
    from masr.cli.main import main
    from masr.io.layout import MARKER

    folder = tmp_path / "recipe"
    shutil.copytree(made.folder, folder)
    table = folder / "tables" / "small.yaml"
    table.write_text(table.read_text(encoding="utf-8").replace("seed, embedded: true", "seed"), encoding="utf-8")
    folders = [f"--{name}={folder / name}" for name in ("data", "exp", "conf")]
    shown = []
    for _ in ("not known", "embedded"):
        assert main(["table", "results", str(table.parent), *folders]) == 0
        shown.append((folder / "RESULTS.md").read_text(encoding="utf-8"))
        (folder / "RESULTS.md").unlink()
        (tmp_path / MARKER).touch()
        (folder / "data" / "train" / "provenance.json").write_text(json.dumps({"source": str(tmp_path)}))
    assert ['id="small-mini"' in text for text in shown] == [True, True]
    assert ['id="small-one"' in text for text in shown] == [True, False]


def test_what_another_machine_ran_stays_on_the_page(
    made: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its list of tables, its claims and its sections: a table without a score here takes nothing away."""
    from masr.cli.main import main

    tables, page = tmp_path / "tables", tmp_path / "RESULTS.md"
    tables.mkdir()
    small = made.table.read_text(encoding="utf-8")
    (tables / "small.yaml").write_text(small, encoding="utf-8")
    here, elsewhere = (
        [f"--data={made.folder / 'data'}", f"--conf={made.folder / 'conf'}", f"--exp={exp}"]
        for exp in (made.folder / "exp", tmp_path / "nothing")
    )
    assert main(["table", "results", str(tables), *here]) == 0
    first = page.read_text()
    (tables / "third.yaml").write_text(small.replace("Rows &", "Other &"), encoding="utf-8")
    assert main(["table", "results", str(tables), *elsewhere]) == 0
    assert "2 tables; 2 stay as they stood" in capfd.readouterr().out
    second = page.read_text()
    assert "third-mini" not in second and "| Other & columns" in second
    assert [line for line in first.splitlines() if line and line not in second.splitlines()] == []
    assert main(["table", "results", str(tables), *here]) == 0
    both = page.read_text()
    assert 'id="third-mini"' in both and "stay" not in capfd.readouterr().out
    page.write_text(both.replace("| mini | 4 of 6 |", "| mini | 1 of 6 |"), encoding="utf-8")
    assert main(["table", "results", str(tables), *here, "--only", "third"]) == 0
    assert re.findall(r"\| mini \| (\d) of 6 \|", page.read_text()) == ["1", "4"]
    assert main(["table", "results", str(tables), *here, "--only", "fird"]) == 2
    assert main(["table", "results", str(tables), *here]) == 0
    (tables / "third.yaml").unlink()
    assert main(["table", "results", str(tables), *elsewhere]) == 0
    assert page.read_text() == first
    old = first.replace(" | undecided |", " |", 1).replace(" ---: | ---: |\n", " ---: |\n", 1)
    old = re.sub(r"^(\| \[.*) \| - ((?:\| [^|]+ ){3}\|)$", r"\1 \2", old, flags=re.MULTILINE)
    page.write_text(old, encoding="utf-8")  # a page of an older version, which counted one verdict less
    assert main(["table", "results", str(tables), *elsewhere]) == 0
    assert page.read_text() == first
    page.write_text(
        first.replace("| holds |", "| came true |"), encoding="utf-8"
    )  # a verdict of which nothing is known
    assert main(["table", "results", str(tables), *elsewhere]) == 0
    assert 'id="small-mini"' not in page.read_text()


def test_results_leave_out_sizes_without_a_score(recipe: Any) -> None:
    from masr.cli.main import main

    folders = [f"--{name}={recipe.folder / name}" for name in ("data", "exp", "conf")]
    recipe.write(recipe.table.read_text(encoding="utf-8").replace("{data}/{split}", "{copy}"))  # which sizes share
    assert recipe.masr("run", 1) == 0
    assert main(["table", "results", str(recipe.table.parent), *folders]) == 0
    text = (recipe.folder / "RESULTS.md").read_text(encoding="utf-8")
    assert "1 of 7" in text and "Sizes without a link have no score yet." in text
    assert main(["table", "results", str(recipe.table.parent), *folders]) == 0
    assert (recipe.folder / "RESULTS.md").read_text(encoding="utf-8") == text
    assert not re.search(r"\]\(#|^## ", text, re.MULTILINE)
