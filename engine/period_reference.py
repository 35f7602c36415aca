"""The definition of a period: one customer, in plain Python, straight from the :class:`World`.

What happens to whom in a whole run is in :mod:`engine.reference`; what dynamics add in :mod:`engine.life_reference`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.formulas import logistic, micro, orders, part_of
from engine.ledger import (
    ARM_CONTACTS,
    ARM_DISCOUNT,
    ARM_ORDERS,
    ARM_RESPONSES,
    CANNIBALISED,
    CONTACT,
    COST_OF_GOODS,
    COST_TO_SERVE,
    DISCOUNT,
    INCREMENTAL,
    LOSING_ORDERS,
    LOSSES,
    LOST,
    ORDERS,
    REDEMPTION,
    REVENUE,
    SEGMENT_CUSTOMERS,
    SEGMENT_MARGIN,
    SEGMENT_ORDERS,
    VISITS,
    WALLET,
)
from engine.life_reference import Twin
from engine.noise import make_spread, noise_sum
from engine.population import NEVER, Population
from engine.rates import factor_table, level_table
from engine.rng import LEAVING, LIFE, OFFER, PERIOD, PERIODS_PER_DRAW, philox, unit
from engine.rng import VISITS as VISITS_STREAM
from engine.tables import members
from engine.traffic import other_visits
from engine.world import Arm, World

F = np.float32
MICRO = 10**6
MASK = 0xFFFFFFFF


@dataclass
class Outcome:
    """What :func:`live` leaves: state, discounted margin, promotion cost in micro-units, and the ledger's sums."""

    population: Population
    margin: NDArray[np.float64]
    promotion: NDArray[np.int64]
    lines: NDArray[np.int64]
    by_segment: NDArray[np.int64]
    by_arm: NDArray[np.int64]
    flow: NDArray[np.int64]
    trust: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    placed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    begun: set[str] = field(default_factory=set)


def draw(seed: int, key: int, period: int, purpose: int, number: int = 0) -> list[np.uint32]:
    """The four words of a draw."""
    counter = (key & MASK, key >> 32, period, purpose << 24 | number)
    return [np.uint32(w) for w in philox(counter, (seed & MASK, (seed >> 32) & MASK))]


def natural_move(world: World, segment: int, word: np.uint32) -> int:
    """Inverse CDF of the row, on the word's upper 31 bits; the last segment of positive probability takes the rest."""
    row, u, total = world.segments.transition[segment], int(word) >> 1, 0.0
    last = max(k for k in range(len(row)) if row[k] > 0)
    for k in range(last):
        total += row[k]
        if u < round(total * 2**31):
            return k
    return last


def counts(u: np.float32, rate: np.float32, active: Arm | None) -> tuple[int, int]:
    """Orders with the offer and without."""
    k = without = int(orders(u, rate))
    if active:
        lift = F(1 + active.order_lift)
        k = int(orders(u, rate * lift))
        k = max(k, without) if lift >= 1 else min(k, without)
    return k, without


