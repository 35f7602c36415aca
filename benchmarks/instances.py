"""Families of allocation problems: 10 arms, 20 classes (5 segments x 4 tiers), about 60-80 rules.

few       rules are loose: a handful bind
many      about fifty rules bind
minimums  half of the segment x arm rules are volume floors that bind
ratio     parity between tiers, margin rates of segments, return of arms
ties      forty kinds of customer: crowds that are all but equal
equal     exact volumes, negative costs, spending within a narrow band
"""

from __future__ import annotations

import numpy as np

from solvers.problem import Problem, Row, row

FAMILIES = ("few", "many", "minimums", "ratio", "ties", "equal")
NAMES = ("value", "cost", "revenue", "margin")
VALUE, COST, REVENUE, MARGIN, COUNT = range(5)
SEGMENTS, TIERS, ARMS = 5, 4, 10
CLASSES = SEGMENTS * TIERS
# Reference price of money that makes plausible bounds, and how tight capacities are against the choice at that price.
_PRICE = {"few": 0.3, "many": 0.3, "minimums": 1.0, "ratio": 0.5, "ties": 0.5, "equal": 0.6}
_ROOM = {"few": 1.6, "many": 0.75, "minimums": 1.5, "ratio": 1.5, "ties": 0.8, "equal": 1.3}


def make(family: str, customers: int, seed: int = 0, dtype: type = np.float32) -> Problem:
    """An instance; the same family, size and seed are always the same instance."""
    r = np.random.default_rng([FAMILIES.index(family), customers, seed])
    class_of = np.sort(r.choice(CLASSES, customers, p=r.dirichlet(np.full(CLASSES, 5.0)))).astype(np.int32)
    measures = _measures(family, class_of, r).astype(dtype)
    return Problem(measures, NAMES, class_of, CLASSES, tuple(_rows(family, measures, class_of, r)))


def _measures(family: str, class_of: np.ndarray, r: np.random.Generator) -> np.ndarray:
    n = len(class_of)
    segment, tier = np.divmod(class_of, TIERS)
    worth = r.lognormal(4.0, 1.2, n) * (0.3 + segment / SEGMENTS) * (0.7 + 0.2 * tier)
    response = 0.3 * r.random((ARMS, n)) ** 3
    jitter = 0.2 * r.random((ARMS, n))
    if family == "ties":
        kind = r.integers(0, 40, n)
        worth = np.exp(4.0 + 0.03 * kind)
        response = (0.3 * r.random((ARMS, 40)) ** 3)[:, kind]
        jitter[:] = 0.0
    cost = r.uniform(2.0, 12.0, (ARMS, 1)) * (1.0 + jitter) + 0.05 * response * worth
    revenue = response * worth * r.uniform(0.4, 1.5, (ARMS, 1))
    margin = 0.45 * revenue - 0.5 * cost
    value = 0.6 * revenue - 0.1 * cost
    if family == "equal":
        cost = np.where(r.random((ARMS, n)) < 0.03, -0.3 * cost, cost)
    if family == "ties":
        value *= 1.0 + 1e-7 * r.random((ARMS, n))
    return np.stack([value, cost, revenue, margin])


def _reference(measures: np.ndarray, class_of: np.ndarray, price: float) -> np.ndarray:
    """table[measure, class, arm] when everybody chooses freely at a flat price of money."""
    score = measures[VALUE].astype(float) - price * measures[COST]
    arm = score.argmax(axis=0)
    who = np.flatnonzero(score.max(axis=0) > 0)
    cell = class_of[who] * ARMS + arm[who]
    sums = [np.bincount(cell, measures[m, arm[who], who].astype(float), CLASSES * ARMS) for m in range(4)]
    return np.stack([*sums, np.bincount(cell, minlength=CLASSES * ARMS)]).reshape(5, CLASSES, ARMS)


