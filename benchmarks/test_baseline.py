"""The solver may not get worse than its stored record.  No time is asserted: time against greedy has a factor of 20."""

from __future__ import annotations

import json

import pytest

from benchmarks.baseline import GAP, PATH, measure
from benchmarks.instances import FAMILIES


@pytest.fixture(scope="module")
def now() -> dict[str, dict[str, float]]:
    return measure()


@pytest.mark.parametrize("family", FAMILIES)
def test_not_worse_than_the_record(family: str, now: dict[str, dict[str, float]]) -> None:
    record = json.loads(PATH.read_text())[family]
    assert now[family]["gap"] <= max(GAP, 1.5 * record["gap"])
    assert now[family]["passes"] <= 1.5 * record["passes"] + 10
    assert now[family]["time_over_greedy"] <= 20 * max(record["time_over_greedy"], 1.0)
