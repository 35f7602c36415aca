"""Read a saved results document back into records: the inverse of ``RunResults.to_dict``."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from scenarios.errors import DataError
from scenarios.results import Interval, RunResults


def results_from(document: Any, source: str = "results") -> RunResults:
    """Records from the JSON document; null where a number is due becomes NaN, which prints as "no value".

    Raises:
        DataError: everything in the document that does not fit, each with its place.
    """
    problems: list[str] = []
    results = _read(RunResults, document, source, problems)
    if problems:
        raise DataError(problems)
    return results  # type: ignore[no-any-return]  # of the type asked for


def read_results(path: Path) -> RunResults:
    """The results saved in this file or run folder.

    Raises:
        DataError: no such file, no JSON, or not a results document.
    """
    file = path / "results.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            [f"{file}: expected the results of a run, found no such file; hint: give a run's folder"]
        ) from None
    except (OSError, ValueError) as error:
        raise DataError([f"{file}: expected a JSON document, got one that cannot be read ({error})"]) from None
    return results_from(document, str(file))


def _read(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        inner = next(a for a in arguments if a is not type(None))
        return None if value is None else _read(inner, value, where, problems)
    if kind is Interval:
        low, high = _read(tuple[float, float], value, where, problems) or (0.0, 0.0)
        return Interval(low, high)
    if is_dataclass(kind):
        return _record(kind, value, where, problems)
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is Ellipsis:
            return tuple(_read(arguments[0], v, f"{where}[{i}]", problems) for i, v in enumerate(value))
        if len(arguments) == len(value):
            return tuple(
                _read(a, v, f"{where}[{i}]", problems) for i, (a, v) in enumerate(zip(arguments, value, strict=True))
            )
    if origin is dict and isinstance(value, dict):
        return {k: _read(arguments[1], v, f"{where}.{k}", problems) for k, v in value.items()}
    if kind is float and value is None:
        return float("nan")
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in (int, str) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    problems.append(f"{where}: expected {getattr(kind, '__name__', kind)}, got {_short(value)}")
    return None


def _record(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(value, dict):
        problems.append(f"{where}: expected a mapping, got {_short(value)}")
        return None
    hints = get_type_hints(kind)
    found: dict[str, Any] = {}
    before = len(problems)
    for f in fields(kind):
        if f.name in value:
            found[f.name] = _read(hints[f.name], value[f.name], f"{where}.{f.name}", problems)
        elif f.default is MISSING and f.default_factory is MISSING:
            problems.append(f"{where}.{f.name}: expected {f.type}, found nothing; hint: saved by another version?")
    for name in sorted(set(value) - {f.name for f in fields(kind)}):
        problems.append(f"{where}.{name}: not known; hint: saved by another version?")
    return kind(**found) if len(problems) == before else None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
