"""Bounds that look as if they were stated in another unit than the candidates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scenarios.candidates import Candidates
from scenarios.rules import CompiledRule, CompiledRules

FAR = 1000.0


def strange_units(
    data: Candidates, compiled: CompiledRules, eligible: NDArray[np.bool_], places: Mapping[str, str]
) -> tuple[str, ...]:
    """Warnings: a bound a thousand times beyond what all offers together could use, or beneath the smallest; a ratio fifty
    times beyond every offer's own (per cent?); value and cost that differ by a factor of a thousand.
    """
    found = []
    for item in compiled.rules:
        where = places.get(item.rule.name, item.rule.name)
        if not item.sizes:
            texts = _ratio(data, item, eligible) if len(item.terms) == 2 else _total(data, item, eligible, compiled)
            found += [f"{where}: {text}" for text in texts]
    cost = data.measures[data.names.index("cost")]
    sums = [float(np.abs(plane).sum()) for plane in (data.measures[0], cost)]
    if min(sums) > 0 and not 1 / FAR <= sums[0] / sums[1] <= FAR:
        ratio = sums[0] / sums[1]
        words = f"{ratio:,.0f} times" if ratio > 1 else f"{ratio:.2g} of"
        found.append(
            f"{data.source}: {data.names[0]!r} is {words} 'cost' in all; are both in the same currency and unit?"
        )
    return tuple(found)


def _total(data: Candidates, item: CompiledRule, eligible: NDArray[np.bool_], compiled: CompiledRules) -> list[str]:
    (term,) = item.terms
    if term.constant:
        return []
    who = term.classes[compiled.class_of]
    most, least = 0.0, np.inf
    for arm in np.flatnonzero(term.arms).tolist():
        open_to = eligible[arm] & who
        if term.measure == len(data.names):
            most += float(np.count_nonzero(open_to))
            least = min(least, 1.0) if open_to.any() else least
            continue
        amount = np.abs(data.measures[term.measure, arm][open_to])
        most += float(amount.sum())
        least = min(least, float(amount[amount > 0].min(initial=np.inf)))
    texts = []
    for end, bound in zip(("min", "max"), item.bounds, strict=True):
        if bound and most and abs(bound) > FAR * most:
            texts.append(
                f"{end} {bound:g} is over 1,000 times what all its offers together come to ({most:g}); is the unit right?"
            )
        elif bound and np.isfinite(least) and 0 < bound < least / FAR:
            texts.append(
                f"{end} {bound:g} is less than a thousandth of its smallest offer ({least:g}); is the unit right?"
            )
    return texts


def _ratio(data: Candidates, item: CompiledRule, eligible: NDArray[np.bool_]) -> list[str]:
    over, under = item.terms
    count = len(data.names)
    if count in (over.measure, under.measure) or over.constant or under.constant:
        return []
    arms = over.arms
    below = data.measures[under.measure][arms][eligible[arms]]
    above = data.measures[over.measure][arms][eligible[arms]]
    own = np.abs(above[below > 0] / below[below > 0])
    most = float(own.max(initial=0.0))
    return [
        f"{end} {bound:g} is over 50 times every offer's own ratio (at most {most:.3g}); is it meant in per cent?"
        for end, bound in zip(("min", "max"), item.bounds, strict=True)
        if bound is not None and most and abs(bound) > 50 * most
    ]
