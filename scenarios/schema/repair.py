"""What can be told of data with faults: the same data with the faulty values replaced, in several ways.

What is wrong with all of them is wrong whatever the faulty values should have been; what is wrong with some hangs on
the values put in, and says nothing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from scenarios.schema.messages import path_in_data

Path = tuple[str | int, ...]

WAYS = 2
_NUMBERS = (0.37, 0.53, 1.7, 2.9, 3, 5, -0.7, -0.2)
_PUT_IN: tuple[Any, ...] = (*_NUMBERS, True, False, "cost", "one", "two", "2021-02-03", "2022-03-04", {})


def repaired(data: dict[str, Any], error: ValidationError, model: type[BaseModel]) -> tuple[list[Any], list[Path]]:
    """Copies of the data with values that hold in place of the faulty ones, as far as there are such; and the faults' paths.

    Unknown keys are left out.  A copy may hold fewer values of its own than faults, and the last ones that were
    tried where nothing holds: it is to be validated again.
    """
    faults = list(dict.fromkeys(_place(item, data) for item in error.errors(include_url=False)))
    extra = [_place(item, data) for item in error.errors(include_url=False) if item["type"] == "extra_forbidden"]
    plain = copy.deepcopy(data)
    for path in extra:
        _remove(plain, path)
    missing = [path for path in faults if path not in extra]
    holding: dict[Path, list[Any]] = {path: [] for path in missing}
    for value in (*_options(error), *_PUT_IN):
        wanting = [path for path in missing if len(holding[path]) < WAYS]
        for path in wanting:
            _put(plain, path, value)
        wrong = _faults(plain, model)
        for path in wanting:
            if not any(place[: len(path)] == path for place in wrong):
                holding[path].append(value)
    ways = []
    for way in range(WAYS):
        made = copy.deepcopy(plain)
        for path, values in holding.items():
            if values:
                _put(made, path, values[min(way, len(values) - 1)])
            else:
                _put(made, path, _value(data, path))
        ways.append(made)
    return ways, faults


def _options(error: ValidationError) -> Sequence[str]:
    """Words that some faulty value may be."""
    texts = [str(item["ctx"]["expected"]) for item in error.errors() if item["type"] == "literal_error"]
    return list(dict.fromkeys(option for text in texts for option in re.findall(r"'([^']*)'", text)))


def _place(item: Any, data: Any) -> Path:
    """Where a finding is in the data; for a missing key, where it would be."""
    location: Path = item["loc"]
    if item["type"] == "missing":
        return (*path_in_data(location[:-1], data), location[-1])
    return path_in_data(location, data)


def _faults(data: Any, model: type[BaseModel]) -> list[Path]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        return [_place(item, data) for item in error.errors(include_url=False)]
    return []


def _value(data: Any, path: Path) -> Any:
    """What is there; nothing where the way leads nowhere."""
    for part in path:
        if isinstance(data, list):
            data = data[part] if isinstance(part, int) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, dict) else None
    return data


def _put(data: Any, path: Path, value: Any) -> None:
    inside, last = _value(data, path[:-1]), path[-1] if path else None
    if isinstance(inside, dict) or (isinstance(inside, list) and isinstance(last, int) and last < len(inside)):
        inside[last] = copy.deepcopy(value)  # type: ignore[index]  # a list's place was checked to be a number


def _remove(data: Any, path: Path) -> None:
    inside = _value(data, path[:-1])
    if isinstance(inside, dict):
        inside.pop(path[-1], None)
