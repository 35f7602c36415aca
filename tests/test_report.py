"""What a run prints: numbers as people read them, and the console, for plausible and for awkward results."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import pytest
from fake_results import awkward_results, bare_results, fake_results
from hypothesis import given
from hypothesis import strategies as st
from report_cases import KINDS, every_kind, printed

from scenarios.report.columns import cash_groups
from scenarios.report.console import print_results
from scenarios.report.figures import all_figures, bridge
from scenarios.report.formats import NO_VALUE, amount, clean, decimals_for, percent, significant
from scenarios.results import Month


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


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@every_kind
def test_no_line_is_wider_than_asked(kind: str, width: int) -> None:
    results = KINDS[kind]()
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


def test_the_header_of_churn_has_two_lines_also_above_narrow_cells() -> None:
    results = fake_results()
    narrow = replace(results, strategies=tuple(replace(s, churn_rate=0.02) for s in results.strategies))
    stream = io.StringIO()
    print_results(narrow, file=stream, width=100)
    header = re.search(r"^Money in .*\n((?:.*\n)+?)strategy(.*)", stream.getvalue(), flags=re.MULTILINE)
    assert header is not None
    assert header[1].count("yearly") == 1 and header[2].count("churn") == 1


def test_the_two_intervals_look_different() -> None:
    text = printed(fake_results(), 160)
    assert "+2.78 to +6.38" in text
    assert "+/- 0.18" in text
    assert "decide on this one" in text
    bare = printed(bare_results(), 160)
    assert "decide on this one" not in bare and "decision interval" not in bare, "no draws, no interval to decide on"
    assert "simulation interval" in bare and "simulation interval" not in text


def test_the_lead_that_is_watched_is_said_to_be_the_smaller_one() -> None:
    """As ``scenarios.drivers.lead`` takes it: over the best of the rivals."""
    results = fake_results()
    base = clean(results.baseline)
    assert f"The smaller of the winner's leads over {base} and over doing nothing, by state" in " ".join(
        printed(results, 160).split()
    )
    assert all(
        f"the smaller of the winner's leads over {base}" in f.caption.lower()
        for f in all_figures(results)
        if f.key in ("tornado", "kappa")
    )
    keep = replace(results, winner=results.baseline)
    assert "The smallest of the winner's leads over what could overtake it" in " ".join(printed(keep, 160).split())


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
    assert len(printed(fake_results(), 100).splitlines()) <= 86


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


def test_amounts_that_stay_are_told_before_the_verdict():
    results = replace(
        fake_results(), warnings=("population.customers: 9 -> 3, but amounts stay, so that", "another remark")
    )
    text = printed(results)
    assert text.index("amounts stay") < text.index(results.verdict[:20]) < text.index("another remark")
