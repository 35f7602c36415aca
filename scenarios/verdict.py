"""The verdict in one sentence, with the assumption that it leans on most and where it would flip."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.chance import ENOUGH_DRAWS, MORE_DRAWS, chance
from scenarios.drivers import leans_on
from scenarios.results import Driver, StrategyResult


def money(amount: float, currency: str) -> str:
    """``1,234 USD``; two decimals below 100."""
    return f"{amount:,.2f} {currency}" if abs(amount) < 100 else f"{amount:,.0f} {currency}"


def verdict(
    results: Sequence[StrategyResult],
    winner: str,
    baseline: str,
    drivers: Sequence[Driver],
    currency: str,
    draws: int,
    level: float,
    *,
    plans: bool = False,
) -> str:
    """What a decision maker reads first.  ``plans``: the baseline is one that would contact customers, if it could."""
    best = next(r for r in results if r.name == winner)
    rest = sorted((r for r in results if r.name != winner), key=lambda r: -r.clv_per_customer)
    if winner == baseline:
        sentence = f"Keep {baseline}: no strategy earns more"
        if rest:
            sentence += f"; the nearest, {rest[0].name}, earns {money(rest[0].behind, currency)} less per customer"
    else:
        ci = best.difference_ci
        surely = "earns" if ci.low > 0 else "may earn (not surely)"
        if ci.low > 0 and draws < 2:  # clear of luck, but nothing was redrawn
            surely = "earns, if the assumptions hold,"
        what = f"{level:.0%} interval" if draws >= 2 else f"{level:.0%} interval of the simulation's luck alone"
        sentence = (
            f"{winner} {surely} {money(best.difference, currency)} more per customer than {baseline} "
            f"({money(best.difference_total, currency)} in all; {what} {ci.low:,.2f} to {ci.high:,.2f})"
        )
        rival = next((r for r in rest if r.name != baseline), None)
        if rival is not None and rival.behind_ci.low > 0:
            ahead = "surely ahead" if draws >= ENOUGH_DRAWS else "ahead"
            sentence += f", {ahead} of the next best, {rival.name}, by {money(rival.behind, currency)}"
        elif rival is not None and rival.behind == rival.behind_ci.low == rival.behind_ci.high == 0:
            sentence += f", level with {rival.name}, which came to the same"
        elif rival is not None:
            close = rival.behind_ci
            sentence += (
                f", not surely ahead of {rival.name} ({rival.behind:,.2f}; {close.low:,.2f} to {close.high:,.2f})"
            )
            if draws >= ENOUGH_DRAWS:
                chances = f"{chance(best.p_best, draws)} and {chance(rival.p_best, draws)}"
                sentence += f", probability of being best {chances}"
        idle = next((r for r in rest if r.contacts_per_customer == 0 and r.difference > 0), None)
        if idle is not None and best.contacts_per_customer > 0:
            sentence += f"; stopping {baseline} alone brings {money(idle.difference, currency)} of it"
    today = next((r for r in results if r.name == baseline), None)
    if plans and today is not None and today.contacts_per_customer == 0:
        sentence += f"; {baseline} contacts nobody under the rules, so it is no more than doing nothing"
    if 0 < draws < ENOUGH_DRAWS:
        sentence += f"; {draws} draw{'s are' if draws > 1 else ' is'} too few to tell: {MORE_DRAWS}"
    if drivers:
        top = leans_on(drivers)
        low, high = top.steps[0][0], top.steps[-1][0]
        flips = (
            f"would flip at {top.flips_at:.3g}"
            if top.flips_at is not None
            else f"does not flip between {low:g} and {high:g}"
        )
        among = (
            "of the offers' effects the lead leans most" if top.path.startswith("offers.") else "the lead leans most"
        )
        sentence += f"; {among} on {top.path} = {top.value:g} ({top.source}) and {flips}"
    return sentence + "."
