"""Plain data to a scenario, with every problem at once."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from scenarios.schema.base import Problem, walk
from scenarios.schema.messages import translate
from scenarios.schema.planning import spelt_out
from scenarios.schema.references import Names, check
from scenarios.schema.repair import repaired
from scenarios.schema.scenario import Scenario

_BY_ITEM = ("channels", "offers", "rules", "strategies", "overrides")  # a fault in one item leaves the others readable
_SPOKEN_OF = {"population": "segment", "strategies": "strateg"}  # what sentences call a section, if not by its name


def validate(data: dict[str, Any]) -> tuple[Scenario, list[Problem]]:
    """The scenario and what is wrong with it; with problems, the scenario holds only the sound parts.

    Problems' paths are those of the data with :func:`with_strategies_spelt_out`.
    """
    data = with_strategies_spelt_out(data)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        problems = translate(error, Scenario, data)
        return _sound_parts(data, _locations(error))[0], [*problems, *_certain(data, error)]
    return scenario, _told(scenario, Names(data), {})


def _certain(data: dict[str, Any], error: ValidationError) -> list[Problem]:
    """What is wrong whatever the faulty values should have been."""
    names = Names(data)
    ways, faults = repaired(data, error, Scenario)
    found: list[list[Problem]] = []
    gaps = {
        section
        for item in error.errors(include_url=False)
        if item["type"] == "extra_forbidden"
        for section in get_close_matches(str(item["loc"][0]), Scenario.model_fields, 1)
    }
    for way in ways:
        places: dict[str, list[int]] = {}
        try:
            scenario = Scenario.model_validate(way)
        except ValidationError as rest:
            scenario, places = _sound_parts(way, _locations(rest))
            gaps |= {str(fault[0]) for fault in _locations(rest) if fault}
        found.append(_told(scenario, names, places))
    return [
        problem
        for problem in found[0]
        if all(problem in other for other in found[1:])
        and not any(problem[0][: len(fault)] == fault for fault in faults)
        and not _of_a_gap(problem, gaps)
    ]


def _of_a_gap(problem: Problem, gaps: set[str]) -> bool:
    """Whether it speaks of a section of which something was left out: that may be there once the fault is mended.

    Unknown names are none in any case: names are read from the raw data.
    """
    path, sentence = problem
    words = [_SPOKEN_OF.get(section, section.removesuffix("s")) for section in gaps if path[:1] != (section,)]
    return not sentence.startswith("unknown ") and any(re.search(rf"\b{re.escape(word)}", sentence) for word in words)


def _told(scenario: Scenario, names: Names, places: dict[str, list[int]]) -> list[Problem]:
    """What does not fit together, with paths of the data."""
    problems: list[Problem] = []
    found = [((*path, *below), sentence) for path, model in walk(scenario) for below, sentence in model.problems()]
    for path, sentence in [*found, *check(scenario, names)]:
        if len(path) > 1 and path[0] in places and isinstance(path[1], int):
            path = (path[0], places[str(path[0])][path[1]], *path[2:])
        problems.append((path, sentence))
    return problems


def _locations(error: ValidationError) -> list[tuple[str | int, ...]]:
    return [item["loc"] for item in error.errors()]


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
