"""The driver: strips of blocks in parallel, periods in order, phases one after the other."""

from __future__ import annotations

from typing import NamedTuple, cast

import numba
import numpy as np
from numpy.typing import NDArray

from engine import attrition_phases as attrition
from engine import category_phases as categories
from engine import contact_phases as contacts
from engine import life_phases as lives
from engine import noise, phases, traffic
from engine import offer_phases as offers
from engine import promotion_phases as promotions
from engine import scratch as at
from engine import segment_phases as segments
from engine import wallet_phases as wallets
from engine._jit import lean_kernel, pool, wide_vectors
from engine.customers import Customers, Money, Real, Switches, Word, load, remember_contacts, store
from engine.ledger import ARM_LINES, LINES, SEGMENT_CUSTOMERS, SEGMENT_LINES, SEGMENT_MARGIN, SEGMENT_ORDERS
from engine.life import Columns
from engine.rng import LEAVING, LIFE, OFFER, PERIOD, PERIODS_PER_DRAW, VISITS
from engine.rules import BG_NBD, PARETO_NBD, Rules
from engine.scratch import BLOCK, BUYER, PRICE, VALUE, WHO, make_scratch
from engine.segment_phases import FLOW_ROWS
from engine.tables import Tables

STRIPS_PER_THREAD = 8  # evens out strips of unequal work


class Books(NamedTuple):
    """Ledger sums by period: ``lines`` (T, LINES), ``by_segment`` (T, 3, S), ``by_arm`` (T, 4, A), ``flows`` (T, S * S),
    the last (T, 0) where they are not kept.
    """

    lines: Money
    by_segment: Money
    by_arm: Money
    flows: Money


