"""The register of numbers that a verdict leans on, and scenarios with one of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, TypeAdapter

from scenarios.errors import ConfigError
from scenarios.paths import with_values
from scenarios.results import Assumption
from scenarios.schema.assumptions import register
from scenarios.schema.base import Assumed
from scenarios.schema.scenario import Scenario
from scenarios.suggest import nearest
from scenarios.uncertain import holds, nearer, range_of

STATE_DEPENDENCE = "population.state_dependence"

STEPPED = ("effects", "fatigue", "margins")
"""Groups of numbers that are redrawn and stepped, besides those of :mod:`scenarios.uncertain`."""


def assumptions(scenario: Scenario) -> tuple[Assumption, ...]:
    """Numbers that a verdict can lean on, in the scenario's order."""
    return tuple(
        Assumption(a.path, a.value, a.source, a.sd, a.note or "")
        for a in register(scenario)
        if a.path == STATE_DEPENDENCE
        or range_of(a.path) is not None
        or (any(part in STEPPED for part in a.path.split(".")) and not a.path.endswith(".tier.step"))
    )


def limits(path: str) -> tuple[float, float]:
    """Between which values a number can be stepped."""
    known = range_of(path)
    if known is not None:
        return known.low, known.high
    last = path.rsplit(".", 1)[-1]
    if ".response." in path or last in (
        "reduction",
        "probability",
        "sticks",
        "cannibalises",
        "decay",
        "ends",
        "loses_trust",
        "recovers",
        "churn_without",
        "gross_margin_rate",
        "state_dependence",
    ):
        return 0.0, 1.0
    if last == "shift" or ".tilt." in path:
        return -np.inf, np.inf
    return (-1.0, np.inf) if last == "lift" else (0.0, np.inf)


def changed(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """The scenario with these values, by dotted path.  The probabilities of one offer's response move in proportion.

    Numbers in place of numbers are not validated again: they are stepped and drawn by the thousand.
    """
    for path, value in values.items():
        parts = path.split(".")
        if path == STATE_DEPENDENCE:
            assumed = scenario.population.kappa.model_copy(update={"value": float(value)})
            population = scenario.population.model_copy(update={"state_dependence": assumed})
            scenario = scenario.model_copy(update={"population": population})
            continue
        if not isinstance(value, int | float) or _unset(scenario, parts):
            scenario = _read_anew(scenario, parts[0], path, value)
            continue
        if parts[2:4] == ["effects", "response"] and "curve" not in parts:
            scenario = _scaled_response(scenario, parts, value)
            continue
        scenario = _set(scenario, tuple(parts), value, path)
    return scenario


def _unset(model: Any, parts: list[str]) -> bool:
    """Whether the path ends at a field that the scenario leaves out."""
    for part in parts[:-1]:
        model = model.get(part) if isinstance(model, dict) else getattr(model, part, None)
    return isinstance(model, BaseModel) and parts[-1] in type(model).model_fields and getattr(model, parts[-1]) is None


def _read_anew(scenario: Scenario, section: str, path: str, value: Any) -> Scenario:
    """The scenario with one section read again: lists, names and what was left out become what the schema makes of them."""
    now = scenario.model_dump(include={section}, exclude_unset=True)
    data, _ = with_values(now, {path: value})
    of: Any = type(scenario).model_fields[section].annotation
    return scenario.model_copy(update={section: TypeAdapter(of).validate_python(data[section])})


def _scaled_response(scenario: Scenario, parts: list[str], value: float) -> Any:
    """One probability of a response set, the others of the same offer moved in proportion."""
    response = scenario.offers[parts[1]].effects.response
    today = response.base if parts[-1] == "base" else response.by_segment[parts[-1]]
    ratio = value / today if today else 1.0
    update = {
        "base": None if response.base is None else min(response.base * ratio, 1.0),
        "by_segment": {s: min(p * ratio, 1.0) for s, p in response.by_segment.items()},
    }
    return _set(
        scenario, ("offers", parts[1], "effects", "response"), response.model_copy(update=update), ".".join(parts)
    )


def redrawn(scenario: Scenario, rng: np.random.Generator) -> dict[str, float]:
    """Uncertain numbers, drawn anew from a normal with their sd, cut at what is possible.

    A draw that does not fit the rest of the scenario is halved towards today's value until it does.
    """
    values: dict[str, float] = {}
    for a in assumptions(scenario):
        if a.sd:
            low, high = limits(a.path)
            drawn = float(np.clip(rng.normal(a.value, a.sd), low, high))
            tried = (v for v in nearer(a.value, drawn) if holds(changed(scenario, {**values, a.path: v})))
            values[a.path] = next(tried, a.value)
    return values


def _set(model: Any, parts: tuple[str, ...], value: Any, path: str) -> Any:
    head, rest = parts[0], parts[1:]
    if isinstance(model, BaseModel):
        if head not in type(model).model_fields or getattr(model, head) is None:
            raise ConfigError([f"{path}: no {head!r} here{nearest(head, type(model).model_fields)}"])
        now = getattr(model, head)
        if not rest and isinstance(now, Assumed) and not isinstance(value, dict | Assumed):
            value = now.model_copy(update={"value": float(value)})
        return model.model_copy(update={head: _set(now, rest, value, path) if rest else value})
    if isinstance(model, dict):
        if head not in model:
            raise ConfigError([f"{path}: no {head!r} here{nearest(head, model)}"])
        return {**model, head: _set(model[head], rest, value, path) if rest else value}
    raise ConfigError([f"{path}: nothing below {head!r}"])
