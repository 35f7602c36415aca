"""Pydantic's findings in a user's words: expected, got, hint."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from scenarios.schema.base import Problem
from scenarios.suggest import nearest
from scenarios.yamlfile import kind_of

Path = tuple[str | int, ...]

_ABSENT = object()

_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "a name without dots, slashes and brackets",
}
_BOUNDS = {
    "greater_than_equal": ("ge", ">="),
    "greater_than": ("gt", ">"),
    "less_than_equal": ("le", "<="),
    "less_than": ("lt", "<"),
}
_NEARLY_A_NUMBER = re.compile(r"[-+]?[\d][\d_,.' :eE%+-]*\Z|0x[0-9a-fA-F]+\Z")


def translate(error: ValidationError, model: type[BaseModel], data: Any) -> list[Problem]:
    """One (path, sentence) for each place that is wrong; the branches of a choice share one sentence."""
    found: dict[Path, tuple[list[str], str]] = {}
    sentences: list[Problem] = []
    misspelt = _misspelt(error, model)
    for item in error.errors(include_url=False):
        path = path_in_data(item["loc"], data)
        kind, got, context = item["type"], item["input"], item.get("ctx", {})
        if kind == "missing" and isinstance(item["loc"][-1], int):
            if not any(at == path for at, _ in sentences):
                sentences.append((path, f"expected {_entries(error, item['loc'][:-1], got)}"))
        elif kind == "missing" and item["loc"] in misspelt:
            continue  # told at the key that was meant to be this one
        elif kind == "missing":
            sentences.append((path, f"{item['loc'][-1]!r} is missing"))
        elif kind == "extra_forbidden":
            key = item["loc"][-1]
            known = tuple(fields_at(model, item["loc"][:-1]))
            homes = [] if item["loc"][:-1] else _homes(model, str(key))
            hint = f"; it belongs under {' or '.join(map(repr, homes))}" if homes else nearest(key, known)
            if item["loc"] == ("population", "correlation"):
                hint = "; it belongs under 'synthetic', to made-up customers: real ones carry their own"
            sentences.append((path, f"unknown key {key!r}{hint}"))
        elif kind == "too_short":
            sentences.append((path, "expected at least one entry, got none"))
        elif kind == "too_long":
            sentences.append(
                (path, f"expected at most {context['max_length']} entries, got {context['actual_length']}")
            )
        else:
            expected, hint = _expected(kind, got, context, item["msg"])
            choices, _ = found.setdefault(path, ([], f", got {kind_of(got)}{hint}"))
            if expected not in choices:
                choices.append(expected)
    sentences += [(path, f"expected {' or '.join(choices)}{end}") for path, (choices, end) in found.items()]
    return sentences


def _misspelt(error: ValidationError, model: type[BaseModel]) -> set[Path]:
    """Where keys are missing that unknown ones beside them are taken for."""
    unknown = [item["loc"] for item in error.errors(include_url=False) if item["type"] == "extra_forbidden"]
    return {
        (*at, name)
        for *at, key in unknown
        for name in fields_at(model, tuple(at))
        if f"did you mean {name!r}" in nearest(key, fields_at(model, tuple(at)))
    }


def _entries(error: ValidationError, location: tuple[str | int, ...], got: Any) -> str:
    """How many entries a list must have that lacks some, and has."""
    last = max(
        int(item["loc"][-1]) for item in error.errors() if item["loc"][:-1] == location and item["type"] == "missing"
    )
    return f"{last + 1} entries, got {len(got) if isinstance(got, list | tuple) else kind_of(got)}"


def _expected(kind: str, got: Any, context: Mapping[str, Any], message: str) -> tuple[str, str]:
    """What was expected, and a hint."""
    if kind in _BOUNDS:
        name, sign = _BOUNDS[kind]
        return f"a number {sign} {context[name]:g}", ""
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", context["expected"])
        hint = nearest(got, options)
        return f"one of {', '.join(options)}", hint if hint.startswith("; did") else ""
    if kind.startswith("date_"):
        return "a date like 2024-12-31", ""
    expected = _EXPECTED.get(kind, message)
    if kind in ("float_type", "int_type") and isinstance(got, str) and _NEARLY_A_NUMBER.match(got):
        return expected, "; write it in plain digits, like 1200 or 0.05 or 1e6"
    if kind == "string_type" and isinstance(got, int | float):
        return expected, "; put it in quotes"
    return expected, ""


def path_in_data(location: tuple[str | int, ...], data: Any) -> Path:
    """The location without what pydantic adds to it: branches of a choice, ``[key]``, and a key that is missing."""
    path: list[str | int] = []
    for part in location:
        inner = _child(data, part)
        if inner is not _ABSENT:
            path.append(part)
            data = inner
    return tuple(path)


def _child(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(part, _ABSENT)
    if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
        return data[part]
    return _ABSENT


def fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that the model at a location knows."""
    inside: Any = model
    for part in location:
        inside = _model_in(inside)
        if isinstance(inside, type) and issubclass(inside, BaseModel):
            inside = inside.model_fields[str(part)].annotation if str(part) in inside.model_fields else None
        elif get_origin(inside) is dict:
            inside = get_args(inside)[1]
        elif get_origin(inside) in (tuple, list):
            inside = get_args(inside)[0]
    inside = _model_in(inside)
    return tuple(inside.model_fields) if isinstance(inside, type) and issubclass(inside, BaseModel) else ()


def _homes(model: type[BaseModel], key: str) -> list[str]:
    """Mappings of a model, one below the top, that know a key."""
    inside = {name: _model_in(field.annotation) for name, field in model.model_fields.items()}
    return [
        name
        for name, of in inside.items()
        if isinstance(of, type) and issubclass(of, BaseModel) and key in of.model_fields
    ]


def _model_in(annotation: Any) -> Any:
    """The model, dict or list under Annotated and Optional."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        options = [option for option in get_args(annotation) if option is not type(None)]
        return _model_in(options[0])
    return annotation
