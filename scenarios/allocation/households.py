"""Households: customers who share a number of offers, named by a column of the candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.rules_file import at_key
from scenarios.candidates import Candidates, rows_named
from scenarios.schema.allocation import AllocationRules
from solvers.certify import lagrangian
from solvers.problem import Problem

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Households:
    """``of`` (n,) int32 household of each customer, -1 = none (an empty cell); G of them, each with ``most`` offers at most."""

    column: str
    most: int
    of: NDArray[np.int32]
    count: int

    @property
    def name(self) -> str:
        """What a customer who gets nothing because of it is told."""
        return f"per_household: {self.most} offer{'s' if self.most > 1 else ''} for each {self.column}"

    def used(self, layers: tuple[NDArray[np.integer], ...]) -> Ints:
        """(G,) offers of each household under a plan, layers of (n,) arms."""
        offers = sum((layer >= 0).astype(np.int64) for layer in layers)
        inside = self.of >= 0
        return np.bincount(self.of[inside], np.asarray(offers)[inside], self.count).astype(np.int64)

    def full(self, layers: tuple[NDArray[np.integer], ...]) -> NDArray[np.bool_]:
        """(n,) customers whose household has all the offers that it may have."""
        return np.append(self.used(layers) >= self.most, False)[self.of]

    def within(self, problem: Problem) -> Problem:
        """The problem with these households; customers behind the n real ones have none."""
        of = np.full(problem.shape[2], -1, np.int32)
        of[: len(self.of)] = self.of
        return replace(problem, household_of=of, household_room=np.full(self.count, self.most, np.int64))


def households_of(
    data: Candidates, rules: AllocationRules, places: Mapping[str, str], problems: list[str]
) -> Households | None:
    """The households that the rules ask for."""
    asked = rules.per_household
    if asked is None:
        return None
    codes, _ = data.store.encoded(asked.column)
    of, differs = data.by_customer(codes)
    if len(differs):
        where = places.get(at_key("per_household"), "per_household")
        problems.append(
            f"{where}.column: {data.source}: {rows_named(differs)}: {asked.column!r} differs between the rows of one "
            "customer; a customer belongs to one household"
        )
    return Households(asked.column, asked.max_offers, of.astype(np.int32), int(codes.max(initial=-1)) + 1)


@dataclass(frozen=True)
class HouseholdUse:
    """The rule under a plan.

    Attributes:
        households: how many there are; ``full``: how many have all offers that they may have.
        one_more: the most that the objective can gain if every household may have one offer more, at the plan's prices.

    """

    column: str
    max_offers: int
    households: int
    full: int
    one_more: float

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "column": self.column,
            "max_offers": self.max_offers,
            "households": self.households,
            "full": self.full,
            "one_more_brings_at_most": self.one_more,
        }

    def sentence(self) -> str:
        """For readers."""
        text = f"{self.full:,} of {self.households:,} households have all {self.max_offers} offers that they may have"
        text = text.replace("all 1 offers", "the one offer")
        return f"{text}; one more for each would bring {self.one_more:,.2f} at most."


def household_use(
    households: Households, problem: Problem, y: NDArray[np.float64], layers: tuple[NDArray[np.integer], ...]
) -> HouseholdUse:
    """The bound at the same multipliers with one offer more a household is an upper bound on that plan's value."""
    room = problem.household_room
    assert room is not None
    gain = lagrangian(replace(problem, household_room=room + 1), y) - lagrangian(problem, y)
    full = int((households.used(layers) >= households.most).sum())
    return HouseholdUse(households.column, households.most, households.count, full, max(gain, 0.0))
