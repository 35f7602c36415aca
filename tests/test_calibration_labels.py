"""Segment labels: the kernel against a readable twin, quantiles, rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calibration.labels import NOT_YET, features, label_matrix
from engine.calibration.panel import make_panel, window_totals
from engine.calibration.segment_rules import DEFAULT_WINDOW, Rule, SegmentRules, default_rules, resolve_quantiles
from engine.calibration.transitions import count_exposure, count_moves
from engine.errors import CalibrationError


def panel_from(orders, *, left_truncated=False, periods=12):
    """A panel from a list of (customer, period, amount)."""
    c, p, a = (np.array(x) for x in zip(*orders, strict=True))
    return make_panel(
        c.astype(np.int32), p.astype(np.int32), a.astype(np.float64), periods, left_truncated=left_truncated
    )


def twin(orders, rules, periods, left_truncated):
    """The definition, customer by customer, period by period: what is known at the end of period t - 1."""
    labels = {}
    for customer in sorted({c for c, p, _ in orders if p < periods}):
        mine = [(p, a) for c, p, a in orders if c == customer and p < periods]
        first = min(p for p, _ in mine)
        row = []
        for t in range(periods + 1):
            known = [(p, a) for p, a in mine if p < t]
            if not known:
                row.append(NOT_YET)
                continue
            window = [(p, a) for p, a in known if p >= t - rules.window_periods]
            older = rules.window_periods if left_truncated and first < rules.window_periods else 0
            x = {
                "recency": t - 1 - max(p for p, _ in known),
                "frequency": len(window),
                "value": sum(round(a * 100) for _, a in window) / 100,
                "tenure": t - 1 - first + older,
            }
            for s, rule in enumerate(rules.rules):
                bounds = ((getattr(rule, f"{k}_min"), v, getattr(rule, f"{k}_max")) for k, v in x.items())
                if all((low is None or low <= v) and (high is None or v <= high) for low, v, high in bounds):
                    row.append(s)
                    break
        labels[customer] = row
    return np.array([labels[c] for c in sorted(labels)])


RULES = SegmentRules(
    (
        Rule("new", tenure_max=1),
        Rule("gone", recency_min=5, lapsed=True),
        Rule("rich", value_min=12.5, recency_max=3),
        Rule("often", frequency_min=3, frequency_max=7),
        Rule("once", frequency_max=1, tenure_min=4),
        Rule("rest"),
    ),
    window_periods=3,
)
order = st.tuples(st.integers(0, 5), st.integers(0, 14), st.integers(0, 1000).map(lambda cents: cents / 100))


@settings(max_examples=150, deadline=None)
@given(st.lists(order, min_size=1, max_size=60), st.booleans())
def test_labels_equal_the_twin(orders, left_truncated):
    orders.append((0, 0, 1.0))
    panel = panel_from(orders, left_truncated=left_truncated)
    labels = label_matrix(panel, RULES.bounds(), RULES.window_periods)
    assert np.array_equal(labels, twin(orders, RULES, 12, left_truncated))


@settings(max_examples=50, deadline=None)
@given(st.lists(order, min_size=1, max_size=60))
def test_counts_equal_the_twin(orders):
    orders.append((0, 0, 1.0))
    labels = label_matrix(panel_from(orders), RULES.bounds(), 3)
    moves, time = np.zeros((6, 6), int), np.zeros((len(labels), 6))
    for i, row in enumerate(labels.tolist()):
        for t in range(2, 11):
            if row[t] != NOT_YET:
                moves[row[t], row[t + 1]] += 1
                time[i, row[t]] += 1
    assert np.array_equal(count_moves(labels, 6, 2, 11), moves)
    assert np.array_equal(count_exposure(labels, 6, 2, 11), time)


def test_panel_and_windows_by_hand():
    panel = panel_from([(4, 2, 3.0), (4, 2, 5.0), (9, 0, 1.0), (4, 11, 2.0), (7, 12, 9.0)])
    assert panel.customer.tolist() == [4, 9]  # 7 orders only after the end
    assert panel.first.tolist() == [2, 0] and panel.last.tolist() == [11, 0]
    assert [x.tolist() for x in window_totals(panel, 0, 3)] == [[2, 1], [8, 1]]
    assert panel.by_period(panel.orders).tolist() == [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_no_orders_in_whole_periods():
    with pytest.raises(CalibrationError, match="expected orders within 2 whole periods, got none"):
        panel_from([(0, 5, 1.0)], periods=2)


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.8, 0.95])
def test_quantiles_are_reached_by_at_most_their_share(quantile):
    random = np.random.default_rng(3)
    orders = list(
        zip(
            random.integers(0, 300, 4000).tolist(),
            random.integers(0, 20, 4000).tolist(),
            random.gamma(2.0, 9.0, 4000).tolist(),
            strict=True,
        )
    )
    panel = panel_from(orders, periods=20)
    rules = SegmentRules(
        (Rule("top", frequency_quantile_min=quantile), Rule("dear", value_quantile_min=quantile), Rule("rest")), 5
    )
    resolved = resolve_quantiles(rules, panel, 5)
    frequency, value = features(panel, 5)
    active = frequency[:, 5:] > 0
    for rule, seen in zip(resolved.rules, (frequency, value), strict=False):
        least = rule.frequency_min if rule.name == "top" else rule.value_min
        reached = (seen[:, 5:][active] >= least).mean()
        below = seen[:, 5:][active & (seen[:, 5:] < least)]
        assert reached <= 1 - quantile + 1e-12
        if len(below):  # the next number down is reached by more than the share
            assert (seen[:, 5:][active] >= below.max()).mean() > 1 - quantile
    assert resolve_quantiles(resolved, panel, 5) == resolved


def test_truncated_customers_are_not_new():
    orders = [(0, 1, 1.0), (1, 6, 1.0)]
    rules = SegmentRules((Rule("new", tenure_max=2), Rule("rest")), 3)
    truncated = label_matrix(panel_from(orders, left_truncated=True), rules.bounds(), 3)
    begun = label_matrix(panel_from(orders), rules.bounds(), 3)
    assert truncated[0, 2:5].tolist() == [1, 1, 1] and truncated[1, 7:10].tolist() == [0, 0, 0]
    assert begun[0, 2:5].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("rules", "window", "match"),
    [
        ((), 3, "expected 1 to 64 rules, got 0"),
        ((Rule("a"), Rule("a")), 3, "expected distinct names, got 'a' twice"),
        ((Rule("a", recency_min=3, recency_max=1), Rule("b")), 3, "expected recency_min <= recency_max, got 3 > 1"),
        ((Rule("a", frequency_quantile_min=1.0), Rule("b")), 3, "expected 0 <= q < 1, got 1.0"),
        (
            (Rule("a", value_min=1, value_quantile_min=0.5), Rule("b")),
            3,
            "expected value_min or value_quantile_min, got both",
        ),
        ((Rule("a", tenure_min=1),), 3, "expected a last rule without bounds, got tenure_min"),
        ((Rule("a"),), 0, "window_periods: expected >= 1, got 0"),
    ],
)
def test_impossible_rules(rules, window, match):
    with pytest.raises(CalibrationError, match=match):
        SegmentRules(rules, window)


@pytest.mark.parametrize("period", DEFAULT_WINDOW)
def test_default_rules(period):
    rules = default_rules(period)
    assert rules.names == ("new", "lapsed", "at_risk", "heavy", "regular", "light")
    assert [r.name for r in rules.rules if r.lapsed] == ["lapsed"]
