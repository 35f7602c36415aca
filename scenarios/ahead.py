"""The rest of a run as a flow: who will be where at the later decisions, and what offers will be worth there.

Customers stand for types: one start segment, one size (rate x order value), from small to large.  A type's customer is put
into every segment and every memory of contacts, and the engine says what each arm is worth there at each decision, exactly as it
does today: incremental CLV if nothing followed.  What follows is then the flow's business: with V0 the value without offers,
a policy's value less V0 is the sum of these increments along its path (they telescope), so nothing is counted twice.

Named approximations, the price of a model of some ten thousand numbers: types for customers; a response's move acts until the next
decision (an offer that lasts longer goes on in its value, not in the moves); what dynamics add to a customer's moves, and
what changes in him besides segments, contacts and whether he took up an offer that can be taken up once, is not foreseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine import Population, World
from engine.present import present_rate, present_value
from scenarios.briefing import Briefing
from scenarios.contacts_ahead import Memories
from scenarios.flow_ahead import Limit, make_flow, measures_of
from solvers import Flow

Floats = NDArray[np.float64]

CELLS = 200_000
"""Numbers of the model in one measure, about: types are as many as that allows."""
MOST_TYPES, LEAST_BINS = 96, 2
RENEWALS = 6


@dataclass(frozen=True)
class Types:
    """G types: a customer each, its start segment and size; ordered by both.

    ``first``: (A + 1,) where each start segment's types begin.
    """

    population: Population
    size: Floats
    first: NDArray[np.int64]

    @classmethod
    def of(cls, known: Population, world: World, most: int) -> Types:
        """Equal numbers of customers by size within each start segment, at the mean size of each group."""
        size, start = sizes(known, world), known.traits.start_segment
        s, members, means, first = len(world.segments.names), [], [], [0]
        for a in range(s):
            who = np.flatnonzero(start == a)
            who = who[np.argsort(size[who], kind="stable")]
            bins = min(max(LEAST_BINS, round(most * len(who) / max(len(known), 1))), len(who))
            for part in np.array_split(who, bins) if bins else ():
                members.append(part[len(part) // 2])
                means.append(size[part].mean())
            first.append(len(members))
        chosen = known.take(np.array(members, np.int64))
        own = sizes(chosen, world)
        rate = chosen.traits.rate * np.where(own > 0, np.array(means) / np.where(own > 0, own, 1.0), 1.0)
        chosen = replace(chosen, traits=replace(chosen.traits, rate=rate.astype(np.float32)))
        return cls(chosen, sizes(chosen, world), np.array(first))

    def between(self, known: Population, world: World) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Two types of each customer and the weight of the second, by size; beyond the largest the line goes on."""
        size, start = sizes(known, world), known.traits.start_segment
        low, high, weight = np.zeros(len(known), np.int64), np.zeros(len(known), np.int64), np.zeros(len(known))
        for a, (begin, end) in enumerate(zip(self.first, self.first[1:], strict=False)):
            who = start == a
            if end <= begin or not who.any():
                continue
            x, own = size[who], self.size[begin:end]
            at = np.clip(np.searchsorted(own, x, side="right") - 1, 0, max(len(own) - 2, 0))
            up = np.minimum(at + 1, len(own) - 1)
            step = own[up] - own[at]
            low[who], high[who] = begin + at, begin + up
            weight[who] = np.maximum(np.where(step > 0, (x - own[at]) / np.where(step > 0, step, 1.0), 0.0), 0.0)
        return low, high, weight


def sizes(population: Population, world: World) -> Floats:
    """(n,) rate x value of an order: what a customer's offers scale with."""
    return np.asarray(present_rate(population, world, 0) * np.maximum(present_value(population, world, 0), 0.0))


def at_every_place(population: Population, memories: int, segments: int) -> Population:
    """(G x M x S) the types in every memory and segment, the segment counting fastest; no offer acts on them."""
    g = len(population)
    out = population.take(np.repeat(np.arange(g), memories * segments))
    out.state.segment[:] = np.tile(np.arange(segments, dtype=np.uint8), g * memories)
    out.state.active_arm[:] = 0
    out.state.active_left[:] = 0
    return out


