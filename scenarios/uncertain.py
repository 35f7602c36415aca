"""Which numbers beyond offers, fatigue and margins are stepped and redrawn, and within what bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase

from scenarios.schema.base import walk
from scenarios.schema.scenario import Scenario


@dataclass(frozen=True)
class Range:
    """What a number can be, and the multiples of today's value to which it is stepped."""

    low: float = 0.0
    high: float = math.inf
    multiples: tuple[float, ...] = (0.0, 2.0)


SHAPE = Range(1e-3, math.inf, (0.5, 2.0))
"""Shapes of a distribution, and whatever else has no meaning at 0."""
SHARE, ANY, AMOUNT = Range(0.0, 1.0), Range(-math.inf, math.inf), Range()

RANGES: dict[str, Range] = {
    "dynamics.attrition.[abs]": SHAPE,
    "dynamics.attrition.beta": SHAPE,
    "dynamics.pantry.share": SHARE,
    "dynamics.pantry.use": Range(1e-3, 1.0, (0.5, 2.0)),
    "dynamics.habituation.memory": SHARE,
    "dynamics.habituation.weight": AMOUNT,
    "dynamics.segments.trust": ANY,
    "dynamics.segments.fatigue": AMOUNT,
    "dynamics.segments.momentum": ANY,
    "dynamics.order_growth.per_order": SHARE,
    "dynamics.order_growth.limit": Range(1.0, math.inf, (0.5, 2.0)),
    "dynamics.breadth.attrition_factor": SHARE,
    "dynamics.trust.response": ANY,
    "dynamics.competition.share": Range(0.02, 0.98, (0.5, 2.0)),
    "dynamics.competition.concentration": SHAPE,
    "dynamics.competition.price": AMOUNT,
    "dynamics.competition.value": AMOUNT,
    "dynamics.competition.trust": AMOUNT,
    "dynamics.competition.categories.*.share": Range(0.02, 0.98, (0.5, 2.0)),
    "dynamics.competition.categories.*.concentration": SHAPE,
    "dynamics.competition.categories.*.price": AMOUNT,
    "dynamics.competition.categories.*.value": AMOUNT,
    "dynamics.competition.categories.*.trust": AMOUNT,
    "dynamics.values.strength": AMOUNT,
    "dynamics.values.concentration": SHAPE,
    "channels.*.opt_out.base": SHARE,
    "channels.*.opt_out.per_contact": SHARE,
    "offers.*.wear_out.weight": AMOUNT,
    "season.by_month.*": AMOUNT,
    "service.contacts_per_order": AMOUNT,
    "service.contacts_per_customer": AMOUNT,
    "service.minutes": SHAPE,
    "service.patience_minutes": SHAPE,
    "acquisition.sources.*.order_rate": AMOUNT,
    "acquisition.sources.*.order_value": AMOUNT,
    "acquisition.sources.*.responsiveness": ANY,
}
"""Path -> range.  What is not here and no effect, fatigue or margin is shown in the register and stays: whole numbers, shares
that sum to 1, visits (nothing depends on them), shocks (drawn anew in every outer draw anyway)."""


def range_of(path: str) -> Range | None:
    """The range of a number by dotted path; None where it is not one of these."""
    return next((found for pattern, found in RANGES.items() if fnmatchcase(path, pattern)), None)


def moves_together(scenario: Scenario, path: str, value: float) -> dict[str, float]:
    """The numbers that are changed when one is stepped: of a season, all months, by their distance from 1."""
    months = scenario.season.by_month if scenario.season is not None else {}
    if not path.startswith("season.by_month.") or not months:
        return {path: value}
    today = float(months[path.rsplit(".", 1)[1]])  # type: ignore[index]
    ratio = (value - 1) / (today - 1)
    return {f"season.by_month.{month}": max(1 + ratio * (factor - 1), 0.0) for month, factor in months.items()}


def stands_for(path: str) -> str:
    """Numbers that are stepped as one have one name."""
    return "season.by_month" if path.startswith("season.by_month.") else path


def holds(scenario: Scenario) -> bool:
    """Whether the scenario's numbers still fit together, each section for itself."""
    return not any(True for _, model in walk(scenario) for _ in model.problems())


def nearer(today: float, wanted: float) -> list[float]:
    """``wanted`` and points ever nearer to today's value, to be tried in this order."""
    return [today + (wanted - today) * part for part in (1.0, 0.5, 0.25, 0.125)]
