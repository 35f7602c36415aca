"""Plain data to a scenario, with every problem at once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from scenarios.schema.base import Problem, walk
from scenarios.schema.messages import translate
from scenarios.schema.planning import spelt_out
from scenarios.schema.references import Names, check
from scenarios.schema.scenario import Scenario

_BY_ITEM = ("channels", "offers", "rules", "strategies", "overrides")  # a fault in one item leaves the others readable


def validate(data: dict[str, Any]) -> tuple[Scenario, list[Problem]]:
    """The scenario and what is wrong with it; with problems, the scenario holds only the sound parts.

    Problems' paths are those of the data with :func:`with_strategies_spelt_out`.
    """
    data = with_strategies_spelt_out(data)
    problems: list[Problem] = []
    places: dict[str, list[int]] = {}
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        problems += translate(error, Scenario, data)
        scenario, places = _sound_parts(data, [item["loc"] for item in error.errors()])
    found = [((*path, *below), sentence) for path, model in walk(scenario) for below, sentence in model.problems()]
    for path, sentence in [*found, *check(scenario, Names(data))]:
        if len(path) > 1 and path[0] in places and isinstance(path[1], int):
            path = (path[0], places[str(path[0])][path[1]], *path[2:])
        problems.append((path, sentence))
    return scenario, problems


def with_strategies_spelt_out(data: dict[str, Any]) -> dict[str, Any]:
    """The data with every strategy as a mapping with a name, so that each option has one path."""
    strategies = data.get("strategies")
    return {**data, "strategies": [spelt_out(item) for item in strategies]} if isinstance(strategies, list) else data


def _sound_parts(data: dict[str, Any], faults: list[tuple[str | int, ...]]) -> tuple[Scenario, dict[str, list[int]]]:
    """The sections and items that no fault touches, and where the items of lists stood in the data."""
    sections: dict[str, Any] = {}
    places: dict[str, list[int]] = {}
    for name, field in Scenario.model_fields.items():
        inside = [fault for fault in faults if fault and fault[0] == name]
        value = data.get(name)
        empty: Any = () if name in ("rules", "strategies") else {} if name in _BY_ITEM else None
        if name not in data:
            sections[name] = empty if field.is_required() else field.get_default(call_default_factory=True)
            continue
        if inside and name in _BY_ITEM and isinstance(value, dict | list) and all(len(fault) > 1 for fault in inside):
            bad = {fault[1] for fault in inside}
            if isinstance(value, dict):
                value = {key: item for key, item in value.items() if key not in bad}
            else:
                places[name] = [index for index in range(len(value)) if index not in bad]
                value = [value[index] for index in places[name]]
        elif inside:
            sections[name] = empty if field.is_required() else field.get_default(call_default_factory=True)
            continue
        kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        try:
            sections[name] = TypeAdapter(kind).validate_python(value)
        except ValidationError:  # nothing sound is left of a section that may not be empty
            sections[name] = empty
    return Scenario.model_construct(**sections), places
