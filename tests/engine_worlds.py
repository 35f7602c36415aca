"""Worlds and populations that the engine's tests share."""

from __future__ import annotations

import numpy as np

from engine import Arm, Economics, Fatigue, OrderValue, Population, Segments, World, make_population

# Reference model M0 of the project: five live segments and absorbing churn.
M0_NAMES = ("New", "Light", "Regular", "Loyal", "VIP", "Churned")
M0_ROWS = [
    [0.700, 0.180, 0.080, 0.020, 0.005, 0.015],
    [0.010, 0.900, 0.060, 0.015, 0.005, 0.010],
    [0.000, 0.060, 0.880, 0.045, 0.010, 0.005],
    [0.000, 0.020, 0.060, 0.890, 0.027, 0.003],
    [0.000, 0.010, 0.030, 0.060, 0.898, 0.002],
    [0.000, 0.000, 0.000, 0.000, 0.000, 1.000],
]
M0_MULTIPLIER = [0.6, 0.5, 1.0, 1.6, 2.4, 0.0]
M0_SHAPE, M0_RATE, M0_MU, M0_SIGMA, M0_MARGIN = 2.0, 0.30, 3.4, 0.6, 0.30
M0_ORDER_VALUE = float(np.exp(M0_MU + M0_SIGMA**2 / 2))
M0_PERIODS = 52
M0_DISCOUNT = 1.10 ** (-1 / 52)
M0_MEAN, M0_VARIANCE = 136.70699981, 19425.84205
M0_LIVE, M0_ORDERS = 42.72346, 13.31581


def m0_world(rows=None, multiplier=None, kappa=1.0, arms=(), noise=None, **kw) -> World:
    lapsed = np.array([False] * 5 + [True])
    rows = np.array(M0_ROWS if rows is None else rows)
    multiplier = np.array(M0_MULTIPLIER if multiplier is None else multiplier)
    segments = Segments(M0_NAMES, rows, multiplier, lapsed, kappa)
    economics = Economics(M0_MARGIN, 0.0, M0_DISCOUNT)
    return World(segments, noise or OrderValue("lognormal", M0_SIGMA), economics, M0_PERIODS, tuple(arms), **kw)


def m0_population(n: int, seed: int = 1, segment: int = 0, heterogeneous: bool = True) -> Population:
    rate = np.random.default_rng(seed).gamma(M0_SHAPE, M0_RATE / M0_SHAPE, n) if heterogeneous else np.full(n, M0_RATE)
    return make_population(rate=rate, order_value=np.full(n, M0_ORDER_VALUE), segment=np.full(n, segment))


def arm(name: str = "offer/channel", segments: int = 6, **kw) -> Arm:
    given = {
        "offer": name.split("/")[0],
        "channel": name.split("/")[-1],
        "kind": "discount",
        "contact_cost": 0.0,
        "redemption_cost": 0.0,
        "depth": 0.0,
        "duration": 1,
        "response": np.full(segments, 1.0),
    } | kw
    given["response"] = np.broadcast_to(np.asarray(given["response"], float), (segments,)).copy()
    return Arm(name=name, **given)


def rich_world(seed: int, segments: int = 4, arms: int = 4, categories: int = 3, horizon: int = 6) -> World:
    """A world in which every feature is on, of random parameters."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(segments, 0.7), segments)
    rows[rng.random(rows.shape) < 0.2] = 0
    rows[np.arange(segments), np.arange(segments)] += 0.3
    rows[-1] = np.eye(segments)[-1]
    rows /= rows.sum(axis=1, keepdims=True)
    lapsed = np.arange(segments) >= segments - max(1, segments // 3)
    multiplier = rng.gamma(1.0, 1.0, segments) * (rng.random(segments) < 0.9)
    many = []
    for a in range(arms):
        category = int(rng.integers(-1, categories)) if categories else -1
        many.append(
            arm(
                f"offer{a}/channel{a % 2}",
                segments,
                kind="cross_sell" if category >= 0 else "discount",
                contact_cost=float(rng.random()),
                redemption_cost=float(rng.random() * (rng.random() < 0.7)),
                depth=float(rng.random() * (rng.random() < 0.8)),
                duration=int(rng.integers(1, 4)),
                response=rng.choice([0.0, 0.3, 0.6, 0.9, 1.0], segments),
                order_lift=float(rng.choice([-1.0, -0.5, 0.0, 0.3, 1.5])),
                attrition_reduction=float(rng.choice([0.0, 0.5, 1.0])),
                move_to=int(rng.integers(-1, segments)),
                move_probability=float(rng.choice([0.0, 0.5, 1.0])),
                category=category,
                sticks=float(rng.choice([0.0, 0.5, 1.0])),
            )
        )
    kind = str(rng.choice(["lognormal", "gamma"]))
    noise = OrderValue(kind, float(rng.gamma(2.0) if kind == "gamma" else rng.random()))
    return World(
        Segments(tuple(f"s{k}" for k in range(segments)), rows, multiplier, lapsed, float(rng.choice([0.0, 0.5, 1.0]))),
        noise,
        Economics(float(rng.random()), float(rng.random()), 0.99),
        horizon,
        tuple(many),
        Fatigue(float(rng.choice([0.0, 0.6])), float(rng.choice([0.0, 0.8]))),
        tuple(f"c{k}" for k in range(categories)),
        rng.choice([0.0, 0.4, 1.0], (categories, categories)),
    )


def rich_population(world: World, n: int, seed: int) -> Population:
    rng = np.random.default_rng(seed + 1)
    s, c = len(world.segments.names), len(world.categories)
    return make_population(
        rate=rng.choice([0.0, 0.3, 1.0, 4.0, 12.0], n),
        order_value=rng.gamma(3.0, 10.0, n),
        segment=rng.integers(0, s, n),
        key=rng.permutation(n).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15),
        responsiveness=rng.normal(0, 1, n),
        headroom=rng.gamma(1.0, 5.0, (n, c)) * (rng.random((n, c)) < 0.7),
        owned=rng.integers(0, 1 << c, n),
        recency=rng.choice([0, 5, 65533, 65534, 65535], n),
        tenure=rng.choice([0, 7, 65535], n),
        orders=rng.integers(0, 9, n),
        spend=rng.gamma(2.0, 30.0, n),
    )
