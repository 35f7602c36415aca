"""A world as the kernels read it: flat arrays of fixed types, computed once for a run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import WorldError
from engine.noise import Spread, make_spread
from engine.rates import pace_table
from engine.rules import problems_of_dynamics
from engine.traffic import browsing
from engine.world import Arm, World

MICRO = 1_000_000  # ledger units in a currency unit
UNIT_INTERVAL = 2**31  # a move compares the upper 31 bits of a word, so that 1.0 has a threshold that is never reached
GUIDE_BITS = 8
GUIDES = 1 << GUIDE_BITS
TARGET_BITS = 8
TARGET = 1 << TARGET_BITS
SEARCH = 255
MAX_DURATION = 255
MAX_ARMS = 254
MAX_SEGMENTS = 64
MAX_CATEGORIES = 32
LEAST_GAMMA, MOST_GAMMA = 1e-3, 1e6  # beyond, the quantile table or its float32 numbers are too coarse


class Tables(NamedTuple):
    """S segments, A arms, C categories, T periods.

    Attributes:
        thresholds: (S * S,) uint32, cumulative transition probabilities x 2^31.
        guide, bounds: (S * GUIDES,) uint32, where a move leads by the upper bits of its word: :func:`guide`.
        segments: S.
        pace: (T, S * S) float32, order rate of a customer of rate 1, ``[t, start * S + now]``.
        lapsed, absorbing: (S,) uint32 flags.
        spread: the noise of order values.
        goods_scale: micro-units of goods in a currency unit of list value.
        serve: int64 micro-units per order.
        logit: (A * S,) float32, logit of the response probability.
        contact_cost, redemption_cost: (A,) int64 micro-units.
        discount_scale: (A,) float64, micro-units given away of a currency unit of list value.
        duration: (A,) uint8.
        lift: (A,) float32, 1 + order lift.
        retention: (A,) float32, share of moves into lapsed segments that is cut.
        move_to: (A,) int32, move_probability: (A,) float32.
        category: (A,) int32, sticks: (A,) float32.
        members: (A,) uint32, bit mask of the categories sold; fresh: (A,) float32, share of their value that is new spend.
        win_back: (A,) uint32, 1 = the arm moves customers out of absorbing segments.
        fatigue_decay, fatigue_weight: float32; both 0 = fatigue is off.
        complementarity: (C, C) float32.
        browsing: (S,) float32, visits without an order for each order, 1 / conversion - 1; empty without traffic.
    """

    thresholds: NDArray[np.uint32]
    guide: NDArray[np.uint32]
    bounds: NDArray[np.uint32]
    segments: int
    pace: NDArray[np.float32]
    lapsed: NDArray[np.uint32]
    absorbing: NDArray[np.uint32]
    spread: Spread
    goods_scale: float
    serve: int
    logit: NDArray[np.float32]
    contact_cost: NDArray[np.int64]
    redemption_cost: NDArray[np.int64]
    discount_scale: NDArray[np.float64]
    duration: NDArray[np.uint8]
    lift: NDArray[np.float32]
    retention: NDArray[np.float32]
    move_to: NDArray[np.int32]
    move_probability: NDArray[np.float32]
    category: NDArray[np.int32]
    sticks: NDArray[np.float32]
    members: NDArray[np.uint32]
    fresh: NDArray[np.float32]
    win_back: NDArray[np.uint32]
    fatigue_decay: np.float32
    fatigue_weight: np.float32
    complementarity: NDArray[np.float32]
    browsing: NDArray[np.float32]


def thresholds(transition: NDArray[np.float64]) -> NDArray[np.uint32]:
    """(S, S) uint32: a word whose upper 31 bits reach entry k moves beyond segment k.

    From a row's last positive probability on, the threshold is 2^31, never reached: rounding never opens a move that
    the matrix forbids.
    """
    out = np.full(transition.shape, UNIT_INTERVAL, np.uint32)
    for row, line in zip(out, transition, strict=True):
        last = int(np.flatnonzero(line)[-1])
        row[:last] = np.minimum(np.rint(np.cumsum(line[:last]) * UNIT_INTERVAL), UNIT_INTERVAL)
    return out


def guide(bounds: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Two of (S, GUIDES) uint32: segments into which words with these upper bits move, and the threshold between them.

    The first holds ``below + TARGET * above``; a word below the threshold moves to ``below``, others to ``above``.  Both are
    SEARCH where more than one threshold lies within.  After Chen & Asmodelis' cutpoints: nearly all moves are one look-up,
    and the result is still the exact inverse CDF.
    """
    width = UNIT_INTERVAL // GUIDES
    edges = np.arange(GUIDES, dtype=np.int64) * width
    targets, between = (np.empty((len(bounds), GUIDES), np.uint32) for _ in range(2))
    for row, line in enumerate(bounds.astype(np.int64)):
        below = np.searchsorted(line, edges, side="right")
        above = np.searchsorted(line, edges + (width - 1), side="right")
        first = line[np.minimum(below, len(line) - 1)]
        one = (below == above) | (first == line[above - 1])
        targets[row] = np.where(one, below + TARGET * above, SEARCH + TARGET * SEARCH)
        between[row] = first
    return targets, between


def logits(world: World) -> NDArray[np.float32]:
    """(A * S,) float32; -inf where the probability is 0, +inf where it is 1."""
    if not world.arms:
        return np.zeros(0, np.float32)
    p = np.array([arm.response for arm in world.arms], np.float64)
    with np.errstate(divide="ignore"):
        return (np.log(p) - np.log1p(-p)).astype(np.float32).ravel()


def members(arm: Arm) -> int:
    """Bit mask of the categories that an arm sells."""
    return arm.more.bundle | (1 << arm.category) if arm.category >= 0 else 0


