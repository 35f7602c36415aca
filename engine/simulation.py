"""One run: a population living in a world, advanced a few periods at a time."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.advance import advance
from engine.arrivals import Arrivals
from engine.customers import CHUNK, Customers, Switches, keep_consented
from engine.errors import PopulationError, WorldError
from engine.ledger import CAPABILITY, SETUP, Ledger, currency, empty_ledger
from engine.life import Columns
from engine.population import Population, State, Traits, check_population
from engine.present import largest_boost, share_of
from engine.rng import split
from engine.rules import make_rules
from engine.service.centre import Centre
from engine.service.link import carry_back, carry_in
from engine.tables import MICRO, make_tables, micro_units
from engine.traffic import MOST_VISITS
from engine.world import World

MAX_RATE = 500.0  # orders per period: the inverse CDF is exact to 600
MAX_ORDER_VALUE = 1e6  # currency units: micro-units of a period stay far below 2^51


class Simulation:
    """A run's state and books.

    The same seed gives the same bits in any split into calls, order or shard of the population, and thread count.

    Attributes:
        world: the true effects.
        population: traits shared with the caller, state owned by the run and changed in place.
        period: the next period to run.
        ledger: the books of the periods run so far.
        margin: (n,) float64, each customer's margin in currency units, discounted to period 0; overheads but the cost of
            joining are in the ledger only.
        centre: the contact centre, None without one.

    Args:
        world: behaviour and offers.
        population: copied; starts in period 0.
        seed: any integer; 64 bits count.
        track_history: keep recency, orders, spend and tenure; a run whose planner never looks goes faster without.
        arrivals: who joins when; None = everybody is there from the start.

    Raises:
        WorldError: parameters outside what the kernels can run, all at once.
        PopulationError: customers that do not fit the world, all at once.
    """

    def __init__(
        self,
        world: World,
        population: Population,
        *,
        seed: int,
        track_history: bool = True,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._tables, self._rules = make_tables(world), make_rules(world)
        check_population(population, world)
        self.world = world
        self._check_size(population)
        self.population = population.copy()
        self.period = 0
        self.margin = np.zeros(len(population), np.float64)
        self.ledger: Ledger = empty_ledger(
            world.segments.lapsed, self._tables.contact_cost, self._tables.redemption_cost
        )
        self._promotion = np.zeros(len(population), np.int64)
        self._key = split(seed)
        self._track_history = track_history
        self.centre = (
            Centre(world.service, world.segments.lapsed, len(population), world.scale) if world.service else None
        )
        self._linked = world.service is not None and world.service.trust.linked
        if self._linked and world.dynamics is None:
            raise WorldError(["service.trust.linked: expected a world with dynamics, whose trust it shares, got none"])
        self._arrivals = arrivals
        if arrivals is not None:
            arrivals.check(len(population))
        self._begun: set[str] = set()

    @property
    def present(self) -> int:
        """The customers that a planner sees before this period: the first so many; who joins in it is not yet known."""
        return len(self.population) if self._arrivals is None else self._arrivals.present(self.period - 1)

    @property
    def promotion_cost(self) -> NDArray[np.float64]:
        """(n,) contact + discount + redemption cost of each customer so far, currency units, undiscounted."""
        return currency(self._promotion)

    def to_arrow(self) -> dict[str, Any]:
        """``pyarrow.Table`` by name: customers, periods, segments, arms, flows (:func:`engine.arrow.run_tables`)."""
        from engine.arrow import run_tables

        return run_tables(self)

    def advance(self, periods: int, plan: NDArray[np.uint8] | None = None) -> None:
        """Run so many periods; ``plan`` (n,) uint8 acts in the first: 0 = no offer, else 1 + index of the arm.

        Where customers meet in a contact centre, or join, the periods are run one by one; else block by block.
        """
        if periods < 1:
            raise PopulationError([f"periods: expected at least 1, got {periods}"])
        given = self._check_plan(plan)
        if self.centre is None and self._arrivals is None:
            self._run(periods, given, plan is not None)
            return
        for k in range(periods):
            self._run(1, given if k == 0 else given[:0], plan is not None and k == 0)

    def _run(self, periods: int, given: NDArray[np.uint8], planned: bool) -> None:
        tables, world = self._tables, self.world
        factor = self.world.economics.discount_factor
        weights = np.array([factor**t / MICRO for t in range(self.period, self.period + periods)])
        fatigue = bool(tables.fatigue_decay != 0 or tables.fatigue_weight != 0)
        has_offers = len(tables.contact_cost) > 0
        on = Switches(
            has_offers,
            fatigue and has_offers,
            self._track_history,
            planned,
            service=self.centre is not None,
            trust=world.service is not None and world.service.trust.acts_on_orders,
            traffic=world.conversion is not None,
            losses=world.count_losses,
        )
        here = self._customers()
        if self._arrivals is not None:
            n = self._arrivals.present(self.period)
            here = Customers._make(values[:n] for values in here)
        life = self._life(len(here.key)) if self._rules is not None else None
        if self._linked and life is not None:
            carry_in(life.trust, here.trust)
        books = advance(here, tables, on, given, self.period, weights, self._key, life, self._rules)
        if self._arrivals is not None:
            self._arrivals.join(self.period, float(weights[0]), self.margin, books.lines[0])
        if self.centre is not None:
            self._serve(self.centre, here, life, books.lines[0], books.flows[0])
        self._book_overheads(periods, given, books.lines)
        self.ledger = self.ledger.joined(*books)
        self.period += periods

    def _serve(
        self,
        centre: Centre,
        here: Customers,
        life: Columns | None,
        lines: NDArray[np.int64],
        flows: NDArray[np.int64],
    ) -> None:
        """The period's contacts; who leaves after one is in the flows, and trust is one stock where the world says so."""
        if self._linked and life is not None:
            carry_in(life.trust, here.trust)
        stayed = here.segment.copy() if flows.size else here.segment
        centre.work(here.key, here.segment, self.period, self._key, lines)
        if self._linked and life is not None:
            carry_back(life.trust, here.trust)
        if flows.size and life is not None:
            gone, s = np.flatnonzero(stayed != here.segment), len(self.world.segments.names)
            before = life.before[gone].astype(np.int64) * s
            np.subtract.at(flows, before + stayed[gone], 1)
            np.add.at(flows, before + here.segment[gone], 1)

    def _book_overheads(self, periods: int, given: NDArray[np.uint8], lines: NDArray[np.int64]) -> None:
        """Set-up of offers that are sent for the first time, and what capabilities cost."""
        world = self.world
        if any(arm.setup_cost for arm in world.arms) and len(given):
            for arm in (world.arms[a - 1] for a in np.unique(given) if a):
                if arm.offer not in self._begun:
                    self._begun.add(arm.offer)
                    lines[0, SETUP] += micro_units(arm.setup_cost * world.scale)
        if world.overheads is not None:
            for t, amount in enumerate(world.overheads[self.period : self.period + periods]):
                lines[t, CAPABILITY] += micro_units(float(amount) * world.scale)

    def _customers(self) -> Customers:
        traits, state = self.population.traits, self.population.state
        values = {f.name: getattr(traits, f.name) for f in fields(Traits)} | {
            f.name: getattr(state, f.name) for f in fields(State)
        }
        values |= {"margin": self.margin, "promotion": self._promotion}
        values |= {
            "trust": self.centre.trust if self.centre else np.zeros(0, np.float32),
            "placed": self.centre.placed if self.centre else np.zeros(0, np.uint32),
        }
        # The kernels are compiled for contiguous writable arrays; a column read from a file may be neither.
        return Customers(**{name: np.require(values[name], requirements=["C", "W"]) for name in Customers._fields})

    def _life(self, n: int) -> Columns:
        life = self.population.life
        return Columns(*(np.require(getattr(life, name)[:n], requirements=["C", "W"]) for name in Columns._fields))

    def _with_consent(self, plan: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The plan without those who may not be contacted through their arm's channel."""
        life, rules = self.population.life, self._rules
        if life is None or rules is None or not (rules.channel >= 0).any():
            return plan
        bit = np.append(
            np.uint32(0), np.where(rules.channel >= 0, 1 << np.maximum(rules.channel, 0), 0).astype(np.uint32)
        )
        kept = np.empty_like(plan)
        keep_consented(-(-len(plan) // CHUNK), plan, life.consent, bit, kept)
        return kept

    def _check_plan(self, plan: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        if plan is None:
            return np.zeros(0, np.uint8)
        n, arms = len(self.population), len(self.world.arms)
        if plan.shape == (self.present,) and self.present < n:
            plan = np.concatenate([plan, np.zeros(n - len(plan), plan.dtype)])
        if plan.shape != (n,) or plan.dtype != np.uint8:
            raise PopulationError([f"plan: expected {n} uint8 numbers, got {plan.dtype} of shape {plan.shape}"])
        if plan.max(initial=0) > arms:
            raise PopulationError([f"plan: expected 0 to {arms}, 1 + index of an arm, got {plan.max()}"])
        return self._with_consent(np.require(plan, requirements=["C", "W"]))

    def _check_size(self, population: Population) -> None:
        traits, tables = population.traits, self._tables
        fastest = traits.rate * largest_boost(population, self.world, float(tables.lift.max(initial=1.0)))
        rate = float(fastest.max(initial=0)) * float(tables.pace.max(initial=0))
        most = 1.0 if self._rules is None else float(self._rules.multiple.max() * self._rules.growth_limit)
        value = float(traits.order_value.max(initial=0)) * most + float(traits.headroom.max(initial=0)) * max(
            len(self.world.categories), 1
        )
        if self._rules is not None and len(self._rules.rivals) and population.life is not None and len(population):
            life = population.life  # whole wallets
            whole = (life.spent + traits.headroom[:, self._rules.rivals]) / share_of(life.category_share.astype(float))
            value += float(whole.sum(axis=1).max())
        problems = []
        visits = (
            float(traits.rate.max(initial=0))
            * float(tables.pace.max(initial=0))
            * float(tables.browsing.max(initial=0))
        )
        if visits > MOST_VISITS:
            problems.append(
                f"conversion: expected at most {MOST_VISITS:g} visits per customer and period, got {visits:g}: it is too low"
            )
        if rate > MAX_RATE:
            problems.append(
                f"rate: expected at most {MAX_RATE:g} orders per period in any segment with any offer, got {rate:g}"
            )
        if value > MAX_ORDER_VALUE:
            problems.append(f"order_value: expected at most {MAX_ORDER_VALUE:g} with all categories, got {value:g}")
        if (traits.headroom < 0).any():
            problems.append(f"headroom: expected >= 0, got {traits.headroom.min()}")
        if (population.state.active_arm > len(self.world.arms)).any():
            problems.append(
                f"active_arm: expected at most {len(self.world.arms)}, got {population.state.active_arm.max()}"
            )
        if ((population.state.active_left > 0) != (population.state.active_arm > 0)).any():
            problems.append("active_left: expected above 0 exactly where active_arm is")
        if problems:
            raise PopulationError(problems)
