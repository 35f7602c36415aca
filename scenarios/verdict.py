"""The verdict in one sentence, with the assumption that it leans on most and where it would flip."""

from __future__ import annotations

from collections.abc import Sequence

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
) -> str:
    """What a decision maker reads first."""
    best = next(r for r in results if r.name == winner)
    rest = sorted((r for r in results if r.name != winner), key=lambda r: -r.clv_per_customer)
    if winner == baseline:
        head = f"Keep {baseline}: no strategy earns more"
        if rest:
            head += f"; the nearest, {rest[0].name}, earns {money(-rest[0].difference, currency)} less per customer"
        sentence = head
    else:
        ci = best.difference_ci
        surely = "earns" if ci.low > 0 else "seems to earn"
        sentence = (
            f"{winner} {surely} {money(best.difference, currency)} more per customer than {baseline} "
            f"({money(best.difference_total, currency)} in all; {level:.0%} interval {ci.low:,.2f} to {ci.high:,.2f}"
        )
        sentence += f", best in {best.p_best:.0%} of {draws} draws)" if draws else ")"
        if ci.low <= 0:
            sentence += ", which is not sure"
    rival = next((r for r in rest if r.name != baseline), None)
    if winner != baseline and rival is not None:
        sure = "surely" if rival.behind_ci.low > 0 else "not surely"
        sentence += f"; the next best, {rival.name}, is {sure} behind, by {money(rival.behind, currency)}"
    if drivers:
        top = leans_on(drivers)
        sentence += f"; it leans most on {top.path} = {top.value:g} ({top.source})"
        low, high = top.steps[0][0], top.steps[-1][0]
        flips = (
            f"would flip at {top.flips_at:.3g}"
            if top.flips_at is not None
            else f"does not flip between {low:g} and {high:g}"
        )
        sentence += f" and {flips}"
    return sentence + "."
