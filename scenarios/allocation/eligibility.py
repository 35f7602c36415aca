"""Which offers are open to whom, before any choice; and for each that is closed, which tests closed it.

Tests do not see each other: every test looks at every row, so that the reasons do not depend on an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.contacts import closed_by_caps
from scenarios.candidates import Candidates
from scenarios.errors import DataError
from scenarios.margins import enough_margin
from scenarios.rules import texts
from scenarios.schema.allocation import AllocationRules, Eligibility, Range
from scenarios.suggest import nearest

Bools = NDArray[np.bool_]
Kind = Literal["ineligible", "capped", "unprofitable"]
MOST_TESTS = 30
_YES, _NO = {"true", "1", "yes", "y", "1.0"}, {"false", "0", "no", "n", "0.0", ""}


@dataclass(frozen=True)
class Tests:
    """Tests by name and kind; ``closed`` (K, n) has bit t where test t closes the offer, None if there are none."""

    names: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    closed: NDArray[np.uint32] | None = None
    remarks: tuple[str, ...] = field(default=())


def run_tests(data: Candidates, rules: AllocationRules, places: Mapping[str, str], folder: str) -> Tests:
    """All tests on all candidates.

    Raises:
        DataError: columns that hold something else than what a test needs; every problem.

    """
    names: list[str] = []
    kinds: list[Kind] = []
    closed: NDArray[np.uint32] | None = None
    problems: list[str] = []
    for name, kind, shut in _all(data, rules, places, folder, problems):
        if len(names) == MOST_TESTS:
            problems.append(f"per_customer: expected at most {MOST_TESTS} tests, got more")
            break
        if closed is None:
            closed = np.zeros(data.eligible.shape, dtype=np.uint32)
        closed |= np.where(shut, np.uint32(1 << len(names)), np.uint32(0))
        names.append(name)
        kinds.append(kind)
    if problems:
        raise DataError(problems)
    return Tests(tuple(names), tuple(kinds), closed)


def _all(
    data: Candidates, rules: AllocationRules, places: Mapping[str, str], folder: str, problems: list[str]
) -> Iterator[tuple[str, Kind, Bools]]:
    """(name, kind, (K, n) closed) of every test that is asked for."""
    per = rules.per_customer
    if per.min_margin_rate is not None:
        margin, revenue = (data.measures[data.names.index(name)] for name in ("margin", "revenue"))
        yield "min_margin_rate", "ineligible", ~enough_margin(margin, revenue, per.min_margin_rate)
    if per.min_profit is not None:
        yield "min_profit", "unprofitable", data.measures[0] < per.min_profit
    for test in per.eligible:
        yield test.name, "ineligible", _closed(data, test, places.get(test.name, test.name), problems)
    for channel, column in per.contacts.consent.items():
        where = places.get(f"consent {channel}", f"consent {channel}")
        arms = _of_channel(data, channel, where, problems)
        given = data.spread(_agreed(data, column, problems), False)
        yield f"consent {channel}", "ineligible", arms[:, None] & ~given
    for cap, shut in closed_by_caps(data, per.contacts, places, folder, problems):
        yield cap, "capped", shut


def _of_channel(data: Candidates, channel: str, where: str, problems: list[str]) -> Bools:
    known = [value for _, value in data.arms]
    if channel not in known:
        problems.append(
            f"{where}: no offer goes through {channel!r}{nearest(channel, sorted({k for k in known if k}))}"
        )
    return np.array([value == channel for value in known])


def _closed(data: Candidates, test: Eligibility, where: str, problems: list[str]) -> Bools:
    arms = np.ones(len(data.arms), dtype=bool)
    for label, wanted in test.where.items():
        if label not in data.arm_labels:
            problems.append(f"{where}.where: {label!r} is no label of offers{nearest(label, data.arm_labels)}")
            continue
        keep = texts(wanted)
        known = data.arm_labels[label]
        for value in sorted(keep - {v for v in known if v is not None}):
            hint = nearest(value, [v for v in known if v is not None])
            problems.append(f"{where}.where: no offer has {label} {value!r}{hint}")
        arms &= np.array([value in keep for value in known])
    conditions = test.only or test.never or {}
    keeps = np.ones(data.rows, dtype=bool)
    for column, kept in conditions.items():
        if isinstance(kept, Range):
            number = data.numbers(column)
            low, high = kept.min, kept.max
            keeps &= np.isfinite(number)
            with np.errstate(invalid="ignore"):
                keeps &= (number >= (-np.inf if low is None else low)) & (number <= (np.inf if high is None else high))
        else:
            codes, values = data.labels(column)
            keep = texts(kept)
            for value in sorted(keep - set(values)):
                problems.append(f"{where}: nothing has {column} {value!r}{nearest(value, values)}")
            # The last entry answers for -1, an empty cell.
            keeps &= np.array([value in keep for value in values] + [False])[codes]
    inside = data.spread(keeps, False)
    shut: Bools = arms[:, None] & (~inside if test.only is not None else inside)
    return shut


def _agreed(data: Candidates, column: str, problems: list[str]) -> Bools:
    """(rows,) consent given; an empty cell is no consent."""
    codes, values = data.labels(column)
    low = [value.strip().lower() for value in values]
    for value in (v for v in low if v not in _YES | _NO):
        problems.append(f"{data.source}: column {column!r}: expected true or false, 1 or 0, yes or no, got {value!r}")
    yes = np.array([value in _YES for value in low] + [False])
    agreed: Bools = yes[codes]  # -1 is the last
    return agreed
