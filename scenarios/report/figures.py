"""The figures of the report, in words: what each shows, and what to read off it."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.report import columns as cols
from scenarios.report.charts import assumptions, budget, canvas, customers, periods, strategies
from scenarios.report.formats import amount, clean, finite, percent
from scenarios.report.people import log_top_tenth
from scenarios.results import RunResults, StrategyResult


@dataclass(frozen=True)
class Figure:
    """A chart with the words that say what to read off it."""

    key: str
    title: str
    caption: str
    spec: canvas.Spec | None


def bridge(results: RunResults, winner: StrategyResult) -> list[tuple[str, float]]:
    """Steps from the baseline to the winner, per customer; what is not split is one more, so they add up."""
    if not finite(winner.difference) or winner.name == results.baseline:
        return []
    steps = [(name, value) for name, value in winner.bridge.items() if finite(value)]
    if not steps:
        base = next((s for s in results.strategies if s.name == results.baseline), None)
        if base is None:
            return []
        steps = [
            ("margin within the horizon", winner.clv_horizon_per_customer - base.clv_horizon_per_customer),
            ("value after the horizon", winner.clv_terminal_per_customer - base.clv_terminal_per_customer),
        ]
        steps = [step for step in steps if finite(step[1])]
    rest = winner.difference - sum(value for _, value in steps)
    if abs(rest) > 1e-6 * max(abs(winner.difference), *(abs(v) for _, v in steps), 1e-300):
        steps.append(("not split further", rest))
    return steps


def _log_words(results: RunResults) -> str:
    log = log_top_tenth(results)
    if log is None:
        return ""
    return f" The dot: revenue of the top tenth in the log's last {log[1]} {results.period}s, {percent(log[0])}."


def all_figures(results: RunResults) -> list[Figure]:
    """Every figure; those without data have no specification."""
    winner = next((s for s in results.strategies if s.name == results.winner), None)
    lead = cols.lead(results)
    best, base, today = clean(results.winner), clean(results.baseline), results.budget_today
    at = (
        ""
        if not finite(today)
        else f" Today's budget for this decision is {amount(today, 0)} {clean(results.currency)}."
    )
    band = "The band is the decision interval. " if results.draws >= 2 else "Without draws there is no band. "
    bars = (
        "A thin line that crosses 0 means that the order of the two is not settled. The thick bar is only the luck of this "
        "simulation."
        if results.draws >= 2
        else "Without draws, thin line and thick bar are both only the luck of this simulation."
    )
    return [
        Figure(
            "differences",
            f"How much each strategy brings against {base}",
            f"Right of the line at 0: better than the baseline. {bars}",
            strategies.differences(results),
        ),
        Figure(
            "time",
            "When the value comes",
            f"Discounted margin per customer against {base}, added up. {band}Grey lines "
            "are the other strategies. A line below 0 is money laid out first.",
            periods.value_over_time(results),
        ),
        Figure(
            "mix",
            f"Segments under {best}",
            "Share of customers by segment.",
            periods.segment_mix(results, results.winner),
        ),
        Figure(
            "mix_base",
            f"Segments under {base}",
            "The same for the baseline; choose any strategy to compare the two side by side.",
            periods.segment_mix(results, results.baseline) if results.winner != results.baseline else None,
        ),
        Figure(
            "waterfall",
            f"From {base} to {best}",
            "What adds to the difference per customer (right) and what it costs (left); the last bar is what remains.",
            strategies.waterfall(results, bridge(results, winner)) if winner else None,
        ),
        Figure(
            "budget",
            "Value against budget",
            f"What the first plan is worth to the planner at each budget.{at} Where the curve is flat, more money buys "
            "nothing.",
            budget.budget_value(results),
        ),
        Figure(
            "marginal",
            "What the next unit of money brings",
            "Net of the money itself: above 0 more budget pays, at 0 it breaks even.",
            budget.budget_marginal(results),
        ),
        Figure(
            "split",
            "New customers or those we have",
            f"One budget, split: {clean(results.split.strategy) if results.split else ''} simulated at every share on the same "
            "customers and luck. The band is twice the standard error of the difference against today's share.",
            budget.split(results),
        ),
        Figure(
            "tornado",
            "What the verdict leans on",
            f"{lead[:1].upper()}{lead[1:]}, when each assumption is moved alone, in the world, while the planner "
            "goes on believing the old value. The widest bar matters most. A bar that reaches 0 can turn "
            "the verdict; where is written beside it.",
            assumptions.tornado(results),
        ),
        Figure(
            "kappa",
            "If segments were only labels",
            "How much of the difference between segments a move really brings: 0 = none (customers are who they are), "
            f"1 = all. The lead shown is {lead}; one that holds from 0 to 1 does not depend on this.",
            assumptions.state_dependence(results),
        ),
        Figure(
            "lorenz",
            "How few customers carry how much",
            "Customers sorted from the smallest; the dashed line: all alike. The farther a curve sags, the fewer carry the "
            f"whole.{_log_words(results)}",
            customers.lorenz(results, log[0] if (log := log_top_tenth(results)) else None),
        ),
        Figure(
            "planned",
            "Planned against realised",
            "Value against doing nothing. A planner that promises more than comes out is too sure of its effects.",
            strategies.planned_realised(results),
        ),
        Figure(
            "cash",
            "Cash by month against doing nothing",
            "Bars up: extra margin. Bars down: what the promotions cost. The line is the running sum; where it "
            "stays above 0, the money is back.",
            periods.cash(results),
        ),
    ]
