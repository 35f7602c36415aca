"""Budgets over time: by hand."""

import pytest

from scenarios.pacing import Pace, last_share, windows
from scenarios.schema.planning import Time

WEEKS = Time(period="week", horizon_periods=52, discount_rate_annual=0.1)


def test_windows_of_a_year_of_weeks() -> None:
    epochs = tuple(range(0, 52, 4))
    assert windows("total", WEEKS, epochs) == (0,)
    assert windows("quarter", WEEKS, epochs) == (0, 13, 26, 39)
    assert len(windows("month", WEEKS, epochs)) == 12
    assert windows("epoch", WEEKS, epochs) == epochs


def test_an_epoch_may_use_an_even_part_of_what_is_left() -> None:
    pace = Pace(120.0, (0, 13), (0, 4, 8, 12, 16))
    assert pace.allowed(0) == 30
    pace.use(0, 10)
    assert pace.allowed(4) == pytest.approx(110 / 3)
    pace.use(4, 110 / 3)
    pace.use(8, 0)
    assert pace.allowed(12) == pytest.approx(120 - 10 - 110 / 3)
    assert pace.allowed(16) == 120, "the next window starts afresh; what was left is gone"
    assert pace.total() == 240


def test_never_more_than_the_amount_in_a_window() -> None:
    pace = Pace(100.0, (0,), tuple(range(7)))
    for period in range(7):
        pace.use(period, pace.allowed(period))
    assert sum(pace._used.values()) == pytest.approx(100)


def test_half_a_year_gets_half_of_a_years_amount() -> None:
    half = Time(period="week", horizon_periods=26, discount_rate_annual=0.1)
    epochs = tuple(range(0, 26, 2))
    starts = windows("year", half, epochs)
    pace = Pace(100.0, starts, epochs, last_share("year", half, starts))
    assert pace.total() == pytest.approx(50) and pace.allowed(0) == pytest.approx(50 / 13)
