"""Amounts that are meant for a number of customers, where that number was changed and they were not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from scenarios.paths import Change
from scenarios.schema.population import MADE_UP
from scenarios.schema.rules import Release
from scenarios.schema.scenario import Scenario

CUSTOMERS = "population.customers"
_SUMS = ("value", "cost", "revenue", "margin", "count")
_SHOWN = 4
AMOUNTS_STAY = "but amounts stay"
"""Words of the one remark that is shown before a verdict: it changes what the verdict's money means."""


def unscaled(scenario: Scenario, changes: Sequence[Change]) -> Iterator[str]:
    """A remark if ``population.customers`` was changed, and amounts of rules, channels or acquisition were not."""
    changed = {path: (old, new) for path, old, new in changes}
    old, new = changed.get(CUSTOMERS, (None, None))
    if old is None and scenario.population.synthetic is not None:
        old = MADE_UP
    if not isinstance(old, int | float) or not isinstance(new, int | float) or old == new:
        return
    factor = new / old
    stay = [(path, value) for path, value in _amounts(scenario) if value and path not in changed]
    if stay:
        words = " ".join(f"--set {_quoted(path, value, factor)}" for path, value in stay[:_SHOWN])
        more = f" and {len(stay) - _SHOWN} more" if len(stay) > _SHOWN else ""
        times = f"{_digits(1 / factor, 3)} times as much" if factor < 1 else f"1/{_digits(factor, 3)} of it"
        yield (
            f"{CUSTOMERS}: {old:,} -> {new:,}, {AMOUNTS_STAY}, so that a customer has {times}; "
            f"in proportion: {words}{more}"
        )


def _amounts(scenario: Scenario) -> Iterator[tuple[str, float | tuple[Release, ...]]]:
    """Totals of money, contacts and people by dotted path; a rule's releases are one value, as they are set."""
    for rule in scenario.rules:
        if rule.measure in _SUMS:
            for name, bound in (("min", rule.min), ("max", rule.max)):
                if bound is not None:
                    yield f"rules.{rule.name}.{name}", bound
            if rule.releases:
                yield f"rules.{rule.name}.releases", rule.releases
    for name, channel in scenario.channels.items():
        if channel.capacity_per_period is not None:
            yield f"channels.{name}.capacity_per_period", channel.capacity_per_period
    if scenario.service is not None and scenario.service.agents is not None:
        yield "service.agents", scenario.service.agents
    if scenario.acquisition is not None:
        if scenario.acquisition.budget_per_period is not None:
            yield "acquisition.budget_per_period", scenario.acquisition.budget_per_period
        for name, source in scenario.acquisition.sources.items():
            yield f"acquisition.sources.{name}.capacity_per_period", source.capacity_per_period


def _quoted(path: str, value: float | tuple[Release, ...], factor: float) -> str:
    """``path=value`` in proportion, as a shell takes it."""
    if isinstance(value, tuple):
        items = (f"{{period: {item.period}, amount: {_digits(item.amount * factor, 4)}}}" for item in value)
        text = f"{path}=[{', '.join(items)}]"
    elif path.endswith(("capacity_per_period", "agents")):
        text = f"{path}={max(round(value * factor), 1)}"
    else:
        text = f"{path}={_digits(value * factor, 4)}"
    return f'"{text}"' if " " in text else text


def _digits(value: float, figures: int) -> str:
    """So many significant figures, without an exponent."""
    return f"{Decimal(f'{value:.{figures}g}'):f}"
