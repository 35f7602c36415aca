"""Bounds that look as if they were stated in another unit than the candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.candidates import Candidates
from scenarios.rules import CompiledRule, CompiledRules

FAR = 1000.0
_STEP = 1 << 15


def strange_units(
    data: Candidates, compiled: CompiledRules, eligible: NDArray[np.bool_], places: Mapping[str, str]
) -> tuple[str, ...]:
    """Warnings: a bound a thousand times beyond what all offers together could use, or beneath the smallest; a ratio fifty
    times beyond every offer's own (per cent?); value and cost that differ by a factor of a thousand.
    """
    found = []
    sizes = _sizes(data)
    for item in compiled.rules:
        where = places.get(item.rule.name, item.rule.name)
        if not item.sizes:
            texts = _ratio(data, item, eligible) if len(item.terms) == 2 else _total(item, sizes)
            found += [f"{where}: {text}" for text in texts]
    sums = [float(sizes[index].total.sum()) for index in (0, data.names.index("cost"))]
    if min(sums) > 0 and not 1 / FAR <= sums[0] / sums[1] <= FAR:
        ratio = sums[0] / sums[1]
        words = f"{ratio:,.0f} times" if ratio > 1 else f"{ratio:.2g} of"
        found.append(
            f"{data.source}: {data.names[0]!r} is {words} 'cost' in all; are both in the same currency and unit?"
        )
    return tuple(found)


@dataclass(frozen=True)
class _Sizes:
    """By arm: sum of |measure| and its least amount that is not 0, over all customers."""

    total: NDArray[np.float64]
    least: NDArray[np.float64]


def _sizes(data: Candidates) -> list[_Sizes]:
    """One for each measure, and for the count."""
    found = []
    for planes in data.measures:
        total, least = np.zeros(len(planes)), np.full(len(planes), np.inf)
        for arm, plane in enumerate(planes):
            for first in range(0, len(plane), _STEP):
                piece = np.abs(plane[first : first + _STEP])
                total[arm] += piece.sum()
                least[arm] = min(least[arm], piece.min(where=piece > 0, initial=np.inf))
        found.append(_Sizes(total, least))
    offers = data.eligible.sum(axis=1).astype(np.float64)
    return [*found, _Sizes(offers, np.ones(len(offers)))]


def _total(item: CompiledRule, sizes: list[_Sizes]) -> list[str]:
    (term,) = item.terms
    if term.constant:
        return []
    most = float(sizes[term.measure].total[term.arms].sum())
    least = float(sizes[term.measure].least[term.arms].min(initial=np.inf))
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
    # One offer with a ratio of its own near the bounds is enough to say nothing.
    far = [abs(bound) for bound in item.bounds if bound is not None]
    enough, most = max(far, default=0.0) / 50, 0.0
    for arm in np.flatnonzero(over.arms).tolist():
        for first in range(0, data.n, _STEP):
            piece = slice(first, first + _STEP)
            below, above = data.measures[under.measure][arm, piece], data.measures[over.measure][arm, piece]
            fine = eligible[arm, piece] & (below > 0)
            most = max(most, float(np.abs(above[fine] / below[fine]).max(initial=0.0)))
            if most >= enough:
                return []
    return [
        f"{end} {bound:g} is over 50 times every offer's own ratio (at most {most:.3g}); is it meant in per cent?"
        for end, bound in zip(("min", "max"), item.bounds, strict=True)
        if bound is not None and most and abs(bound) > 50 * most
    ]
