"""The page of a run: every figure, no network, and nothing that users named becomes markup."""

from __future__ import annotations

import functools
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fake_results import bare_results, fake_results
from report_cases import KINDS, every_kind

from scenarios.budget_results import Ceiling
from scenarios.report import columns
from scenarios.report.figures import all_figures
from scenarios.report.html import render


@functools.cache
def page_text(kind: str) -> str:
    """The page of these results, made once for all tests."""
    return render(KINDS[kind]())


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


@every_kind
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


@every_kind
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
@every_kind
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


def test_every_heading_of_the_page_has_something_under_it() -> None:
    """What a closed list holds is not seen: the winner's returns stand in a table of their own."""
    text = page_text("fake").split("<script")[0]
    for heading in re.findall(r"<h3>.*?(?=<h[23]>|</main>)", text, flags=re.S):
        shown = re.sub(r"<details>.*?</details>", "", heading, flags=re.S)
        assert re.search(r"<table|data-chart|<dl|<p class=.(small|caption)", shown), heading[:100]
    brought = text.split("What offers, channels and categories brought")[1].split("<details>")[0]
    assert "<tbody>" in brought and '<th scope="row">optimal</th>' in brought


def test_sentences_on_planning_ahead_stand_with_time() -> None:
    bound = replace(fake_results(), ceiling=Ceiling(9.0, 180_000.0))
    text = render(bound).split("<script")[0]
    section = text.split('<section id="time">')[1].split("</section>")[0]
    assert "No strategy could bring more than 9.00" in section
    assert text.count("No strategy could bring") == 1


def test_no_word_is_hyphenated_by_hand() -> None:
    """A hyphen put in for a narrow column shows in the middle of a wide one."""
    folder = Path(columns.__file__).parent
    assert [
        f.name for f in folder.glob("*.py") if re.search(r'"[^"]*[a-z]- [a-z]', f.read_text(encoding="utf-8"))
    ] == []
