"""A made-up customer base, with a history for the planner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import OrderValue, Population, Segments
from engine.population import NEVER, make_population
from scenarios.base import Customers
from scenarios.correlation import gamma_at, normals
from scenarios.schema.population import Synthetic

HISTORY_PERIODS = 26
"""Observed periods before the start, in which customers stay in their first segment: what a planner learns rates from."""

GROUPS = 8  # stream of labels

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SyntheticBase:
    """A base from the numbers of a scenario."""

    spec: Synthetic

    @property
    def order_value(self) -> OrderValue:
        """Noise of one order."""
        value = self.spec.order_value
        if value.distribution == "lognormal":
            return OrderValue("lognormal", float(value.sigma or 0.0))
        return OrderValue("gamma", float(value.p or 1.0))

    @property
    def categories(self) -> tuple[str, ...]:
        """Category names."""
        return tuple(self.spec.categories)

    @property
    def complementarity(self) -> Floats:
        """(C, C) from the scenario; every door open if it gives none; no category opens itself."""
        names, given = self.categories, self.spec.complementarity
        table = np.array([[1.0 if given is None else given.get(a, {}).get(b, 0.0) for b in names] for a in names])
        table = table.reshape(len(names), len(names))
        np.fill_diagonal(table, 0.0)
        return table

    @property
    def real_customers(self) -> int | None:
        """None: nobody is real."""
        return None

    @property
    def ids(self) -> NDArray[Any]:
        """Nobody has a name."""
        return np.zeros(0, np.int64)

    def category_spend(self, population: Population) -> Floats:
        """(n, C) what owners spend on it per order, in proportion to their order values."""
        spend = np.array([category.spend_per_order for category in self.spec.categories.values()])
        bits = np.arange(len(spend), dtype=np.uint32)
        owns = (population.state.owned[:, None] >> bits & np.uint32(1)).astype(np.float64)
        scale = population.traits.order_value / max(self.spec.order_value.average, 1e-12)
        return np.asarray(owns * spend * scale[:, None], np.float64)

    def segments(self, state_dependence: float) -> Segments:
        """Segments of the scenario."""
        names = tuple(self.spec.segments)
        return Segments(
            names,
            np.array([[self.spec.transition[a].get(b, 0.0) for b in names] for a in names], float),
            np.array([s.orders_per_period for s in self.spec.segments.values()], float),
            np.array([s.lapsed for s in self.spec.segments.values()], bool),
            state_dependence,
        )

    def draw(self, n: int, seed: int, state_dependence: float, *, resample: bool = False) -> Customers:
        """Draw traits, then a history of ``HISTORY_PERIODS`` without offers.

        ``resample`` changes nothing: each seed is a new base.
        """
        del resample, state_dependence
        rng = np.random.default_rng([seed, 1])
        spec, value = self.spec, self.spec.order_value
        share = np.array([s.share for s in spec.segments.values()])
        multiplier = np.array([s.orders_per_period for s in spec.segments.values()])
        segment = rng.choice(len(share), n, p=share / share.sum())
        alike = normals(spec.correlation, n, seed)
        r = spec.order_rate_shape
        if "order_rate" in alike and r:
            rate = gamma_at(alike["order_rate"], r) / r
        else:
            rate = rng.gamma(r, 1 / r, n) if r else np.ones(n)
        spread = float(value.customer_sigma or 0.0)
        if value.distribution == "lognormal":
            population_mean = float(value.mean or 0.0)
            order_value = np.full(n, population_mean)
            if spread:
                z = alike["order_value"] if "order_value" in alike else rng.standard_normal(n)
                order_value = population_mean * np.exp(spread * z - spread**2 / 2)
        else:
            p, q, gamma = float(value.p or 1.0), float(value.q or 2.0), float(value.gamma or 1.0)
            population_mean = p * gamma / (q - 1)
            rare = gamma_at(-alike["order_value"], q) if "order_value" in alike else rng.gamma(q, 1.0, n)
            order_value = p * gamma / rare
        groups, pace, wealth = self._groups(n, seed)
        rate, order_value = rate * pace, order_value * wealth
        expected = multiplier[segment] * HISTORY_PERIODS
        orders = rng.poisson(rate * expected)
        noise, logs = self._total_noise(orders, rng)
        spend = order_value * noise
        seen = np.maximum(orders, 1)
        last = HISTORY_PERIODS * (1 - rng.random(n) ** (1 / seen))
        responsiveness = rng.normal(0.0, spec.responsiveness_sd, n)
        if "responsiveness" in alike:
            responsiveness = spec.responsiveness_sd * alike["responsiveness"]
        owned, headroom = self._categories(order_value / max(population_mean, 1e-12), rng)
        population = make_population(
            rate=rate,
            order_value=order_value,
            segment=segment,
            responsiveness=responsiveness,
            headroom=headroom,
            owned=owned,
            recency=np.where(orders > 0, last.astype(np.int64), NEVER),
            orders=orders.astype(np.float64),
            spend=spend,
            tenure=np.full(n, HISTORY_PERIODS),
        )
        raw_rate = np.where(expected > 0, orders / np.where(expected > 0, expected, 1.0), 1.0)
        raw_value = np.where(orders > 0, spend / seen, population_mean)
        # What a planner infers starts from what is usual in the customer's groups.
        rate_model = pace * (r + orders) / (r + expected * pace) if r else pace * np.ones(n)
        if value.distribution == "lognormal":
            value_model = order_value
            if spread:
                value_model = wealth * self._posterior(order_value / wealth, orders, logs)
        else:
            value_model = wealth * (gamma * p + p * spend / wealth) / (p * orders + q - 1)
        return Customers(
            population,
            rate_model.astype(np.float32),
            value_model.astype(np.float32),
            raw_rate.astype(np.float32),
            raw_value.astype(np.float32),
            spec.responsiveness_sd,
            groups,
        )

    def _groups(self, n: int, seed: int) -> tuple[dict[str, NDArray[np.uint8]], Floats, Floats]:
        """Each customer's value of every label, and the factors that these bring on order rate and order value, (n,) each."""
        found: dict[str, NDArray[np.uint8]] = {}
        pace, wealth = np.ones(n), np.ones(n)
        for place, (label, values) in enumerate(self.spec.groups.items()):
            share = np.array([group.share for group in values.values()])
            code = np.random.default_rng([seed, GROUPS, place]).choice(len(share), n, p=share / share.sum())
            found[label] = code.astype(np.uint8)
            pace = pace * np.array([group.order_rate for group in values.values()])[code]
            wealth = wealth * np.array([group.order_value for group in values.values()])[code]
        return found, pace, wealth

    def _total_noise(self, orders: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
        """(n,) sum of the noise of each customer's orders, and sum of its normal deviates (0 where it is not lognormal)."""
        noise = self.order_value
        if noise.kind == "gamma":
            total = np.where(orders > 0, rng.gamma(noise.shape * np.maximum(orders, 1)) / noise.shape, 0.0)
            return total, np.zeros(len(orders))
        z, who = rng.standard_normal(int(orders.sum())), np.repeat(np.arange(len(orders)), orders)
        each = np.exp(noise.shape * z - noise.shape**2 / 2)
        total, deviates = (np.bincount(who, part, len(orders)).astype(np.float64) for part in (each, z))
        return total, deviates

    def _posterior(self, order_value: Floats, orders: NDArray[np.int64], deviates: Floats) -> Floats:
        """(n,) mean order value given the history: normal logarithms, normal prior.

        With k logarithms of mean theta and spread sigma, theta ~ N(m, s^2): the mean is m + w (their mean - m), w = s^2 / (s^2 +
        sigma^2 / k), and the rest of the variance, (1 - w) s^2, is still open.
        """
        spec = self.spec.order_value
        s, sigma = float(spec.customer_sigma or 0.0), float(spec.sigma or 0.0)
        m = np.log(float(spec.mean or 1.0)) - s**2 / 2
        k = np.maximum(orders, 1)
        seen = np.log(order_value) + sigma * deviates / k
        w = np.where(orders > 0, s**2 / (s**2 + sigma**2 / k), 0.0)
        return np.asarray(np.exp(m + w * (seen - m) + (1 - w) * s**2 / 2))

    def _categories(self, scale: Floats, rng: np.random.Generator) -> tuple[NDArray[np.uint32], Floats]:
        """Owned bit mask (n,) and headroom (n, C): what its buyers spend on it per order, scaled."""
        n = len(scale)
        owned, headroom = np.zeros(n, np.uint32), np.zeros((n, len(self.spec.categories)))
        for c, category in enumerate(self.spec.categories.values()):
            has = rng.random(n) < category.owner_share
            owned |= has.astype(np.uint32) << np.uint32(c)
            headroom[:, c] = np.where(has, 0.0, category.spend_per_order * scale)
        return owned, headroom
