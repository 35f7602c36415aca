"""Dotted paths into a scenario's data.

``rules.budget.max`` is the key ``max`` of that item of ``rules`` whose name is ``budget``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from scenarios.schema.messages import fields_at
from scenarios.schema.scenario import Scenario
from scenarios.suggest import nearest

Change = tuple[str, Any, Any]  # path, old, new
Path = tuple[str | int, ...]


class PathError(Exception):
    """A dotted path that leads nowhere."""


def name_of(item: Any) -> str | None:
    """The name of a list's item."""
    return str(item["name"]) if isinstance(item, dict) and "name" in item else None


def dotted(path: Path, data: Any) -> str:
    """A path as a user writes it: list items by name where they have one."""
    parts: list[str] = []
    for part in path:
        inner: Any = None
        if isinstance(data, dict):
            inner = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            inner = data[part]
        name = name_of(inner) if isinstance(data, list) and isinstance(part, int) else None
        if isinstance(part, int) and name is None:
            parts[-1:] = [f"{parts[-1] if parts else ''}[{part}]"]
        else:
            parts.append(str(part) if name is None else name)
        data = inner
    return ".".join(parts)


def locate(data: Any, path: str) -> Path:
    """The keys and list positions of a dotted path.  A key that a scenario knows need not be set yet, nor may the
    last one.

    Raises:
        PathError: with the nearest name where the path leaves the data.

    """
    found: list[str | int] = []
    parts = path.split(".")
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(data, dict):
            fields = fields_at(Scenario, tuple(found))
            if part not in data and part not in fields and not (last and fields):
                raise PathError(f"{path}: unknown path {'.'.join(parts[: depth + 1])!r}{nearest(part, fields or data)}")
            found.append(part)
            data = data.get(part, {})
        elif isinstance(data, list):
            names = [name_of(item) for item in data]
            if part not in names:
                raise PathError(
                    f"{path}: unknown path {'.'.join(parts[: depth + 1])!r}{nearest(part, [n for n in names if n])}"
                )
            found.append(names.index(part))
            data = data[names.index(part)]
        else:
            raise PathError(f"{path}: {'.'.join(parts[:depth])!r} is a single value, there is nothing below it")
    return tuple(found)


def value_at(data: Any, path: Path) -> Any:
    """The value at a located path, None if it is not set."""
    for part in path:
        if data is None:
            return None
        data = data.get(part) if isinstance(data, dict) else data[part]
    return data


def with_values(data: dict[str, Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Change]]:
    """A copy of the data with values set by dotted path, and what changed.

    Raises:
        PathError: a path leads nowhere.

    """
    data = copy.deepcopy(data)
    changes: list[Change] = []
    for path, value in values.items():
        where = locate(data, path)
        old = value_at(data, where)
        target: Any = data
        for part in where[:-1]:
            target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
        target[where[-1]] = copy.deepcopy(value)
        if old != value or type(old) is not type(value):
            changes.append((path, old, value))
    return data, changes


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``: mappings key by key, everything else replaced; null removes a key."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result
