"""The scenario: one what-if question as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from scenarios.schema.base import Model, Name, Problem, Text, Whole, repeats
from scenarios.schema.demand import Season, Shocks, Traffic
from scenarios.schema.dynamics import Dynamics
from scenarios.schema.investment import Acquisition, Capability
from scenarios.schema.offers import Channels, ContactPolicy, Offers
from scenarios.schema.planning import Margins, Planning, Strategy, Time, Uncertainty
from scenarios.schema.population import Population
from scenarios.schema.rules import Rule
from scenarios.schema.service import Service


class Scenario(Model):
    """A resolved scenario: ``extends``, the chosen override and ``--set`` are already in it.

    ``validate`` in :mod:`scenarios.schema.validate` builds one and holds it against itself; constructing the class
    alone checks fields only.
    """

    name: Text
    question: Text | None = None
    answer: Text | None = None
    currency: Text = "USD"
    seed: Whole = Field(default=0, le=2**63 - 1)
    time: Time
    population: Population
    margins: Margins
    channels: Channels = Field(min_length=1)
    offers: Offers = Field(min_length=1)
    contact_policy: ContactPolicy = Field(default_factory=ContactPolicy)
    dynamics: Dynamics | None = None
    rules: tuple[Rule, ...] = ()
    season: Season | None = None
    shocks: Shocks | None = None
    traffic: Traffic | None = None
    service: Service | None = None
    acquisition: Acquisition | None = None
    capabilities: dict[Name, Capability] = Field(default_factory=dict)
    planning: Planning = Field(default_factory=Planning)
    strategies: tuple[Strategy, ...] = Field(min_length=1)
    baseline: Name
    uncertainty: Uncertainty = Field(default_factory=Uncertainty)
    overrides: dict[Name, dict[Text, Any]] = Field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """Names are names of one thing."""
        for name in repeats(tuple(rule.name for rule in self.rules)):
            yield ("rules",), f"{name!r} is the name of two rules"
        for name in repeats(tuple(strategy.name for strategy in self.strategies)):
            yield ("strategies",), f"{name!r} is the name of two strategies"
