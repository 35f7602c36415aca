"""The types that the scenario's nouns are made of.

Nothing is converted: a number is a number, a text a text; an unknown key is an error.  Models are frozen.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import core_schema

Source = Literal["fitted", "published", "assumed", "given"]
Problem = tuple[tuple[str | int, ...], str]  # (path below the model, sentence)


def _whole(value: Any) -> Any:
    """1e6 is a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _one_or_many(value: Any) -> Any:
    """A lone value where a list is expected is the list of it."""
    return (value,) if isinstance(value, str | int | float) else value


def _schema_of_one_or_many(*types: str) -> WithJsonSchema:
    item: dict[str, Any] = {"type": list(types)}
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]})


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
MOST_MONEY = 1e11  # a period's books are 64-bit integers of millionths
Amount = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=MOST_MONEY)]
Probability = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, lt=1)]
Whole = Annotated[int, Field(strict=True, ge=0), BeforeValidator(_whole)]
Count = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Name = Annotated[str, Field(strict=True, pattern=r"^[^\s./\[\]][^./\[\]]*$")]  # a name stands in dotted paths
Date = Annotated[datetime.date, Field(strict=False)]
Label = str | int | float | bool
Labels = Annotated[
    tuple[Label, ...],
    BeforeValidator(_one_or_many),
    Field(min_length=1),
    _schema_of_one_or_many("string", "number", "boolean"),
]
Names = Annotated[
    tuple[Text, ...], BeforeValidator(_one_or_many), Field(min_length=1), _schema_of_one_or_many("string")
]
Filter = dict[Text, Labels]


class Model(BaseModel):
    """Frozen, no unknown keys.  :meth:`problems` says what fields cannot say alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def problems(self) -> Iterator[Problem]:
        """What does not fit together within this model."""
        return iter(())


class Assumed(Model):
    """A number and where it comes from; a plain number is one that is given."""

    value: Number
    source: Source
    sd: NonNegative | None = None
    note: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        return {"value": data, "source": "given"} if isinstance(data, int | float) else data

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A number, or the mapping."""
        return {"anyOf": [{"type": "number"}, handler(schema)]}


class Sourced(Model):
    """A group of numbers with one source."""

    source: Source
    note: Text | None = None


class Uncertain(Sourced):
    """The same, with the standard deviation of the first number given."""

    sd: NonNegative | None = None


def walk(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Model]]:
    """Every model in a value, with its path, outermost first."""
    if isinstance(value, Model):
        yield path, value
        for name in type(value).model_fields:
            yield from walk(getattr(value, name, None), (*path, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


def repeats(values: tuple[Any, ...]) -> list[Any]:
    """The values that occur more than once."""
    return sorted({value for value in values if values.count(value) > 1}, key=str)
