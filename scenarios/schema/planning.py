"""Time, money, what the planner knows, strategies and the statistics of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import core_schema

from scenarios.schema.base import Count, Filter, Model, Name, Number, Probability, Problem, Source, Text, Whole

Period = Literal["week", "day", "month"]
Knowledge = Literal["oracle", "model", "history"]
PERIODS_PER_YEAR = {"day": 365.0, "week": 52.0, "month": 12.0}
LEVERS = ("service", "acquisition")
SPANS_PER_YEAR = {"year": 1.0, "quarter": 4.0, "month": 12.0}

StrategyType = Literal[
    "current_plan",
    "none",
    "everyone",
    "random",
    "top_rfm",
    "top_clv",
    "best_per_segment",
    "greedy",
    "optimal",
    "optimal_over_time",
]
STRATEGY_TYPES: tuple[str, ...] = get_args(StrategyType)


class Time(Model):
    """``discount_rate_annual`` is effective; the first period is undiscounted."""

    period: Period
    horizon_periods: Count = Field(le=10_000)
    discount_rate_annual: Number = Field(ge=0)

    @property
    def periods_per_year(self) -> float:
        """52 weeks, 365 days or 12 months."""
        return PERIODS_PER_YEAR[self.period]

    @property
    def discount_factor(self) -> float:
        """Per period: ``(1 + annual rate)^(-1 / periods per year)``."""
        return float((1 + self.discount_rate_annual) ** (-1 / self.periods_per_year))

    def periods_in(self, span: str) -> float:
        """Periods in a year, quarter or month."""
        return self.periods_per_year / SPANS_PER_YEAR[span]


class Margins(Model):
    """What an order leaves: ``gross_margin_rate`` of its value before discounts, less ``cost_to_serve_per_order``."""

    gross_margin_rate: Number = Field(gt=0, le=1)
    cost_to_serve_per_order: Number = Field(default=0.0, ge=0)
    source: Source = "given"
    note: Text | None = None


class Planning(Model):
    """A decision every ``every_periods`` periods, or at the campaign ``waves`` (periods of the run).

    The planner knows the truth (``oracle``), shrunken estimates from history (``model``) or raw past behaviour
    (``history``).  ``tracked_share``: of all customers, the part that is identified when it buys; nobody else can be sent
    anything.  ``data_lag_decisions``: customers are seen as they were so many decisions ago.  ``beliefs``: values by dotted
    path that the planner holds to be true instead of the scenario's.
    """

    every_periods: Count = 1
    waves: tuple[Whole, ...] = ()
    tracked_share: Probability = Field(default=1.0, gt=0)
    data_lag_decisions: Whole = 0
    knowledge: Knowledge = "model"
    beliefs: dict[Text, Any] = Field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """One rhythm, in order."""
        if self.waves and "every_periods" in self.model_fields_set:
            yield ("waves",), "expected one of 'waves' and 'every_periods', got both"
        if list(self.waves) != sorted(set(self.waves)):
            yield ("waves",), f"expected ascending periods, got {list(self.waves)}"


def spelt_out(strategy: Any) -> Any:
    """``optimal`` and ``{mine: {type: top_rfm}}`` with name and type.

    Without a type, the name is the type; a strategy of another name that says its ``offer`` or its ``file`` is a fixed
    rule, as ``current_plan`` is.
    """
    if isinstance(strategy, str):
        return {"name": strategy, "type": strategy}
    if isinstance(strategy, dict) and len(strategy) == 1 and "name" not in strategy:
        ((name, options),) = strategy.items()
        if isinstance(options, dict):
            fixed = name not in STRATEGY_TYPES and ("offer" in options or "file" in options)
            return {"name": name, "type": "current_plan" if fixed else name, **options}
    return strategy


class Strategy(Model):
    """Who gets what.

    ``current_plan`` sends one ``offer`` through one ``channel`` (default: the offer's first) to the customers that
    ``where`` keeps, or follows a ``file`` (customer_id, offer, channel).  ``share``: of all customers, the part that a
    ranking rule contacts at most.  ``levers``: values by dotted path below ``service`` and ``acquisition`` that hold where
    this strategy is played.
    """

    name: Name
    type: StrategyType
    offer: Text | None = None
    channel: Text | None = None
    where: Filter = Field(default_factory=dict)
    file: Text | None = None
    share: Probability | None = Field(default=None, gt=0)
    levers: dict[Text, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, data: Any) -> Any:
        return spelt_out(data)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A name, ``{name: options}``, or the full mapping."""
        full = handler(schema)
        short = handler.resolve_ref_schema(full)
        options = {**short, "properties": {k: v for k, v in short["properties"].items() if k != "name"}, "required": []}
        options["title"] = "Strategy options"
        return {
            "anyOf": [
                {"enum": [name for name in STRATEGY_TYPES if name != "current_plan"]},
                full,
                {"type": "object", "additionalProperties": options, "minProperties": 1, "maxProperties": 1},
            ]
        }

    def problems(self) -> Iterator[Problem]:
        """A strategy has the options of its type."""
        ranked = {"share"} if self.type in ("everyone", "top_rfm", "top_clv") else set()
        allowed = {"offer", "channel", "where", "file"} if self.type == "current_plan" else ranked
        for name in ("offer", "channel", "where", "file", "share"):
            if name in self.model_fields_set and name not in allowed:
                has = f"it has {', '.join(sorted(allowed))}" if allowed else "it has no options"
                yield (name,), f"a strategy of type {self.type} has no option {name!r}; {has}"
        if self.type == "current_plan" and (self.offer is None) == (self.file is None):
            yield (), "the current plan needs either an offer or a file: {current_plan: {offer: NAME, channel: NAME}}"
        for path in self.levers:
            if path.split(".")[0] not in LEVERS:
                yield ("levers",), f"{path!r} is no lever; a lever lies below {' or '.join(LEVERS)}"
        if self.file is not None and (self.channel is not None or self.where):
            yield (), "a plan in a file names channels and customers itself; remove 'channel' and 'where'"


class Uncertainty(Model):
    """The outer loop behind ``ci``: how many ``draws`` of customers and numbers, of how many ``customers``."""

    draws: Whole = 0
    customers: Count | None = None
    level: Number = Field(default=0.95, gt=0.5, lt=1)
