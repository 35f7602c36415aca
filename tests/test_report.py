"""What a run shows and stores: console, page, workbook, CSV, JSON, for plausible and for awkward results."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fake_results import awkward_results, bare_results, fake_results, tiny_results
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import DataError
from scenarios.reading import read_results, results_from
from scenarios.report.columns import cash_groups, ranked
from scenarios.report.console import print_results
from scenarios.report.figures import all_figures, bridge
from scenarios.report.formats import NO_VALUE, amount, decimals_for, percent, significant
from scenarios.report.html import render
from scenarios.report.workbook import write_csv, write_workbook
from scenarios.results import Interval, Month, RunResults, plain

KINDS = {"fake": fake_results, "awkward": awkward_results, "bare": bare_results, "tiny": tiny_results}
XLSX = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def results(kind: str) -> RunResults:
    return KINDS[kind]()


@functools.cache
def page_text(kind: str) -> str:
    """The page of these results, made once for all tests."""
    return render(KINDS[kind]())


def printed(results: RunResults, width: int | None = 100) -> str:
    buffer = io.StringIO()
    print_results(results, file=buffer, width=width, folder=Path("runs/grocery"))
    return buffer.getvalue()


# numbers


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234.5, 2, "1,234.50"),
        (-0.0001, 2, "0.00"),
        (None, 2, NO_VALUE),
        (math.nan, 2, NO_VALUE),
        (-math.inf, 0, NO_VALUE),
        (1e16, 0, "1.000e+16"),
    ],
)
def test_amounts(value: float | None, decimals: int, text: str) -> None:
    assert amount(value, decimals) == text


def test_zero_is_shown_as_zero_and_absence_as_no_value() -> None:
    assert (amount(0.0), percent(0.0), significant(0)) == ("0.00", "0.0 %", "0")
    assert (amount(None), percent(None), significant(None)) == (NO_VALUE,) * 3


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14))
def test_an_amount_reads_back_within_its_decimals(value: float) -> None:
    decimals = decimals_for([value])
    assert abs(float(amount(value, decimals).replace(",", "")) - value) <= 0.5 * 10.0**-decimals + 1e-9 * abs(value)


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_significant_keeps_four_digits(value: float) -> None:
    assert float(significant(value).replace(",", "")) == pytest.approx(value, rel=1e-3)


def test_cash_by_month_quarter_or_year_adds_up() -> None:
    months = tuple(Month(m + 1, 10.0 * m, 30.0, sum(10.0 * k - 30.0 for k in range(m + 1))) for m in range(120))
    for length, columns in ((6, 6), (12, 4), (24, 8), (36, 3), (120, 10)):
        groups = cash_groups(months[:length])
        assert len(groups) == columns
        assert sum(net for _, net in groups) == pytest.approx(months[length - 1].cumulative)
    assert cash_groups(months[:12])[0][0] == "months 1-3"
    assert cash_groups(()) == []


def test_the_waterfall_adds_up_to_the_difference_whatever_is_given() -> None:
    results = fake_results()
    winner = results.strategy("optimal")
    assert sum(v for _, v in bridge(results, winner)) == pytest.approx(winner.difference)
    without = replace(winner, bridge={})
    steps = bridge(results, without)
    assert [name for name, _ in steps] == ["margin within the horizon", "value after the horizon"]
    assert sum(v for _, v in steps) == pytest.approx(winner.difference)
    partial = replace(winner, bridge={"contacts": -1.0})
    assert bridge(results, partial)[-1] == ("not split further", pytest.approx(winner.difference + 1.0))
    assert bridge(results, results.strategy("current_plan")) == []


# console


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_asked(results: RunResults, width: int) -> None:
    from rich.cells import cell_len

    lines = printed(results, width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert not any(line.endswith(" ") for line in lines)


def test_verdict_comes_first_and_every_strategy_is_named() -> None:
    text = printed(fake_results(), 160)
    assert text.startswith("optimal earns 4.40 USD more per customer than current_plan")
    for s in fake_results().strategies:
        assert text.count(s.name) >= 3
    assert "optimal (best)" in text
    assert "current_plan (base)" in text


def test_the_two_intervals_look_different() -> None:
    text = printed(fake_results(), 160)
    assert "+2.78 to +6.38" in text
    assert "+/- 0.18" in text
    assert "decide on this one" in text
    assert "decide on this one" not in printed(bare_results(), 160), "no draws, no interval to decide on"


def test_absent_numbers_are_said_to_be_absent() -> None:
    row = next(line for line in printed(fake_results(), 160).splitlines() if line.startswith("none ") and "%" in line)
    assert "-1.20" in row
    spent = [
        line for line in printed(fake_results(), 160).splitlines() if line.startswith("none ") and NO_VALUE in line
    ]
    assert len(spent) == 1, "ROI without spend"
    assert "no budget" in printed(bare_results())
    assert "no spend" in printed(fake_results())
    assert "nan" not in printed(awkward_results()).lower().replace("unan", "")


def test_default_output_is_about_one_and_a_half_screens() -> None:
    assert len(printed(fake_results(), 100).splitlines()) <= 84


def test_without_a_terminal_there_is_no_colour_and_no_control_character() -> None:
    text = printed(awkward_results())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert "[bold red]markup[/]" in text, "names are not markup"


def test_a_terminal_that_knows_ascii_only_still_gets_its_text() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_results(awkward_results(), file=stream, width=100)
    stream.flush()
    assert b"?n?c?d?" in raw.getvalue()


# page


class Page(HTMLParser):
    """Elements, attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append((self.tags[-1][1], data))
        elif self._inside != "style":
            self.words.append(data)


