"""The register of assumptions: every number that says where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from scenarios.schema.base import Assumed, walk
from scenarios.schema.dynamics import Competition
from scenarios.schema.scenario import Scenario

_NOT_NUMBERS = ("source", "sd", "note")


@dataclass(frozen=True)
class Assumption:
    """A number, by dotted path, with its source; ``sd`` only where the scenario gives one."""

    path: str
    value: float
    source: str
    sd: float | None = None
    note: str | None = None


def register(scenario: Scenario) -> tuple[Assumption, ...]:
    """All sourced numbers in the scenario's order.  ``--set PATH=VALUE`` accepts each path.

    A group's ``sd`` and ``note`` belong to the first number that is given.
    """
    found: list[Assumption] = []
    for path, model in walk(scenario):
        source = getattr(model, "source", None)
        if source is None or (isinstance(model, Competition) and model.share is None):
            continue  # without a share, its numbers stand for nothing
        numbers = list(_numbers(model))
        given = [i for i, (below, _) in enumerate(numbers) if below and below[0] in model.model_fields_set]
        first = given[0] if given else 0
        for i, (below, value) in enumerate(numbers):
            whole = path if isinstance(model, Assumed) else (*path, *below)
            sd, note = (getattr(model, "sd", None), getattr(model, "note", None)) if i == first else (None, None)
            found.append(Assumption(".".join(str(part) for part in whole), value, source, sd, note))
    kappa = scenario.population.kappa
    if scenario.population.state_dependence is None:
        found.append(Assumption("population.state_dependence", kappa.value, kappa.source, kappa.sd, kappa.note))
    return tuple(found)


def _numbers(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """The numbers within a model and its tables, but not those of models with a source of their own."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield path, float(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*path, str(key)))
    elif isinstance(value, BaseModel) and (not path or getattr(value, "source", None) is None):
        for name in type(value).model_fields:
            if name not in _NOT_NUMBERS:
                yield from _numbers(getattr(value, name), (*path, name))
