"""Why customers get nothing: reasons that do not depend on the order of rules, and a funnel that adds up.

Every test has looked at every offer, so a customer without an open offer worth anything is asked: which one test
alone, lifted, would open an offer worth something?  One or several may; then the reason is ``a or b``.  If none
alone would, several close it together.  A customer with an open offer of positive objective was outbid: at the prices of the rules
no offer of theirs is worth what it uses.  Which rule outbid them: that whose price alone, taken away, would change that.
Those for whom an offer is worth its price and whose household has all the offers that it may have are capped by that.  The few
others for whom an offer is worth its price are at the margin: there is no room for a whole one more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.solving import Outcome

Floats = NDArray[np.float64]
OUTBID, MARGIN, TOGETHER, HELD = "outbid", "at the margin", "closed by several tests together", "held without an offer"
CAPPED = "capped"
MOST_RULES = 30
_STEP = 1 << 13  # customers at a time: their offers stay in the cache
_UNPROFITABLE = np.uint32(1 << 31)


@dataclass(frozen=True)
class WhyNot:
    """Customers without an offer.

    Attributes:
        customer: (m,) who.
        reason: (m,) index into ``reasons``.
        reasons: (reason, because of what) pairs.
        offer: (m,) the open (if any) offer that comes nearest, -1 if there is none.
        value, short: (m,) its objective, and by how much that falls short of its price; NaN without an open offer.

    """

    customer: NDArray[np.int64]
    reason: NDArray[np.int32]
    reasons: tuple[tuple[str, str], ...]
    offer: NDArray[np.int16]
    value: Floats
    short: Floats

    def funnel(self) -> list[tuple[str, str, int]]:
        """(reason, because, customers), largest first; they add up to the customers without an offer."""
        count = np.bincount(self.reason, minlength=len(self.reasons))
        rows = [(*pair, int(n)) for pair, n in zip(self.reasons, count.tolist(), strict=True) if n]
        return sorted(rows, key=lambda row: (-row[2], row))


def why_not(outcome: Outcome) -> WhyNot:
    """The reasons under a plan and its multipliers."""
    case = outcome.case
    who = np.flatnonzero(outcome.arm < 0)
    prices = _Prices(outcome)
    full = np.zeros(case.n, bool) if case.households is None else case.households.full(outcome.layers)
    found: dict[tuple[str, str], int] = {}
    reason = np.zeros(len(who), np.int32)
    offer = np.full(len(who), -1, np.int16)
    value, short = np.full(len(who), np.nan), np.full(len(who), np.nan)
    prices.nearest(who, offer, short)
    lost = offer >= 0
    at = np.maximum(offer, 0)
    value[lost] = case.data.measures[0][at[lost], who[lost]]
    edge = lost & (short >= -1e-9 * np.maximum(np.abs(np.where(lost, value, 0.0)), 1e-12))
    short[:] = np.where(lost, np.maximum(-short, 0.0), np.nan)
    for first in range(0, len(who), _STEP):
        piece = slice(first, first + _STEP)
        some, beaten = who[piece], lost[piece]
        state = np.where(beaten, np.where(edge[piece], np.where(full[some], 4, 1), 2), 0).astype(np.uint64)
        detail = np.where(state == 0, np.uint64(_UNPROFITABLE), np.uint64(0))
        if case.tests.closed is not None and not beaten.all():
            detail[~beaten] = _alone(outcome, some[~beaten])
        outbid = state == 2
        if outbid.any():
            detail[outbid] = prices.alone(some[outbid])
        if outcome.held is not None:
            state[outcome.held.listed[some]] = 3
            detail[state == 3] = 0
        # One number a customer for all that tells reasons apart.
        keys, back = np.unique((state << np.uint64(32)) | detail, return_inverse=True)
        names = [_reason(outcome, prices, int(key) >> 32, int(key) & 0xFFFFFFFF) for key in keys.tolist()]
        numbers = np.array([found.setdefault(name, len(found)) for name in names], np.int32)
        reason[piece] = numbers[back.reshape(-1)]
    return WhyNot(who, reason, tuple(found), offer, value, short)


def _alone(outcome: Outcome, some: NDArray[np.integer]) -> NDArray[np.uint32]:
    """(m,) bits of the tests that alone close an offer; the last bit: the offer is open and worth nothing."""
    case = outcome.case
    assert case.tests.closed is not None
    worth = case.data.measures[0][:, some]
    closed = case.tests.closed[:, some] | np.where(worth <= 0, _UNPROFITABLE, np.uint32(0))
    single = np.where(case.data.eligible[:, some] & (np.bitwise_count(closed) == 1), closed, np.uint32(0))
    return np.asarray(np.bitwise_or.reduce(single, axis=0), np.uint32)


class _Prices:
    """What offers cost at the multipliers, in all and without one rule."""

    def __init__(self, outcome: Outcome) -> None:
        case = outcome.case
        self.case = case
        h, k, _, c = case.problem.shape
        self.total = np.zeros((h + 1, c, k))
        by_rule: dict[str, Floats] = {}
        of_row = {row.name: item.rule.name for item in case.compiled.rules for row in item.rows}
        for row, y in zip(case.problem.rows, outcome.solution.multipliers.tolist(), strict=True):
            if y:
                form = y * np.asarray(row.coefficients.todense()).reshape(h + 1, c, k)
                self.total += form
                name = of_row[row.name]
                by_rule[name] = by_rule.get(name, 0.0) + form
        self.rules = by_rule

    def nearest(self, who: NDArray[np.int64], arm: NDArray[np.int16], score: Floats) -> None:
        """Fill in the open arm that comes nearest to being worth its price, and its value less its price."""
        from solvers.outbid import nearest_arms  # loads kernels: only when needed

        case = self.case
        mask = np.zeros((0, 0), bool) if case.eligible.all() else case.eligible
        price = np.ascontiguousarray(self.total.transpose(1, 0, 2))
        nearest_arms(len(who), case.data.measures, mask, case.compiled.class_of, price, who, arm, score)

    def _sum(self, form: Floats, who: NDArray[np.integer]) -> Floats:
        """(K, m) a linear form of what offers use."""
        of = self.case.compiled.class_of[who]
        out: Floats = form[-1][of].T.copy()
        for m in range(len(form) - 1):
            if form[m].any():
                out += form[m][of].T * self.case.data.measures[m][:, who]
        return out

    def alone(self, who: NDArray[np.integer]) -> NDArray[np.uint32]:
        """(m,) bits of the rules whose price alone, taken away, would leave an open offer worth taking."""
        out = np.zeros(len(who), np.uint32)
        rules = list(self.rules.values())
        if len(rules) == 1:
            out[:] = 1
        elif len(rules) <= MOST_RULES:
            worth = self.case.data.measures[0][:, who]
            free = self.case.eligible[:, who] & (worth > 0)
            left = worth - self._sum(self.total, who)
            for r, form in enumerate(rules):
                better = free & (left + self._sum(form, who) > 0)
                out |= np.where(better.any(axis=0), np.uint32(1 << r), np.uint32(0))
        return out


def _reason(outcome: Outcome, prices: _Prices, state: int, detail: int) -> tuple[str, str]:
    if state == 3:
        return HELD, ""
    if state == 4:
        assert outcome.case.households is not None
        return CAPPED, outcome.case.households.name
    if state == 1:
        return MARGIN, "no room for one more whole offer"
    if state == 2:
        names = [name for r, name in enumerate(prices.rules) if r < MOST_RULES and detail >> r & 1]
        return OUTBID, " or ".join(names) or "several rules together"
    tests = outcome.case.tests
    names = [name for t, name in enumerate(tests.names) if detail >> t & 1]
    kinds = [kind for t, kind in enumerate(tests.kinds) if detail >> t & 1]
    if detail & int(_UNPROFITABLE):
        names.append(f"{outcome.case.data.names[0]} of every open offer <= 0")
        kinds.append("unprofitable")
    if not names:
        return TOGETHER, ""
    return " or ".join(sorted(set(kinds))), " or ".join(names)