def _rows(family: str, measures: np.ndarray, class_of: np.ndarray, r: np.random.Generator) -> list[Row]:
    n, shape = len(class_of), (4, CLASSES, ARMS)
    room = _ROOM[family]
    table = _reference(measures, class_of, _PRICE[family])
    spend, count = table[COST], table[COUNT]
    everyone, every_arm = np.ones(CLASSES, bool), np.ones(ARMS, bool)
    segment, tier = np.divmod(np.arange(CLASSES), TIERS)
    rows = [
        row(shape, "budget", [(COST, everyone, every_arm, 1)], upper=spend.sum() * (1.0 if family == "equal" else 0.8)),
        row(shape, "margin floor", [(MARGIN, everyone, every_arm, 1), (REVENUE, everyone, every_arm, -0.2)], lower=0.0),
    ]
    for k in range(ARMS):
        cap = np.ceil(count[:, k].sum() * room * r.uniform(0.9, 1.3) + 5)
        rows.append(row(shape, f"arm {k} capacity", [(COUNT, everyone, np.arange(ARMS) == k, 1)], upper=cap))
    for s in range(SEGMENTS):
        mine = segment == s
        if family == "equal" and s == 1:
            target = 0.7 * spend[mine].sum()
            terms = [(COST, mine, every_arm, 1.0)]
            rows.append(row(shape, "segment 1 spending", terms, lower=target, upper=1.0002 * target))
        limit = abs(spend[mine].sum()) * room * r.uniform(0.95, 1.2)
        rows.append(row(shape, f"segment {s} budget", [(COST, mine, every_arm, 1)], upper=limit))
        for k in range(ARMS):
            now, u = count[mine, k].sum(), r.uniform()
            terms = [(COUNT, mine, np.arange(ARMS) == k, 1.0)]
            if family == "minimums" and u < 0.5:
                bounds = {"lower": np.floor(now * r.uniform(0.8, 1.6))}
            elif family == "equal" and u < 0.2:
                exact = np.floor(now * r.uniform(0.8, 1.2))
                bounds = {"lower": exact, "upper": exact}
            else:
                bounds = {"upper": np.ceil(now * room * r.uniform(0.8, 1.3) + 3)}
            rows.append(row(shape, f"segment {s} arm {k}", terms, **bounds))
    if family == "ratio":
        people = np.bincount(class_of, minlength=CLASSES)
        for t in range(TIERS):
            share = n / max(people[tier == t].sum(), 1)
            terms = [(COUNT, tier == t, every_arm, share), (COUNT, everyone, every_arm, -1.0)]
            rows.append(row(shape, f"parity of tier {t}", terms, lower=-0.01 * n, upper=0.01 * n))
        for s in range(SEGMENTS):
            rate = table[MARGIN][segment == s].sum() / max(table[REVENUE][segment == s].sum(), 1e-9)
            terms = [
                (MARGIN, segment == s, every_arm, 1.0),
                (REVENUE, segment == s, every_arm, -rate * r.uniform(1.02, 1.15)),
            ]
            rows.append(row(shape, f"margin rate of segment {s}", terms, lower=0.0))
        for k in range(ARMS):
            rate = table[VALUE][:, k].sum() / max(table[COST][:, k].sum(), 1.0)
            arm = np.arange(ARMS) == k
            terms = [(VALUE, everyone, arm, 1.0), (COST, everyone, arm, -rate * r.uniform(0.95, 1.1))]
            rows.append(row(shape, f"return of arm {k}", terms, lower=0.0))
    return rows


def twenty_rules(customers: int, seed: int = 0) -> Problem:
    """The everyday size: 20 rules (budget, margin floor, capacities, budgets of segments, three volume floors)."""
    problem = make("many", customers, seed)
    rows = [
        r for r in problem.rows if r.name in ("budget", "margin floor") or "capacity" in r.name or "segment" in r.name
    ]
    rows = [r for r in rows if "arm" not in r.name or "capacity" in r.name]
    shape, capacity = (4, CLASSES, ARMS), [r.upper for r in rows if "capacity" in r.name]
    for s, k in enumerate(np.argsort(capacity)[::-1][:3].tolist()):  # floors on the arms with most room
        mine = np.arange(CLASSES) // TIERS == s
        terms = [(COUNT, mine, np.arange(ARMS) == k, 1.0)]
        rows.append(row(shape, f"floor of segment {s}", terms, lower=customers // 500))
    return Problem(problem.measures, NAMES, problem.class_of, CLASSES, tuple(rows))
