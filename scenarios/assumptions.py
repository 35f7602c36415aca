"""The register of numbers that a verdict leans on, and scenarios with one of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from scenarios.errors import ConfigError
from scenarios.results import Assumption
from scenarios.schema.scenario import Scenario
from scenarios.suggest import nearest

EFFECTS = {
    "response": "base",
    "orders": "lift",
    "attrition": "reduction",
    "move": "probability",
    "ownership": "sticks",
}
"""Effect -> its number."""

STATE_DEPENDENCE = "population.state_dependence"


def register(scenario: Scenario) -> tuple[Assumption, ...]:
    """Every sourced number, in the scenario's order."""
    out = []
    for name, offer in scenario.offers.items():
        for effect, number in EFFECTS.items():
            spec = getattr(offer.effects, effect)
            if spec is not None and getattr(spec, number) is not None:
                path = f"offers.{name}.effects.{effect}.{number}"
                out.append(Assumption(path, getattr(spec, number), spec.source, spec.sd, spec.note or ""))
    fatigue = scenario.contact_policy.fatigue
    if fatigue is not None:
        out.append(Assumption("contact_policy.fatigue.weight", fatigue.weight, fatigue.source, fatigue.sd, fatigue.note or ""))
    margins = scenario.margins
    for number in ("gross_margin_rate", "cost_to_serve_per_order"):
        out.append(Assumption(f"margins.{number}", getattr(margins, number), margins.source, None, margins.note or ""))
    kappa = scenario.population.kappa
    out.append(Assumption(STATE_DEPENDENCE, kappa.value, kappa.source, kappa.sd, kappa.note or ""))
    return tuple(out)


def limits(path: str) -> tuple[float, float]:
    """Between which values a number can be stepped."""
    last = path.rsplit(".", 1)[-1]
    if last in ("base", "reduction", "probability", "sticks", "gross_margin_rate", "state_dependence"):
        return 0.0, 1.0
    return (-1.0, np.inf) if last == "lift" else (0.0, np.inf)


def changed(scenario: Scenario, values: Mapping[str, float]) -> Scenario:
    """The scenario with these numbers, by dotted path.  A response's ``by_segment`` moves in proportion to its base."""
    for path, value in values.items():
        parts = path.split(".")
        if path == STATE_DEPENDENCE:
            assumed = scenario.population.kappa.model_copy(update={"value": float(value)})
            population = scenario.population.model_copy(update={"state_dependence": assumed})
            scenario = scenario.model_copy(update={"population": population})
            continue
        if parts[-2:] == ["response", "base"]:
            response = scenario.offers[parts[1]].effects.response
            if response.base and response.by_segment:
                ratio = value / response.base
                scaled = {s: float(min(p * ratio, 1.0)) for s, p in response.by_segment.items()}
                scenario = _set(scenario, (*parts[:-1], "by_segment"), scaled, path)
        scenario = _set(scenario, tuple(parts), value, path)
    return scenario


def redrawn(scenario: Scenario, rng: np.random.Generator) -> dict[str, float]:
    """Uncertain numbers, drawn anew from a normal with their sd, cut at what is possible."""
    values = {}
    for a in register(scenario):
        if a.sd:
            low, high = limits(a.path)
            values[a.path] = float(np.clip(rng.normal(a.value, a.sd), low, high))
    return values


def _set(model: Any, parts: tuple[str, ...], value: Any, path: str) -> Any:
    head, rest = parts[0], parts[1:]
    if isinstance(model, BaseModel):
        if head not in type(model).model_fields or getattr(model, head) is None:
            raise ConfigError([f"{path}: no {head!r} here{nearest(head, type(model).model_fields)}"])
        return model.model_copy(update={head: _set(getattr(model, head), rest, value, path) if rest else value})
    if isinstance(model, dict):
        if head not in model:
            raise ConfigError([f"{path}: no {head!r} here{nearest(head, model)}"])
        return {**model, head: _set(model[head], rest, value, path) if rest else value}
    raise ConfigError([f"{path}: nothing below {head!r}"])