def test_the_page_names_every_strategy_and_draws_every_figure() -> None:
    results = fake_results()
    page = Page(page_text("fake"))
    words = "".join(page.words)
    for s in results.strategies:
        assert s.name in words
    drawn = {attributes["data-chart"] for _, attributes in page.tags if "data-chart" in attributes}
    specs = json.loads(next(text for attributes, text in page.scripts if attributes.get("id") == "specs"))
    assert drawn == set(specs) == {
        "differences", "time", "mix", "mix_base", "waterfall", "budget", "marginal", "tornado", "kappa", "planned",
        "cash", "lorenz", "split",
    }  # fmt: skip
    assert results.verdict in words
    assert "± 0.18" in words
    assert "+2.78 to +6.38" in words


def test_the_page_needs_no_network(kind: str) -> None:
    """Every address in it is a name (XML namespaces, Vega's schemas) or unused text of Vega's own code."""
    text = page_text(kind)
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        for name in ("src", "href", "action", "data"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in str(policy)
    hosts = set(re.findall(r"https?://([\w.]+)/", text)) - {"evil.example"}
    assert hosts <= {"vega.github.io", "www.w3.org", "github.com"}


def test_the_page_escapes_what_users_named() -> None:
    page = Page(page_text("awkward"))
    assert all(tag != "img" for tag, _ in page.tags)
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 3, "specifications, Vega, and the loop over charts"
    words = "".join(page.words)
    for name in ("<script>alert('x')</script>", "<img src=x onerror=alert(1)> & co", "{{ jinja }} ${x}", "<b>rule</b>"):
        assert name in words
    raw = page_text("awkward")
    assert "<script>alert" not in raw
    assert "onerror=alert(1)>" not in raw
    specs = raw.split('id="specs">', 1)[1].split("</script>", 1)[0]
    assert specs.endswith("}")
    assert not set("<>&") & set(specs), "nothing in the data can end its element"


def test_vega_is_there_once_and_not_at_all_without_charts() -> None:
    text = page_text("fake")
    assert text.count("window.vegaEmbed=") == 1
    only = bare_results()
    nothing = replace(only, strategies=(replace(only.strategies[0], planned=math.nan),))
    assert len(render(nothing)) < 60_000


def test_specifications_hold_no_infinities_and_stay_small(kind: str) -> None:
    page = Page(page_text(kind))
    for attributes, text in page.scripts:
        if attributes.get("id") == "specs":
            json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
            assert len(text) < 1_500_000


def test_specifications_are_vega_lite() -> None:
    """Checked here against Vega-Lite's schema, which is not done again for every page."""
    import altair as alt

    for figure in all_figures(fake_results()):
        if figure.spec is not None:
            bare = {**figure.spec, "datasets": {name: rows[:3] for name, rows in figure.spec["datasets"].items()}}
            kind = alt.LayerChart if "layer" in bare else alt.Chart
            kind.from_dict(bare)


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1200])
def test_a_browser_draws_every_chart_without_errors(kind: str, tmp_path: Path, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert browser, "needs chromium: apt-get install chromium"
    file = tmp_path / "report.html"
    file.write_text(page_text(kind), encoding="utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000",
        f"--window-size={width},2000", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    page = Page(done.stdout)
    places = sum("data-chart" in attributes for _, attributes in page.tags)
    drawn = sum(tag == "svg" and attributes.get("class") == "marks" for tag, attributes in page.tags)
    assert drawn == places > 0
    assert "could not be drawn" not in done.stdout.split("<script")[0]
    assert "alert" not in [tag for tag, _ in page.tags]


# workbook and CSV


def cells_of(content: bytes) -> dict[str, dict[str, tuple[str, str]]]:
    """Sheet -> cell -> (type, text); a formula has type ``f``."""
    book = zipfile.ZipFile(io.BytesIO(content))
    root = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    strings = ["".join(t.text or "" for t in si.iter(f"{{{XLSX['m']}}}t")) for si in root.findall("m:si", XLSX)]
    names = [
        s.attrib["name"] for s in ElementTree.fromstring(book.read("xl/workbook.xml")).find("m:sheets", XLSX) or []
    ]
    sheets = {}
    for i, name in enumerate(names, 1):
        sheet = {}
        for c in ElementTree.fromstring(book.read(f"xl/worksheets/sheet{i}.xml")).iter(f"{{{XLSX['m']}}}c"):
            value = c.find("m:v", XLSX)
            if c.find("m:f", XLSX) is not None:
                sheet[c.attrib["r"]] = ("f", "")
            elif value is not None and value.text is not None:
                kind = c.attrib.get("t", "n")
                sheet[c.attrib["r"]] = (kind, strings[int(value.text)] if kind == "s" else value.text)
        sheets[name] = sheet
    return sheets


def test_the_workbook_holds_every_sheet_and_numbers_are_numbers() -> None:
    results = fake_results()
    sheets = cells_of(write_workbook(results))
    assert list(sheets) == [
        "summary", "strategies", "cash by month", "contacts", "rules", "assumptions", "drivers", "series",
        "budget curve", "split of the budget", "concentration", "returns and losses", "segments as seen", "provenance",
    ]  # fmt: skip
    table = sheets["strategies"]
    head = {text: re.sub(r"\d", "", cell) for cell, (_, text) in table.items() if cell.endswith("4")}
    assert table["A5"] == ("s", "optimal")
    best = results.strategy("optimal")
    for words, value in (
        ("CLV per customer", best.clv_per_customer),
        ("decision interval (95%), low", best.difference_ci.low),
        ("noise of this run (95%), high", best.simulation_ci.high),
        ("spend", best.spend),
        ("P(best)", best.p_best),
    ):
        kind, text = table[f"{head[words]}5"]
        assert kind == "n"
        assert float(text) == pytest.approx(value)
    assert table[f"{head['ROI']}12"] == ("s", NO_VALUE), "the strategy none spends nothing"


def test_no_text_becomes_a_formula_or_a_link(results: RunResults) -> None:
    content = write_workbook(results)
    assert all(kind in ("n", "s") for sheet in cells_of(content).values() for kind, _ in sheet.values())
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert not any(word in name.lower() for name in names for word in ("hyperlink", "external"))
    if results.scenario.startswith("<img"):
        texts = {text for _, text in cells_of(content)["strategies"].values()}
        assert {'=HYPERLINK("http://evil.example","click")', "+plus", "-minus", "@at"} <= texts
        assert 'quotePrefix="1"' in zipfile.ZipFile(io.BytesIO(content)).read("xl/styles.xml").decode()


def test_the_same_results_give_the_same_workbook() -> None:
    assert write_workbook(fake_results()) == write_workbook(fake_results())


def test_csv_quotes_what_could_be_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(write_csv(awkward_results()))))
    names = [row[0] for row in rows[1:]]
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in names)
    assert "'+plus" in names
    assert len({len(row) for row in rows}) == 1


