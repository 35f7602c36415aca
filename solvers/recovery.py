"""An integral plan whose value is near a bound: mend, improve, and where that is not enough a PuLP program over
few customers.

The program frees some hundred customers and fixes the rest.  Freed are those that lose least by changing (regret),
a few of every kind of change (class, arm, other arm), the contested ones of a mix, and, for rows that are broken or
have dear slack left, those that move the row most cheaply.  Not good enough: again from the better plan, with twice
as many.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers._jit import Floats, Ints, Mask, Parts, Whole, parallel_kernel
from solvers.choices import open_sets, sums_of_sets
from solvers.decomposition import Dual
from solvers.exchange import exchange
from solvers.homes import home_rows, room_left
from solvers.layout import Layout
from solvers.mend import broken_rows, improve, mend
from solvers.moves import LOOKED_AT, insert, moves_along, row_form
from solvers.offers import once_each, scaled_rows, usage_of_offers
from solvers.plan import Plan, plan_of
from solvers.pricing import Prices
from solvers.program import Backend, solve_program
from solvers.rounding import rounded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NODES = (10, 50)  # of a program; more where fewer find nothing better


@parallel_kernel
def regrets(
    classes: Parts,
    measures: Floats,
    mask: Mask,
    edge: Ints,
    price: Floats,
    toll: Floats,
    sets: Ints,
    arm: Whole,
    stride: Ints,
    regret: Floats,
    who: Ints,
    least: Floats,
) -> None:
    """regret[i] = |score of arm[i] - best other score|, over sets; of every stride[c]-th customer of class c.

    who[c, set, other] = the customers of class c with the smallest regrets for that change (place S = none), least
    their regrets; unused places hold -1 and inf.
    """
    h_count, k_count, _ = measures.shape
    s_count = len(sets)
    masked = mask.shape[0] > 0
    for c in range(classes[0], classes[1]):
        score = np.zeros(k_count)
        for i in range(edge[c], edge[c + 1], stride[c]):
            fee = toll[i] if len(toll) > 0 else 0.0
            now = arm[i] if arm[i] >= 0 else s_count
            mine, other, to = 0.0, -np.inf, -1
            if now < s_count:
                other = 0.0
                to = s_count
            for k in range(k_count):
                if masked and not mask[k, i]:
                    score[k] = -np.inf
                    continue
                s = -price[c, h_count, k] - fee
                for h in range(h_count):
                    if price[c, h, k] != 0:
                        s -= price[c, h, k] * measures[h, k, i]
                score[k] = s
            for b in range(s_count):
                s = 0.0
                for k in sets[b]:
                    if k >= 0:
                        s += score[k]
                if b == now:
                    mine = s
                elif s > other:
                    other = s
                    to = b
            d = abs(mine - other)
            regret[i] = d
            if to >= 0 and who.shape[3] > 0:
                insert(least[c, now, to], who[c, now, to], d, i)


@dataclass
class Recovery:
    """What recovery came to: the best plan that breaks no row (or None), the nearest plan otherwise, and the
    programs run.
    """

    plan: Plan | None
    nearest: Plan
    programs: list[tuple[int, int]] = field(default_factory=list)  # (customers freed, variables)


def _program(
    layout: Layout,
    price: Prices,
    plan: Plan,
    freed: IntArray,
    pairs: IntArray,
    cut: float,
    enough: float,
    slack: float,
    nodes: int,
    backend: Backend,
    seconds: float | None,
) -> tuple[NDArray[np.signedinteger] | None, int]:
    """Best arms of the freed customers (ascending) while the others keep theirs; (plan or None, variables).

    Offered: their present set, sets with regret <= cut, and pairs (customer, set).  Stops at value ``enough`` or within
    ``slack`` of the best.
    """
    h, k_count, _, _ = layout.shape
    fixed_arm = plan.arm.copy()
    fixed_arm[freed] = -1
    fixed = plan_of(layout, fixed_arm)
    w = np.zeros((h + 1, k_count, len(freed)))
    w[:h][layout.read] = layout.measures[layout.read][:, :, freed]
    w[h] = 1.0
    if layout.mask.size:
        w[:, ~layout.mask[:, freed]] = 0.0
    score = sums_of_sets(layout.sets, -np.einsum("mhk,hkm->km", price.form[layout.class_of[freed]], w))
    score = score - price.charge(layout.sets, freed)
    open_to = open_sets(layout, freed)
    score = np.where(open_to, score, -np.inf)
    offer = np.maximum(score.max(axis=0), 0.0) - score <= cut
    mine = np.flatnonzero(plan.arm[freed] >= 0)
    offer[plan.arm[freed][mine], mine] = True
    if len(pairs):
        offer[pairs[:, 1], np.searchsorted(freed, pairs[:, 0])] = True
    i, k = np.nonzero((offer & open_to).T)
    value, usage = usage_of_offers(layout, freed[i], k)
    rows = scaled_rows(usage, layout.lower - fixed.usage, layout.upper - fixed.usage, layout.tolerance)
    if rows is None:
        return None, len(k)  # nobody freed can mend some row
    matrix, lower, upper = rows
    own = once_each(i)
    shared, left = home_rows(layout.homes, layout.sets, freed[i], k, room_left(layout.homes, layout.sets, fixed_arm))
    answer = solve_program(
        value,
        sparse.vstack([matrix, own, shared]).tocsr(),
        np.concatenate([lower, np.full(own.shape[0] + len(left), -np.inf)]),
        np.concatenate([upper, np.ones(own.shape[0]), left]),
        np.zeros(len(k)),
        np.ones(len(k)),
        integer=True,
        backend=backend,
        gap_absolute=slack,
        enough=enough - fixed.value,
        nodes=nodes,
        seconds=seconds,
    )
    if not answer.solved:
        return None, len(k)
    taken = answer.x > 0.5
    fixed_arm[freed[i[taken]]] = k[taken]
    return fixed_arm, len(k)


def _better(layout: Layout, new: Plan, old: Plan | None) -> bool:
    return len(broken_rows(layout, new.usage)) == 0 and (old is None or new.value > old.value)


def recover(
    layout: Layout,
    price: Prices,
    y: FloatArray,
    bound: float,
    plan: Plan,
    gap: float,
    *,
    dual: Dual | None = None,
    contested: NDArray[np.bool_] | None = None,
    backend: Backend = "highs",
    free: int = 500,
    most: int = 4000,
    deadline: float = np.inf,
) -> Recovery:
    """From a plan near the bound to one that breaks no row and is worth (1 - gap) of the bound, if that succeeds.

    price, y (R,) and bound belong together.  Without ``dual`` no program is solved.
    """
    n = layout.shape[2]
    loss = gap * max(abs(bound), 1e-12)
    enough = bound - 0.9 * loss
    out = Recovery(None, plan)
    trial = plan.copy()
    if mend(layout, price, trial):
        improve(layout, price, trial, enough)
        exchange(layout, price, trial, bound, enough, deadline)
        out.plan = out.nearest = trial
    if dual is None or (out.plan is not None and out.plan.value >= enough):
        return out
    now, effort = (out.plan or plan).copy(), 0
    mixed = np.flatnonzero(contested) if contested is not None else np.zeros(0, np.int64)
    while free <= most and time.perf_counter() < deadline:
        freed, pairs, cut = _choice(layout, price, y, now, dual, mixed, free, loss)
        seconds = None if np.isinf(deadline) else max(deadline - time.perf_counter(), 0.05)
        nodes = NODES[effort]
        arm, variables = _program(layout, price, now, freed, pairs, cut, enough, 0.2 * loss, nodes, backend, seconds)
        out.programs.append((len(freed), variables))
        stalled = out.plan is not None
        if arm is not None:
            trial = plan_of(layout, arm)
            if mend(layout, price, trial):
                improve(layout, price, trial, enough)
                exchange(layout, price, trial, bound, enough, deadline)
            if _better(layout, trial, out.plan):
                out.plan = out.nearest = now = trial
                stalled = False
        if stalled and effort + 1 == len(NODES):
            break  # larger programs take many times longer and seldom find more
        if stalled:
            effort += 1
            continue
        if out.plan is not None and out.plan.value >= enough:
            break
        if free >= n:
            break  # everybody was free
        free *= 2
    return out


def _choice(
    layout: Layout,
    price: Prices,
    y: FloatArray,
    plan: Plan,
    dual: Dual,
    mixed: IntArray,
    free: int,
    loss: float,
) -> tuple[IntArray, IntArray, float]:
    """(customers to free, pairs (customer, set) to offer, regret up to which sets are offered anyway)."""
    _, _, n, c = layout.shape
    s_count = len(layout.sets)
    deep = 8 if c * (s_count + 1) ** 2 <= 250_000 else 0
    who = np.full((c, s_count + 1, s_count + 1, deep), -1)
    least, regret = np.full(who.shape, np.inf), np.full(n, np.inf)
    stride = np.clip(np.diff(layout.edge) // 8_000, 1, max(n // LOOKED_AT, 1))
    where = (c, layout.measures, layout.mask, layout.edge, price.form, price.toll, layout.sets)
    regrets(*where, plan.arm, stride, regret, who, least)
    kinds = np.argsort(least * (1 + np.arange(deep)), axis=None, kind="stable")[: int(np.isfinite(least).sum())]
    spread = who.ravel()[kinds][: free // 3]
    third = free // 3
    cheap = np.argpartition(regret, third)[:third] if free < n else np.arange(n)
    some = mixed[:: len(mixed) // free + 1]
    pick, pairs = [cheap, spread], [np.zeros((0, 2), np.int64)]
    block_of = layout.block[layout.class_of[some]]
    for b in np.unique(block_of).tolist():  # contested: offer the arms that their columns propose
        those = some[block_of == b]
        pairs += [
            np.stack([those, dual.arms[d, those].astype(np.int64)], axis=1)
            for d in dual.answer[dual.block == b].tolist()
        ]
    slack = np.where(y > 0, layout.upper - plan.usage, np.where(y < 0, plan.usage - layout.lower, 0.0))
    out = layout.violation(plan.usage) > layout.tolerance
    rows = np.flatnonzero(out | (np.abs(y) * slack > 0.1 * loss))
    for r in rows.tolist():
        up = plan.usage[r] < layout.lower[r] or (not out[r] and y[r] > 0)
        moves = moves_along(layout, price, row_form(layout, r), 1.0 if up else -1.0, plan.arm, 4096, 0)
        moves = moves[: max(8, third // len(rows))]
        pairs.append(np.stack(np.divmod(moves, s_count + 1), axis=1))
    offers = np.concatenate(pairs)
    freed = np.unique(np.concatenate([*pick, offers[:, 0]]))
    offers = offers[(offers[:, 1] >= 0) & (offers[:, 1] < s_count)]
    known = regret[freed][np.isfinite(regret[freed])]  # infinite: nothing else is open to the customer
    cut = max(1.5 * float(np.quantile(known, 0.7)), 1e-9) if len(known) else 0.0
    return freed, offers, cut


def recover_mix(
    layout: Layout, price: Prices, dual: Dual, gap: float, *, backend: Backend = "highs", deadline: float = np.inf
) -> Recovery:
    """Round a mix and recover from there."""
    arm, contested = rounded(layout, dual, price)
    return recover(
        layout,
        price,
        dual.best.y,
        dual.best.bound,
        plan_of(layout, arm),
        gap,
        dual=dual,
        contested=contested,
        backend=backend,
        deadline=deadline,
    )
