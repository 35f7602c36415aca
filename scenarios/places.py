"""Where in a scenario the engine's problems come from: its names for parameters -> the YAML's paths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from scenarios.building_dynamics import stocks_of
from scenarios.schema.scenario import Scenario
from scenarios.yamlfile import KeyPath

SYNTHETIC = ("population", "synthetic")
WITHOUT_SIZE = ("seed", "customers", "horizon_periods", "draws")  # large without being a quantity of the world
EXTREME = 1e9

PATHS: dict[str, KeyPath] = {
    "segments": (*SYNTHETIC, "segments"),
    "arms": ("offers",),
    "stocks": ("offers",),
    "channels": ("channels",),
    "categories": (*SYNTHETIC, "categories"),
    "horizon": ("time", "horizon_periods"),
    "discount rate": ("time", "discount_rate_annual"),
    "economics.discount_factor": ("time", "discount_rate_annual"),
    "economics": ("margins",),
    "fatigue": ("contact_policy", "fatigue"),
    "complementarity": (*SYNTHETIC, "complementarity"),
    "multiplier": (*SYNTHETIC, "segments"),
    "rate": (*SYNTHETIC, "segments"),
    "order_value": (*SYNTHETIC, "order_value"),
    "spend": (*SYNTHETIC, "order_value"),
    "headroom": (*SYNTHETIC, "categories"),
    "responsiveness": (*SYNTHETIC, "responsiveness_sd"),
    "transition": (*SYNTHETIC, "transition"),
    "state_dependence": ("population", "state_dependence"),
    "conversion": ("traffic", "conversion"),
    "season.within": ("season",),
    "season.after": ("season",),
    "service.days": ("service", "days_per_period"),
    "service": ("service",),
    "tilt": ("dynamics", "segments"),
    "growth": ("dynamics", "order_growth"),
    "competition.pull": ("dynamics", "competition", "events"),
    "share": ("dynamics", "competition", "concentration"),
    "category_share": ("dynamics", "competition", "categories"),
    "spent": ("dynamics", "competition", "categories"),
    "rivals": ("dynamics", "competition", "categories"),
    "trust_response": ("dynamics", "trust", "response"),
    "trust_decay": ("dynamics", "trust", "decay"),
    "values": ("dynamics", "values"),
    "value_means": ("dynamics", "values", "weights"),
}
"""The engine's name, or how it begins -> path."""

OF_AN_OFFER: dict[str, KeyPath] = {
    "duration": ("duration_periods",),
    "order_lift": ("effects", "orders"),
    "response": ("effects", "response"),
    "curve": ("effects", "response", "curve"),
    "attrition_reduction": ("effects", "attrition", "reduction"),
    "move_to": ("effects", "move", "to"),
    "move_probability": ("effects", "move", "probability"),
    "sticks": ("effects", "ownership", "sticks"),
    "cannibalises": ("effects", "ownership", "cannibalises"),
    "tier_step": ("effects", "tier", "step"),
    "tier_probability": ("effects", "tier", "probability"),
    "share_shift": ("effects", "share", "shift"),
    "tilt_response": ("effects", "tilt", "response"),
    "tilt_contact": ("effects", "tilt", "contact"),
}
"""An arm's parameter -> path below its offer; others have the same name in both."""

OF_A_CHANNEL: dict[str, KeyPath] = {"opt_out": ("opt_out", "base"), "opt_out_per_contact": ("opt_out", "per_contact")}


def placed(problem: str, scenario: Scenario) -> tuple[KeyPath, str]:
    """Path and sentence of one of the engine's problems, ``name: expected ..., got ...``; () where it has no place."""
    if arm := re.match(r"arm ([^/]+)/(.+?): (?:(\w+): )?(.*)", problem, re.S):
        offer, channel, name, sentence = arm.groups()
        if name == "contact_cost":
            return ("channels", channel, "cost_per_contact"), sentence
        return ("offers", offer, *OF_AN_OFFER.get(name, (name,) if name else ())), sentence
    name, _, sentence = problem.partition(": ")
    if item := re.match(r"(stocks|channels)\[(\d+)\]\.(\w+)", name):
        what, index, key = item.group(1), int(item.group(2)), item.group(3)
        if what == "channels":
            return ("channels", list(scenario.channels)[index], *OF_A_CHANNEL.get(key, (key,))), sentence
        kind, of = list(stocks_of(scenario))[index]
        return (("channels", of, "fatigue") if kind == "channel" else ("offers", of, "wear_out")) + (key,), sentence
    head, _, row = name.partition("[")
    parts = head.split(".")
    for end in range(len(parts), 0, -1):
        known = PATHS.get(".".join(parts[:end]))
        if known is None and end == 1 and scenario.dynamics is not None and hasattr(scenario.dynamics, parts[0]):
            known = ("dynamics", parts[0])
        if known is not None:
            return (*known, *([row.rstrip("]")] if row else parts[end:])), sentence
    return (), problem


def extreme(data: Any) -> tuple[KeyPath, float] | None:
    """The number furthest from 1, as a ratio, of plain data; None where all are of a usual size."""
    found = [
        (abs(math.log(abs(value))), path, value)
        for path, value in numbers(data, ())
        if value and math.isfinite(value) and path[-1] not in WITHOUT_SIZE
    ]
    size, path, value = max(found, key=lambda item: item[0], default=(0.0, (), 1.0))
    return (path, value) if size > math.log(EXTREME) else None


def numbers(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, float]]:
    """Every number of plain data with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from numbers(value, (*path, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from numbers(value, (*path, index))
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield path, data