@dataclass
class Lookahead:
    """What is known of all later decisions, kept from one decision to the next.

    In worlds with dynamics customers change in other ways than by moves and contacts: types are drawn anew
    ``RENEWALS`` times a run.
    """

    briefing: Briefing
    _types: Types | None = None
    _stages: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)
    _made: int = 0

    @cached_property
    def memories(self) -> Memories:
        """Contacts to remember."""
        policy, fatigue = self.briefing.scenario.contact_policy, self.briefing.beliefs.fatigue
        return Memories.of(self.briefing.calendar.decisions, policy.max_contacts, policy.window_periods, fatigue)

    @cached_property
    def once(self) -> tuple[bool, ...]:
        """Arms that a customer can take up once: a category or a tier more."""
        return tuple(arm.category >= 0 or arm.more.tier_step > 0 for arm in self.briefing.beliefs.arms)

    def at(self, known: Population, period: int, limits: Sequence[Limit]) -> Ahead:
        """The rest of the run from this decision on.  ``limits``: rules, the epochs that share an amount, the amount."""
        b, world = self.briefing, self.briefing.beliefs
        decisions = b.calendar.decisions
        epochs, index = tuple(e for e in decisions if e >= period), decisions.index(period)
        k, m, s = len(world.arms), self.memories.count, len(world.segments.names)
        stale = world.dynamics is not None and index - self._made >= len(decisions) / RENEWALS
        if self._types is None or stale:
            most = int(np.clip(CELLS / max(len(epochs) * k * m * s, 1), LEAST_BINS * s, MOST_TYPES))
            self._types, self._stages, self._made = Types.of(known, world, most), {}, index
        for epoch in epochs:
            if epoch not in self._stages:
                self._stages[epoch] = self._stage(self._types, epoch)
        return Ahead(self, self._types, tuple(self._stages[e] for e in epochs), epochs, known, tuple(limits))

    def _stage(self, types: Types, epoch: int) -> tuple[Floats, Floats]:
        """(4, K, G, M, S) measures, -inf value where an arm is not offered; (K, G, M, S) chances."""
        b, s, m = self.briefing, len(self.briefing.beliefs.segments.names), self.memories.count
        copies = at_every_place(types.population, m, s)
        stock = self.memories.fatigue(epoch)
        copies.state.fatigue[:] = np.tile(np.repeat(stock, s), len(types.population)).astype(np.float32)
        measures, _ = b.candidates(copies, epoch)
        found = measures.astype(np.float64)
        found[0][~b.offered(copies, measures)] = -np.inf
        shape = (len(types.population), m, s)
        return found.reshape(*found.shape[:2], *shape), b.chances(copies, epoch).reshape(len(b.beliefs.arms), *shape)


@dataclass(frozen=True)
class Ahead:
    """The rest of a run at one decision.  ``stages``: of each epoch, as in :class:`Lookahead`."""

    lookahead: Lookahead
    types: Types
    stages: tuple[tuple[Floats, Floats], ...]
    epochs: tuple[int, ...]
    known: Population
    limits: tuple[Limit, ...]

    @cached_property
    def _between(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        return self.types.between(self.known, self.lookahead.briefing.beliefs)

    @cached_property
    def _memory(self) -> NDArray[np.int64]:
        return self.lookahead.memories.of_contacts(self.known.state.contacts, self.epochs[0])

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """(n,) who can be sent anything in this run."""
        return self.lookahead.briefing.sendable[: len(self.known)]

    @cached_property
    def mass(self) -> Floats:
        """(G, M, S) customers by type, memory and segment; each is at the nearer of his two types."""
        low, high, weight = self._between
        kind = np.where(weight < 0.5, low, high)[self.free]
        shape = self.stages[0][1].shape[1:]
        cell = np.ravel_multi_index((kind, self._memory[self.free], self.known.state.segment[self.free]), shape)
        return np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)

    @cached_property
    def flow(self) -> Flow:
        """The model.  Places are segments, twice where an offer can be taken up only once: before and after."""
        b, once, s = self.lookahead.briefing, np.array(self.lookahead.once), self.mass.shape[2]
        return make_flow(b, self.epochs, self.stages, self.lookahead.memories, self.mass, self.limits, once, s)

    @property
    def keys(self) -> tuple[tuple[str, int], ...]:
        """A name for each row that stays from decision to decision: the rule and its last epoch."""
        return tuple((rule.name, epochs[-1]) for rule, epochs, _ in self.limits)

    def future_of_arms(self, value: Floats) -> Floats:
        """(K, n) what an arm changes in the worth of later offers; ``value`` (G, T + 1, M, S) as of the flow's prices."""
        if len(self.epochs) == 1:
            return np.zeros((len(self.lookahead.once), len(self.known)))
        flow, s = self.flow, self.mass.shape[2]
        after = value[:, 1]  # (G, M, places)
        none, some = flow.follow[0]
        calm = np.einsum("sz,gmz->gms", flow.calm[0], after)
        low, high, weight = self._between
        segment, memory = self.known.state.segment, self._memory

        def own(table: Floats) -> Floats:
            return np.asarray((1 - weight) * table[low, memory, segment] + weight * table[high, memory, segment])

        chance = self.lookahead.briefing.chances(self.known, self.epochs[0])
        some = np.maximum(some, 0)
        missed = own(calm[:, some, :s])
        idle = own(calm[:, none, :s])
        out = np.empty_like(chance)
        for k in range(len(chance)):
            won = own(np.einsum("sz,gmz->gms", flow.hit[0, k], after)[:, some, :s])
            out[k] = chance[k] * won + (1 - chance[k]) * missed - idle
        return out

    @cached_property
    def _shared(self) -> NDArray[np.bool_]:
        """(R,) amounts that this decision shares with later ones."""
        return np.array([len(epochs) > 1 and epochs[0] == self.epochs[0] for _, epochs, _ in self.limits], bool)

    def charges(self, prices: Floats) -> Floats:
        """(J, K, S) what a unit of each of :func:`measures_of` costs now, since later decisions need it too."""
        return np.asarray(self.flow.prices(np.where(self._shared, prices, 0.0))[:, 0, :, : self.mass.shape[2]])

    def prices_now(self, prices: Floats) -> dict[str, float]:
        """Rule -> what a unit of it is charged now."""
        out: dict[str, float] = {}
        for (rule, _, _), price, shared in zip(self.limits, prices.tolist(), self._shared.tolist(), strict=True):
            if shared:
                out[rule.name] = out.get(rule.name, 0.0) + price
        return out

    @property
    def measures(self) -> tuple[int, ...]:
        """Measures that the limits name, as in :func:`measures_of`."""
        return measures_of(self.limits)
