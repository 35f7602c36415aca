"""What of a rules file can be looked at where parts of it are faulty."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from scenarios.rules import COUNT
from scenarios.schema.allocation import AllocationRule, AllocationRules
from scenarios.schema.base import Problem, walk
from scenarios.schema.messages import path_in_data, translate
from scenarios.yamlfile import KeyPath

# What is wrong whatever a key that could not be read was meant to say.
_CERTAIN = ("expected min <= max", "got both", "leave this out", "a ratio has no units")


def sound_parts(data: dict[str, Any]) -> tuple[AllocationRules, list[Problem]]:
    """The parts that no fault touches, and every fault: those of fields, and of what does not fit together.

    A faulty key is left out, or is 1 where it must be there and a number will do; what cannot do without it goes with it.
    """
    problems: list[Problem] = []
    bad: list[KeyPath] = []
    filled: set[KeyPath] = set()
    kept: dict[KeyPath, list[int]] = {}
    sections: Any = data
    while True:
        try:
            rules = AllocationRules.model_validate(sections)
            break
        except ValidationError as error:
            if not bad:
                problems += translate(error, AllocationRules, data)
            before = len(bad) + len(filled)
            for item in error.errors():
                at = _written(path_in_data(item["loc"], sections), kept)
                lacking = (*at, item["loc"][-1])
                if item["type"] == "missing" and lacking in bad and lacking not in filled:
                    filled.add(lacking)
                    continue
                at = at[:-1] if at in filled else at
                bad += [at] if at not in bad else []
            if len(bad) + len(filled) == before:  # leaving parts out cures nothing: whole sections go
                bad += [(item["loc"][0],) for item in error.errors()]
        kept = {}
        sections = _without(data, (), bad, kept, filled)
    for path, model in walk(rules):
        at = _written(path, kept)
        pruned = bool(path) and isinstance(path[-1], int) and any(fault[: len(at)] == at for fault in bad)
        problems += [
            (_written((*path, *below), kept), sentence)
            for below, sentence in model.problems()
            if not pruned or any(words in sentence for words in _CERTAIN)
        ]
    return rules.model_copy(update={"constraints": tuple(map(_measured, rules.constraints))}), problems


def _measured(rule: AllocationRule) -> AllocationRule:
    """A rule that lost what it sums, as one of counts, so that the rest of it can be looked at."""
    whole = rule.measure is not None or rule.ratio is not None or rule.parity is not None
    return rule if whole else rule.model_copy(update={"measure": COUNT})


def _without(
    value: Any,
    path: KeyPath,
    bad: Sequence[KeyPath],
    kept: dict[KeyPath, list[int]],
    filled: Collection[KeyPath] = (),
) -> Any:
    """A value less its faulty parts, with 1 for those ``filled``.  ``kept``: places of items that stay."""
    if isinstance(value, list):
        kept[path] = [place for place in range(len(value)) if (*path, place) not in bad]
        return [_without(value[place], (*path, place), bad, kept, filled) for place in kept[path]]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, item in value.items():
        at = (*path, key)
        if at in filled:
            out[key] = 1
        elif at not in bad:
            out[key] = _without(item, at, bad, kept, filled)
    return out


def _written(path: KeyPath, kept: Mapping[KeyPath, Sequence[int]]) -> KeyPath:
    """Where a part stands in the file, places in lists counted with the items left out."""
    found: KeyPath = ()
    for part in path:
        places = kept.get(found)
        found = (*found, places[part] if places is not None and isinstance(part, int) else part)
    return found