def test_csv_has_the_documents_names_and_numbers() -> None:
    results = fake_results()
    rows = {row["strategy"]: row for row in csv.DictReader(io.StringIO(write_csv(results)))}
    best = results.strategy("optimal")
    assert float(rows["optimal"]["difference_ci_low"]) == best.difference_ci.low
    assert float(rows["optimal"]["clv_per_customer"]) == best.clv_per_customer
    assert rows["none"]["roi"] == ""


# the document


def test_round_trip(results: RunResults) -> None:
    document = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    again = results_from(document)
    assert again.to_dict() == results.to_dict()
    assert type(again.strategies[0].difference_ci) is Interval
    if all(math.isfinite(s.clv_per_customer) for s in results.strategies):
        assert again == results
    assert printed(again) == printed(results)


def test_segments_called_low_and_high_are_not_an_interval() -> None:
    results = fake_results()
    series = replace(results.series[0], segments={"low": (1, 2), "high": (3, 4)})
    changed = replace(results, series=(series,))
    assert results_from(changed.to_dict()).series[0].segments == {"low": (1, 2), "high": (3, 4)}


def test_plain_takes_arrays_and_refuses_nothing_finite() -> None:
    import numpy as np

    document = plain({"a": np.array([1.0, np.nan]), "b": np.float64(2), "c": np.int64(3), "d": (math.inf,)})
    assert document == {"a": [1.0, None], "b": 2.0, "c": 3, "d": [None]}


def test_a_document_that_does_not_fit_says_everything_at_once() -> None:
    document = fake_results().to_dict()
    del document["verdict"]
    document["seed"] = "many"
    document["strategies"][2]["spend"] = "much"
    document["extra"] = 1
    with pytest.raises(DataError) as caught:
        results_from(document, "results.json")
    text = "\n".join(caught.value.problems)
    assert "results.json.verdict: expected str, found nothing" in text
    assert "results.json.seed: expected int, got 'many'" in text
    assert "results.json.strategies[2].spend: expected float, got 'much'" in text
    assert "results.json.extra: not known" in text
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("content", [None, "{", "[1]", "null", '{"strategies": 3}'])
def test_no_traceback_for_a_file_that_is_no_result(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(DataError, match="expected"):
        read_results(tmp_path)


def test_ranking_puts_the_unknown_last() -> None:
    order = [s.clv_per_customer for s in ranked(awkward_results())]
    known = [v for v in order if not math.isnan(v)]
    assert known == sorted(known, reverse=True)
    assert math.isnan(order[-1])