def live_one(world: World, out: Outcome, seed: int, t: int, i: int, choice: int) -> None:
    """Period t of customer i, who is given arm ``choice - 1``, or none."""
    traits, state = out.population.traits, out.population.state
    segments, economics = world.segments, world.economics
    key = int(traits.key[i])
    offer, period = draw(seed, key, t, OFFER), draw(seed, key, t, PERIOD)
    complementarity = world.complementarity.astype(np.float32)
    lines, by_segment, by_arm = out.lines[t], out.by_segment[t], out.by_arm[t]
    before = int(state.segment[i])
    cash = cost = 0
    jump = -1
    twin = None
    if world.dynamics is not None:
        assert out.population.life is not None
        leaving = draw(seed, key, t // PERIODS_PER_DRAW, LIFE, LEAVING)[t % PERIODS_PER_DRAW]
        twin = Twin(world, out.population.life, i, t, draw(seed, key, t, LIFE), leaving, offer)
        if choice and not twin.may_contact(world.arms[choice - 1]):
            choice = 0

    # 1. contact, response, and what a response starts
    if choice:
        a, arm = choice - 1, world.arms[choice - 1]
        contact_cost = round(arm.contact_cost * MICRO)
        cash -= contact_cost
        cost += contact_cost
        lines[CONTACT] += contact_cost
        by_arm[ARM_CONTACTS, a] += 1
        p = arm.response[before]
        score = F(np.log(p) - np.log1p(-p)) + traits.responsiveness[i] - F(world.fatigue.weight) * state.fatigue[i]
        hears = twin is None or twin.hears(arm)
        if twin and hears:
            score = score + twin.shift(arm)
        responds = hears and unit(offer[0]) < logistic(score)
        if twin and hears:
            (twin.respond if responds else twin.refuse)(arm)
        if responds:
            by_arm[ARM_RESPONSES, a] += 1
            state.active_arm[i], state.active_left[i] = choice, arm.duration
            if (
                arm.move_to >= 0
                and (segments.transition[before, before] != 1 or arm.more.win_back)
                and unit(offer[1]) < F(arm.move_probability)
            ):
                jump = arm.move_to
            owned = state.owned[i]
            new = np.uint32(members(arm) & ~int(owned))
            if new and unit(offer[2]) < F(arm.sticks):
                part = part_of(owned, new, complementarity, traits.headroom[i])
                if part > 0:
                    if twin:
                        twin.take_up(owned, new, arm, traits.headroom[i])
                    state.owned[i] = owned | new
                    state.extra_value[i] += part * F(1 - arm.more.cannibalises)
    if world.arms and (world.fatigue.decay or world.fatigue.weight):
        state.fatigue[i] = F(world.fatigue.decay) * state.fatigue[i]
        if choice:
            state.fatigue[i] += F(1)
    state.contacts[i] = (int(state.contacts[i]) << 1 | (choice > 0)) & (2**64 - 1)
    active = world.arms[int(state.active_arm[i]) - 1] if state.active_left[i] > 0 else None

    # 2. move
    now = natural_move(world, before, period[0])
    keeps = F(active.attrition_reduction) if active else F(0)
    if twin:
        now = twin.tilted(now, before, state.fatigue[i], active, period[0])
        hold = twin.hold(int(state.owned[i]), active)
        keeps = F(1) - hold
    lapses = not segments.lapsed[before] and segments.lapsed[now]
    if jump >= 0:
        now = jump
    elif lapses and unit(offer[3]) < keeps:
        now = before
    if twin:
        twin.come_back(now)
    by_segment[SEGMENT_CUSTOMERS, now] += 1

    # 3. orders, with the offer and without
    start = int(traits.start_segment[i])
    factor = factor_table(segments)[start, now]
    level = level_table(segments, world.horizon)[start, min(t, world.horizon - 1)]
    season = 1.0 if world.season is None else world.season.within[min(t, world.horizon - 1)]
    own = traits.rate[i]
    if world.service is not None and world.service.trust.acts_on_orders:
        own = own * out.trust[i]
    rate = own * F(factor * level * season)
    u = unit(period[1])
    if twin:
        lapsed = bool(segments.lapsed[now])
        if world.dynamics and (world.dynamics.competition or world.dynamics.rivals):
            at_first = factor_table(segments)[start, start] * level * season
            gone = F(max(at_first - factor * level * season, 0.0) if lapsed else 0.0)
            wallet, lost = twin.wallets(rate, own * gone, traits.order_value[i], state.extra_value[i])
            lines[WALLET] += wallet
            lines[LOST] += lost
        rate = twin.rate(rate, hold, lapsed)
        k, without = twin.counts(u, rate, active)
        k, without = twin.drop_out(k, without, hold, lapsed)
    else:
        k, without = counts(u, rate, active)
    lines[ORDERS] += k
    lines[INCREMENTAL] += k - without
    out.placed[i] = k
    if world.conversion is not None:
        browse = rate * F(1 / world.conversion[now] - 1)
        lines[VISITS] += max(without + int(other_visits(unit(draw(seed, key, t, VISITS_STREAM)[0]), browse)), k)
    by_segment[SEGMENT_ORDERS, now] += k

    # 4. order values
    spread = make_spread(world.order_value)
    value = traits.order_value[i] + state.extra_value[i]
    if twin:
        value = twin.order_value(traits.order_value[i], state.extra_value[i])
    part = F(0)
    if active and active.category >= 0:
        sold, owned = members(active), state.owned[i]
        headroom = twin.at_todays_share(traits.headroom[i], active) if twin else traits.headroom[i]
        part = part_of(owned, np.uint32(sold), complementarity, headroom)
        new = np.uint32(sold & ~int(owned))
        if new:
            value = value + part_of(owned, new, complementarity, headroom) * F(1 - active.more.cannibalises)
    if twin:
        value = twin.swung(value, active)

    def noise(count: int) -> np.float32:
        k0, k1 = np.uint64(seed & MASK), np.uint64((seed >> 32) & MASK)
        return noise_sum(count, period[2], period[3], traits.key[i], np.uint64(t), k0, k1, spread)

    total = noise(k)
    listed = float(value * total)
    revenue = int(micro(listed * MICRO))
    goods = int(micro(listed * float((1 - economics.gross_margin_rate) * MICRO)))
    serve = round(economics.cost_to_serve_per_order * MICRO) * k
    cash += revenue - goods - serve
    lines[REVENUE] += revenue
    lines[COST_OF_GOODS] += goods
    lines[COST_TO_SERVE] += serve

    # 5. discount and redemption; a cross-sell offer acts on the category's part only
    given = 0
    base = part if active and active.category >= 0 else value
    if active and k and (active.category < 0 or base > 0):
        a = int(state.active_arm[i]) - 1
        given = int(micro(float(base * total) * (active.depth * MICRO)))
        redemption = round(active.redemption_cost * MICRO) * k
        cash -= given + redemption
        cost += given + redemption
        lines[DISCOUNT] += given
        lines[CANNIBALISED] += micro(float(base * noise(min(k, without))) * (active.depth * MICRO))
        lines[REDEMPTION] += redemption
        by_arm[ARM_ORDERS, a] += k
        by_arm[ARM_DISCOUNT, a] += given

    # 6. money
    if world.count_losses and k and cash < 0:
        lines[LOSING_ORDERS] += k
        lines[LOSSES] -= cash
    by_segment[SEGMENT_MARGIN, now] += cash
    out.margin[i] += float(cash) * (economics.discount_factor**t / MICRO)
    out.promotion[i] += cost

    # 7. the offer ages, history is kept
    state.segment[i] = now if twin is None else twin.close(k, without, active, before, now)
    out.flow[t, before, state.segment[i]] += 1
    if twin and twin.leaves:
        state.active_arm[i] = state.active_left[i] = 0
    elif active:
        state.active_left[i] -= 1
        if state.active_left[i] == 0:
            state.active_arm[i] = 0
    if state.recency[i] != NEVER and state.tenure[i] < 65535:
        state.tenure[i] += 1
    if k:
        state.recency[i] = 0
        state.orders[i] += F(k)
        state.spend[i] += F(float(revenue - given) / MICRO)
    elif state.recency[i] < NEVER - 1:
        state.recency[i] += 1