def micro_units(amount: float) -> int:
    """A constant amount in the ledger's integers, ties to even."""
    return round(amount * MICRO)


def problems_of(world: World) -> list[str]:
    """What the kernels cannot run, one sentence each."""
    s, problems = len(world.segments.names), []

    def between(name: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            problems.append(f"{name}: expected {low:g} to {high:g}, got {value}")

    between("segments", s, 1, MAX_SEGMENTS)
    between("arms", len(world.arms), 0, MAX_ARMS)
    between("categories", len(world.categories), 0, MAX_CATEGORIES)
    between("horizon", world.horizon, 1, 65535)
    between("economics.gross_margin_rate", world.economics.gross_margin_rate, -1e3, 1)
    between("economics.cost_to_serve_per_order", world.economics.cost_to_serve_per_order, -1e6, 1e6)
    between("economics.discount_factor", world.economics.discount_factor, 0, 1)
    if world.order_value.kind == "gamma":
        between("order_value.shape of a gamma", world.order_value.shape, LEAST_GAMMA, MOST_GAMMA)
    between("fatigue.decay", world.fatigue.decay, 0, 1)
    between("fatigue.weight", world.fatigue.weight, -1e3, 1e3)
    if world.complementarity.shape != (len(world.categories),) * 2:
        problems.append(
            f"complementarity: expected shape {(len(world.categories),) * 2}, got {world.complementarity.shape}"
        )
    elif not ((world.complementarity >= 0) & (world.complementarity <= 1)).all():
        problems.append("complementarity: expected numbers in [0, 1]")
    for arm in world.arms:
        at = f"arm {arm.name}"
        between(f"{at}: contact_cost", arm.contact_cost, 0, 1e6)
        between(f"{at}: redemption_cost", arm.redemption_cost, 0, 1e6)
        between(f"{at}: depth", arm.depth, 0, 1)
        between(f"{at}: duration", arm.duration, 1, MAX_DURATION)
        between(f"{at}: order_lift", arm.order_lift, -1, 1e3)
        between(f"{at}: attrition_reduction", arm.attrition_reduction, 0, 1)
        between(f"{at}: move_to", arm.move_to, -1, s - 1)
        between(f"{at}: move_probability", arm.move_probability, 0, 1)
        between(f"{at}: category", arm.category, -1, len(world.categories) - 1)
        between(f"{at}: sticks", arm.sticks, 0, 1)
        if arm.response.shape != (s,) or not ((arm.response >= 0) & (arm.response <= 1)).all():
            problems.append(f"{at}: response: expected {s} probabilities, got {arm.response.tolist()}")
    problems += extras(world)
    return problems


def extras(world: World) -> list[str]:
    """What season, traffic, service and overheads cannot be."""
    s, problems = len(world.segments.names), []
    if world.season is not None:
        problems += world.season.problems(world.horizon)
    if world.conversion is not None:
        c = world.conversion
        if c.shape != (s,) or not ((c > 0) & (c <= 1)).all():
            problems.append(f"conversion: expected {s} shares above 0 and at most 1, got {c.tolist()}")
    if world.service is not None:
        problems += world.service.problems(s)
    if world.overheads is not None and world.overheads.shape != (world.horizon,):
        problems.append(f"overheads: expected {world.horizon} amounts, got shape {world.overheads.shape}")
    if not world.scale > 0:
        problems.append(f"scale: expected above 0, got {world.scale:g}")
    return problems


def make_tables(world: World) -> Tables:
    """Compile a world; raises :class:`WorldError` with every problem at once."""
    problems = problems_of(world) + problems_of_dynamics(world)
    if problems:
        raise WorldError(problems)
    segments, arms, economics = world.segments, world.arms, world.economics
    s = len(segments.names)
    bounds = thresholds(segments.transition)
    targets, between = guide(bounds)
    pace = pace_table(segments, world.horizon, world.season.within if world.season else None)
    return Tables(
        thresholds=bounds.ravel(),
        guide=targets.ravel(),
        bounds=between.ravel(),
        segments=s,
        pace=np.ascontiguousarray(pace.reshape(world.horizon, s * s), np.float32),
        lapsed=segments.lapsed.astype(np.uint32),
        absorbing=(np.diagonal(segments.transition) == 1).astype(np.uint32),
        spread=make_spread(world.order_value),
        goods_scale=float((1 - economics.gross_margin_rate) * MICRO),
        serve=micro_units(economics.cost_to_serve_per_order),
        logit=logits(world),
        contact_cost=np.array([micro_units(arm.contact_cost) for arm in arms], np.int64),
        redemption_cost=np.array([micro_units(arm.redemption_cost) for arm in arms], np.int64),
        discount_scale=np.array([arm.depth * MICRO for arm in arms], np.float64),
        duration=np.array([arm.duration for arm in arms], np.uint8),
        lift=np.array([1 + arm.order_lift for arm in arms], np.float32),
        retention=np.array([arm.attrition_reduction for arm in arms], np.float32),
        move_to=np.array([arm.move_to for arm in arms], np.int32),
        move_probability=np.array([arm.move_probability for arm in arms], np.float32),
        category=np.array([arm.category for arm in arms], np.int32),
        sticks=np.array([arm.sticks for arm in arms], np.float32),
        members=np.array([members(arm) for arm in arms], np.uint32),
        fresh=np.array([1 - arm.more.cannibalises for arm in arms], np.float32),
        win_back=np.array([arm.more.win_back for arm in arms], np.uint32),
        fatigue_decay=np.float32(world.fatigue.decay),
        fatigue_weight=np.float32(world.fatigue.weight),
        complementarity=np.ascontiguousarray(world.complementarity, np.float32),
        browsing=browsing(world.conversion),
    )
