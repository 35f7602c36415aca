"""What every offer, channel and category brought against doing nothing, on the same customers and luck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine import Arm, World
from engine.tables import members
from scenarios.customer_results import Return
from scenarios.play import Played

Floats = NDArray[np.float64]


def returns(world: World, played: Played, nothing: Played) -> tuple[Return, ...]:
    """One for each offer, channel and category that was sent, in the world's order.

    A customer's difference between the two runs is what all his contacts brought together, exactly; it is divided among them in
    equal parts.
    """
    gain = played.own_value - nothing.own_value
    n = len(gain)
    contacts = np.zeros(n)
    for plan in played.plans:
        contacts[: len(plan[:n])] += plan[:n] >= 0
    each = gain / np.maximum(contacts, 1)
    first = first_sent(world.arms, played)
    groups: dict[tuple[str, str], list[int]] = {}
    for a, arm in enumerate(world.arms):
        keys = [("offer", arm.offer), ("channel", arm.channel)]
        sold = members(arm)
        keys += [("category", name) for c, name in enumerate(world.categories) if sold >> c & 1]
        for key in keys:
            groups.setdefault(key, []).append(a)
    order = {"offer": 0, "channel": 1, "category": 2}
    found = []
    for (kind, name), arms in sorted(groups.items(), key=lambda item: order[item[0][0]]):
        times = np.zeros(n)
        for plan in played.plans:
            times[: len(plan[:n])] += np.isin(plan[:n], arms)
        got = times > 0
        if not got.any():
            continue
        part = each[got] * times[got]
        setup = 0.0
        if kind == "offer" and name in first:
            setup = world.arms[arms[0]].setup_cost * played.discount_factor ** first[name]
        spread = float(part.std(ddof=1)) if len(part) > 1 else 0.0
        noise = float(np.sqrt(len(part)) * spread)
        found.append(Return(kind, name, int(times.sum()), float(part.sum()) - setup, noise))
    return tuple(found)


def first_sent(arms: Sequence[Arm], played: Played) -> dict[str, int]:
    """Offer -> the period in which it was first sent."""
    found: dict[str, int] = {}
    for decision, plan in zip(played.decisions, played.plans, strict=True):
        for a in np.unique(plan[plan >= 0]):
            found.setdefault(arms[a].offer, decision.period)
    return found
