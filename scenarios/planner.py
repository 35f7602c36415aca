"""The planner: asks one strategy at every decision epoch, holds it to the rules, books what it planned."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine import Epoch, Population, Simulation
from engine.rng import STRATEGY, uniforms
from engine.valuation import future_value
from scenarios.ahead import Ahead, Lookahead
from scenarios.briefing import Briefing
from scenarios.errors import InfeasibleError
from scenarios.flow_ahead import Limit
from scenarios.foresight import foreseeing
from scenarios.inference import SegmentFilter
from scenarios.pacing import Pace, last_share, windows
from scenarios.rules import CompiledRules, plan_table
from scenarios.schema.rules import Rule
from scenarios.silence import Spells, Watch
from scenarios.strategies.base import Choice, Strategy, View
from scenarios.strategies.fairness import Fairness
from solvers import Problem, Solution

FORESEEN_LABELS = frozenset(("offer", "channel", "kind", "segment"))
"""Labels of rules that the model of the rest of a run knows."""


@dataclass(frozen=True)
class Decision:
    """One decision: what was planned, and what the solver said.

    ``planned_value`` and costs are sums over customers, undiscounted to the start of the run.  ``price``: value of one more
    unit of the budget (of what its window has left, where a strategy paces itself).  ``missed``: rule -> shortfall relative
    to its bound.
    ``model_value``: incremental value of the rest of the run as a strategy that looks ahead models it, at this decision.
    """

    period: int
    contacts: int
    planned_value: float
    planned_cost: float
    liability: float
    price: float
    gap: float
    passes: int
    missed: dict[str, float]
    model_value: float | None = None


@dataclass
class Planner:
    """One strategy under one briefing.

    ``keep_plans`` keeps every epoch's arms for the run folder, and refuses rules that no plan meets together.
    ``priced_cost`` (n,): planned cost less its mean, times the budget's shadow price, discounted and summed over epochs
    (see :func:`scenarios.statistics.paired_variance`); None where a strategy prices nothing.  ``seen_segments`` (S, S):
    customers by true segment and by the one seen, over epochs.

    Raises:
        InfeasibleError: with ``keep_plans``.
    """

    briefing: Briefing
    strategy: Strategy
    keep_plans: bool = False
    decisions: list[Decision] = field(default_factory=list)
    plans: list[NDArray[np.int16]] = field(default_factory=list)
    priced_cost: NDArray[np.float64] | None = None
    seen_segments: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    _past: list[tuple[Population, int]] = field(default_factory=list)
    _watch: Watch = field(default_factory=Watch)
    _spells: Spells = field(default_factory=Spells)
    _lookahead: Lookahead | None = None

    def __post_init__(self) -> None:
        b = self.briefing

        def pace(rule: Rule, bound: float | None, *, upper: bool) -> Pace | None:
            epochs = tuple(b.calendar.decisions)
            if rule.releases and upper:
                amounts = tuple(release.amount * b.scale for release in rule.releases)
                return Pace(0.0, tuple(release.period for release in rule.releases), epochs, released=amounts)
            if bound is None or rule.ratio is not None:
                return None
            starts = windows(rule.per, b.scenario.time, epochs)
            return Pace(bound * b.scale, starts, epochs, last_share(rule.per, b.scenario.time, starts))

        synthetic = b.scenario.population.synthetic
        shape = 1.0 if synthetic is None else synthetic.order_rate_shape
        inferred = b.scenario.planning.segments == "inferred"
        history = b.customers.population.state.orders
        self._filter = SegmentFilter(b.beliefs, b.tables, shape, history) if inferred else None
        self._paces = [
            (rule, pace(rule, rule.min, upper=False), pace(rule, rule.max, upper=True)) for rule in b.scenario.rules
        ]
        used = {arm.channel for arm in b.beliefs.arms}
        self._capacities = [
            Rule(
                name=f"capacity of {name}",
                measure="count",
                where={"channel": (name,)},
                max=c.capacity_per_period * b.scale,
            )
            for name, c in b.scenario.channels.items()
            if c.capacity_per_period is not None and name in used
        ]

    @property
    def budget_row(self) -> int | None:
        """Index of the rule that limits the cost of everything; None without one."""
        for index, (rule, _, high) in enumerate(self._paces):
            if rule.measure == "cost" and not rule.where and high is not None:
                return index
        return None

    @property
    def budget(self) -> float | None:
        """Amount of all windows of the budget; None without one."""
        index = self.budget_row
        high = None if index is None else self._paces[index][2]
        return None if high is None else high.total()

    @property
    def _whole(self) -> bool:
        """The strategy paces itself."""
        return bool(getattr(self.strategy, "paces_itself", False))

    def __call__(self, epoch: Epoch, simulation: Simulation) -> NDArray[np.uint8]:
        """The plan of this epoch for the engine: 0 = none, 1 + arm."""
        b, period = self.briefing, epoch.period
        here = present(simulation)
        seen, then = self._seen(here, period)
        self._spells.watch(seen, then)
        known = b.as_known(seen, then, self._watch(seen, then), self._spells)
        if self._filter is not None:
            known = self._filter(known, period)
        self._compare(here, known)
        if simulation.centre is not None:
            b = foreseeing(b, known, simulation.centre, period)
        measures, liability = b.candidates(known, period)
        problem, compiled = b.problem(known, period, self.rules(period), measures)
        view = View(
            problem=problem,
            population=known,
            clv=future_value(b.tables, known, b.beliefs, period),
            arms=tuple(arm.name for arm in b.beliefs.arms),
            segments=b.beliefs.segments.names,
            uniform=lambda draw: uniforms(b.seed, known.traits.key, period, STRATEGY, draw),
            gap=b.gap,
            ahead=lambda: self._ahead(b, known, period),
            fair=Fairness.of(compiled, len(b.beliefs.arms)),
        )
        choice = self.strategy.choose(view)
        if self.keep_plans and choice.solution is not None and choice.solution.conflict:
            rules = ", ".join(dict.fromkeys(choice.solution.conflict))
            raise InfeasibleError([f"no plan in period {period} meets these together: {rules}; relax one of them"])
        self._book(period, problem, compiled, liability, choice)
        if self.keep_plans:
            self.plans.append(choice.arm)
        plan = np.zeros(len(here), np.uint8)  # nothing for customers whom the data do not show yet
        plan[: len(choice.arm)] = choice.arm + 1
        return plan

    def _compare(self, here: Population, known: Population) -> None:
        """Count true segments against those seen, of the customers that the data show."""
        count = len(self.briefing.beliefs.segments.names)
        true = here.state.segment[: len(known)].astype(np.int64)
        table = np.bincount(true * count + known.state.segment, minlength=count**2).reshape(count, count)
        self.seen_segments = table if not self.seen_segments.size else self.seen_segments + table

    def _seen(self, here: Population, period: int) -> tuple[Population, int]:
        """The customers as the data show them, and the period that the data are from: today's contacts, else the state of
        some decisions ago.
        """
        lag = self.briefing.scenario.planning.data_lag_decisions
        if lag == 0:
            return here, period
        self._past.append((here.copy(), period))
        old, then = self._past[0]
        if len(self._past) > lag:
            self._past.pop(0)
        seen = old.copy()
        seen.state.contacts[:] = here.state.contacts[: len(old)]
        left = np.maximum(
            seen.state.active_left.astype(np.int64) - (period - then), 0
        )  # what was sent since is not seen
        seen.state.active_left[:] = left
        seen.state.active_arm[left == 0] = 0
        return seen, then

    def _ahead(self, briefing: Briefing, known: Population, period: int) -> Ahead:
        """The rest of the run, with what is left of every amount."""
        self._lookahead = self._lookahead or Lookahead(briefing)
        return self._lookahead.at(known, period, self.limits(period))

    def limits(self, period: int) -> list[Limit]:
        """Upper limits on what is chosen in the rest of the run: the rule, the epochs that share an amount, what is left of it.

        Those of tiers and groups are left out: the types of that model have none.  They hold at every decision all the same.
        """
        summed = [
            (rule, high)
            for rule, _, high in self._paces
            if high is not None and rule.scope == "selected" and FORESEEN_LABELS.issuperset(rule.where)
        ]
        limits = [(rule, *left) for rule, high in summed for left in high.ahead(period)]
        later = [e for e in self.briefing.calendar.decisions if e >= period]
        return limits + [(rule, (e,), float(rule.max or 0.0)) for rule in self._capacities for e in later]

    def rules(self, period: int) -> list[Rule]:
        """The rules with what this epoch may use of each, and the channels' capacities."""
        paced = [
            rule.model_copy(
                update={
                    "min": low.allowed(period) if low else rule.min,
                    "max": max(high.left(period) if self._whole else high.allowed(period), 0.0) if high else rule.max,
                }
            )
            for rule, low, high in self._paces
        ]
        return paced + self._capacities

    def _book(
        self, period: int, problem: Problem, compiled: CompiledRules, liability: NDArray[np.float32], choice: Choice
    ) -> None:
        chosen = np.flatnonzero(choice.arm >= 0)
        table = plan_table(problem.measures, choice.arm, compiled)
        used = [rule.value(table) for rule in compiled.rules]
        for (_, low, high), amount in zip(self._paces, used, strict=False):
            for pace in (low, high):
                if pace is not None:
                    pace.use(period, amount)
        total = table.sum(axis=(1, 2))
        solution, budget = choice.solution, self.budget_row
        price = shadow_price(solution, compiled, budget)
        if budget is not None:
            price += choice.prices.get(self._paces[budget][0].name, 0.0)
        if price > 0:
            planned = np.zeros(len(self.briefing.control))
            planned[chosen] = problem.measures[1, choice.arm[chosen], chosen]
            planned[: len(choice.arm)] -= planned[: len(choice.arm)].mean()
            worth = price * self.briefing.beliefs.economics.discount_factor**period * planned
            self.priced_cost = worth if self.priced_cost is None else self.priced_cost + worth
        # Greedy proves no bound of its own.
        proven = solution if solution is not None and solution.method != "greedy" else None
        self.decisions.append(
            Decision(
                period=period,
                contacts=len(chosen),
                planned_value=float(total[0]),
                planned_cost=float(total[1]),
                liability=float(liability[choice.arm[chosen], chosen].sum(dtype=np.float64)),
                price=price,
                gap=proven.gap if proven else 0.0,
                passes=proven.passes if proven else 0,
                missed=shortfalls(problem, table),
                model_value=choice.model_value,
            )
        )


def present(simulation: Simulation) -> Population:
    """The customers who are there: all, or the first so many."""
    everybody = simulation.population
    return everybody if simulation.present == len(everybody) else everybody.take(np.arange(simulation.present))


def shadow_price(solution: Solution | None, compiled: CompiledRules, rule: int | None) -> float:
    """Price of one rule in the solver's answer; 0 without one."""
    if solution is None or rule is None or not compiled.rules[rule].rows:
        return 0.0
    name = compiled.rules[rule].rows[0].name
    return next((r.shadow_price for r in solution.rows if r.name == name), 0.0)


def shortfalls(problem: Problem, table: NDArray[np.float64]) -> dict[str, float]:
    """Rows that a plan's table misses -> by how much, relative to the bound (at least 1)."""
    missed = {}
    for row in problem.rows:
        value = float((row.coefficients @ table.ravel())[0]) + row.constant
        size = max([1.0, *(abs(bound) for bound in (row.lower, row.upper) if np.isfinite(bound))])
        short = max(row.lower - value, value - row.upper) / size
        if short > 1e-6:
            missed[row.name] = short
    return missed
