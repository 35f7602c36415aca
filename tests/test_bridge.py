"""The bridge from the baseline to a strategy adds up, whatever happened."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import LINES, Ledger
from scenarios.bridge import bridge

CUSTOMERS, PERIODS = 50, 13


def played(seed: int, factor: float) -> Any:
    """A made-up play: its ledger's margin, discounted, is the customers' horizon value."""
    rng = np.random.default_rng(seed)
    lines = rng.integers(0, 10**9, (PERIODS, LINES))
    ledger = Ledger(lines, np.zeros((PERIODS, 3, 1), np.int64), np.zeros((PERIODS, 4, 1), np.int64),
                    np.zeros(1, bool), np.zeros(1, np.int64), np.zeros(1, np.int64),
                    np.zeros((PERIODS, 0), np.int64))  # fmt: skip
    total = float(ledger.margin @ factor ** np.arange(PERIODS))
    return SimpleNamespace(
        ledger=ledger,
        horizon_value=np.full(CUSTOMERS, total / CUSTOMERS),
        terminal_value=rng.normal(50, 10, CUSTOMERS),
        discount_factor=factor,
    )


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.floats(0.5, 1.0))
def test_steps_add_up_to_the_difference(one: int, other: int, factor: float) -> None:
    p, base = played(one, factor), played(other, factor)
    difference = (p.horizon_value + p.terminal_value).mean() - (base.horizon_value + base.terminal_value).mean()
    assert sum(bridge(p, base).values()) == pytest.approx(difference, abs=1e-6)


def test_a_strategy_against_itself_has_no_steps() -> None:
    assert bridge(played(1, 0.99), played(1, 0.99)) == {}


def test_one_contact_more_costs_its_price_discounted() -> None:
    base, p = played(1, 0.9), played(1, 0.9)
    p.ledger.lines[2, 6] += 25_000_000
    assert bridge(p, base) == {"contacts": pytest.approx(-25 * 0.9**2 / CUSTOMERS)}