@lean_kernel
def run_strip(
    blocks: tuple[int, int],
    real: Real,
    word: Word,
    money: Money,
    few: Real,
    those: Word,
    reached: Real,
    shelf: Real,
    customers: Customers,
    tables: Tables,
    on: Switches,
    plan: NDArray[np.uint8],
    start: int,
    weights: NDArray[np.float64],
    k0: np.uint64,
    k1: np.uint64,
    lines: Money,
    by_segment: Money,
    by_arm: Money,
    flows: Money,
    life: Columns | None,
    rules: Rules,
) -> None:
    """All periods of the blocks from ``blocks[0]`` up to ``blocks[1]``, one block after the other.

    ``real`` to ``shelf``: :class:`engine.scratch.Scratch`.  ``life``: None where the world has no
    dynamics; ``rules`` is None then too, and not read.  The compiler drops their branches, and makes another kernel for
    worlds that have them.
    """
    wide_vectors()
    n = customers.key.shape[0]
    rivals = 0
    if life is not None:
        rivals = rules.rivals.shape[0]
    for block in range(blocks[0], blocks[1]):
        low = block * BLOCK
        m = min(BLOCK, n - low)
        load(real, word, customers, low, m, tables.segments, on)
        if life is not None:
            lives.load_life(real, word, life, customers, low, m, rules)
            if rivals > 0:
                categories.load_shelf(shelf, life, low, m, rules)
        for t in range(weights.shape[0]):
            period = start + t
            contacted = active = leavers = 0
            if life is not None:
                segments.level_out(real)
            if on.planned and t == 0:
                contacted = contacts.list_contacted(word, those, plan, low, m)
                if contacted > 0:
                    contacts.charge(money, those, low, contacted, tables, customers.promotion, lines[t], by_arm[t])
                    if life is not None:
                        contacts.toss(word, those, contacted, period, np.uint64(LIFE << 24), k0, k1)
                        promotions.prepare(real, word, few, those, low, contacted, period, tables, rules, life)
                    contacts.toss(word, those, contacted, period, np.uint64(OFFER << 24), k0, k1)
                    responders = contacts.list_responders(real, word, few, those, contacted, tables, by_arm[t])
                    contacts.begin(real, word, those, low, responders, tables, customers)
                    if life is not None:
                        promotions.follow(real, word, few, those, low, contacted, responders, customers, rules)
                        if rivals > 0:
                            categories.take_up(word, those, shelf, low, responders, tables, customers, rules)
            if on.fatigue:
                contacts.tire(real, those, contacted, tables.fatigue_decay)
            if on.offers:
                active = offers.list_active(word, m)
            if life is not None:
                attrition.hold(real, word, active, tables, rules)
                if rules.attrition == PARETO_NBD:
                    if t == 0 or period % PERIODS_PER_DRAW == 0:
                        phases.draw(word, period // PERIODS_PER_DRAW, np.uint64(LIFE << 24 | LEAVING), k0, k1)
                        attrition.keep_words(word)
                    attrition.spans(real, word, at.LEAVE_WORDS + period % PERIODS_PER_DRAW * at.BLOCK)
                segments.keep_segment(real, word)

            phases.draw(word, period, np.uint64(PERIOD << 24), k0, k1)
            phases.move(word, tables)
            if life is not None:
                if rules.tilted:
                    segments.tilt(real, word, reached, tables, rules)
                held = active > 0 or rules.breadth[2] < 1
                segments.redirect(real, word, m, contacted, held, period, k0, k1, tables, rules)
            elif active > 0:
                offers.redirect(word, active, contacted > 0, period, k0, k1, tables)
            phases.census(word, m, by_segment[t, SEGMENT_CUSTOMERS])

            phases.pace(real, word, tables.pace[min(period, tables.pace.shape[0] - 1)])
            if life is not None:
                if rules.competes:
                    wallets.share_wallet(real, period, rules)
                    if rivals == 0:
                        wallets.count_wallets(real, word, VALUE, period, rules, lines[t])
                if rivals > 0:
                    if not rules.competes:
                        wallets.keep_wallet(real)
                    categories.share_categories(real, word, shelf, period, rules)
                    wallets.count_wallets(real, word, at.WORTH, period, rules, lines[t])
                if rules.attrition == PARETO_NBD:
                    attrition.shorten(real, word, tables)
                if rules.dips:
                    lives.live_on_stock(real, rules.pantry_use)
            phases.order(real, word)
            if active > 0:
                if life is not None:
                    promotions.lift(real, word, active, period, tables, rules)
                else:
                    offers.lift(real, word, active, tables, lines[t])
                if rivals == 0:
                    offers.price(real, word, low, active, tables, customers.headroom)
            if life is not None and rivals > 0:
                categories.price(real, word, shelf, low, active, tables, customers.headroom, rules)
            buyers = phases.list_buyers(real, word, m)
            if life is not None:
                if rules.attrition == BG_NBD:
                    leavers = attrition.drop_out(real, word, buyers, period, k0, k1, tables)
                if rules.attrition > 0:
                    leavers = attrition.list_leavers(real, word, leavers, m, period, k0, k1, tables, rules)
                attrition.count_incremental(word, active, lines[t])
            noise.add_noise(real, word, buyers, period, k0, k1, tables.spread)
            listed = PRICE if active > 0 or rivals > 0 else VALUE
            phases.settle(real, word, money, buyers, listed, tables, lines[t], by_segment[t, SEGMENT_ORDERS])
            if active > 0:
                offers.discount(real, word, money, buyers, low, period, k0, k1, tables, customers, lines[t], by_arm[t])
            if life is not None:
                if rules.dips:
                    lives.lay_in(real, word, active, rules.pantry_share)
                if rules.habit > 0:
                    lives.remember_deals(real, word, active, rules)
                if rules.grows:
                    lives.grow(real, word, buyers, customers, low, rules)
            if active > 0:
                offers.age(word, active)

            if on.traffic:
                phases.draw(word, period, np.uint64(VISITS << 24), k0, k1)
                traffic.visit(real, word, m, active, tables.browsing, lines[t])
            margins = by_segment[t, SEGMENT_MARGIN]
            if on.losses:
                traffic.count_losses(word, money, buyers, lines[t])
            phases.book(word, word[BUYER:], money, buyers, weights[t], customers.margin, low, margins)
            if contacted > 0:
                phases.book(word, those[WHO:], money, contacted, weights[t], customers.margin, low, margins)
            if on.history:
                phases.remember(real, word, money, buyers)
            if life is not None:
                attrition.leave(word, leavers, rules)
                segments.close_period(word, m, tables.segments, flows[t])
                if rules.trust_decay < 1:
                    lives.calm(real, rules.trust_decay)
        store(real, word, customers, low, m, on)
        remember_contacts(customers.contacts, plan, low, m, weights.shape[0])
        if life is not None:
            lives.store_life(real, word, life, low, m)
            if rivals > 0:
                categories.store_shelf(shelf, life, low, m)


def advance(
    customers: Customers,
    tables: Tables,
    on: Switches,
    plan: NDArray[np.uint8],
    start: int,
    weights: NDArray[np.float64],
    key: tuple[np.uint64, np.uint64],
    life: Columns | None = None,
    rules: Rules | None = None,
) -> Books:
    """Advance every customer by ``len(weights)`` periods from period ``start`` on, in place, and return the books.

    ``plan`` (n,) acts in the first period, 0 = none, else 1 + arm; ``weights[t]`` currency units of discounted margin
    per micro-unit.  Threads run strips of blocks with the interpreter's lock released (a compiled parallel loop
    takes ten seconds more to compile).  Each strip has its own books, in integers, so that the
    total does not depend on the number of strips.
    """
    blocks = -(-len(customers.key) // BLOCK)
    tilts = tables.segments if rules is not None and rules.tilted else 0
    rivals = 0 if rules is None else len(rules.rivals)
    threads = numba.get_num_threads()
    strips = max(1, min(STRIPS_PER_THREAD * threads, blocks)) if threads > 1 else 1
    bounds = [s * blocks // strips for s in range(strips + 1)]
    periods, arms = len(weights), len(tables.contact_cost)
    books = [
        Books(
            np.zeros((periods, LINES), np.int64),
            np.zeros((periods, SEGMENT_LINES, tables.segments), np.int64),
            np.zeros((periods, ARM_LINES, arms), np.int64),
            np.zeros((periods, FLOW_ROWS, tables.segments**2 if rules is not None and rules.flows else 0), np.int64),
        )
        for _ in range(strips)
    ]

    def run(s: int) -> None:
        run_strip(
            (bounds[s], bounds[s + 1]),
            *make_scratch(tilts, rivals, tables.complementarity.shape[0]),
            customers,
            tables,
            on,
            plan,
            start,
            weights,
            *key,
            *books[s],
            life,
            cast(Rules, rules),
        )

    if strips == 1:
        run(0)
    else:
        list(pool(threads).map(run, range(strips)))
    total = Books(*(np.sum(part, axis=0) for part in zip(*books, strict=True)))
    return total._replace(flows=total.flows.sum(axis=1))
