"""A fitted customer base: what a log says of its customers, and populations drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calibration.dispersion import gamma_power_moments, segment_means, segment_scale, trait_power
from engine.calibration.gamma_gamma import GammaGamma
from engine.calibration.panel import I32, Floats
from engine.calibration.segment_rules import SegmentRules
from engine.errors import CalibrationError
from engine.population import F32, Population, make_population
from engine.world import OrderValue, Segments


@dataclass(frozen=True)
class Drawn:
    """N simulated customers, and what a planner with a model of the log estimates of each.

    Attributes:
        population: traits drawn from the posteriors of the real customers they stand for.
        rate_estimate: (N,) float32, posterior mean of ``traits.rate``.
        order_value_estimate: (N,) float32, posterior mean of ``traits.order_value``.

    """

    population: Population
    rate_estimate: F32
    order_value_estimate: F32


@dataclass(frozen=True)
class FittedBase:
    """n real customers in S segments with C categories, at the end of ``periods`` periods of a log.

    Attributes:
        segments: transition and multipliers such that ``P m`` is the rate of the label at the end of the log; its
            ``state_dependence`` is assumed, not fitted.
        observed_rate: (S,) float64, mean orders per period under each label: what a description of the log would show.
        moves: (S, S) int64, counted label moves behind the transition.
        rate_dispersion: r, customers' own rates are Gamma(r, r) before their orders are seen.
        trait_powers: (5,) float64, see :mod:`engine.calibration.dispersion`.
        rules: segment rules with their quantiles resolved.
        ids: (n,) customer ids.
        segment: (n,) uint8, label at the end of the log.
        rate_shape, rate_rate: (n,) float64, Gamma posterior of a customer's own rate.
        value_shape, value_rate: (n,) float64, Gamma posterior of nu; the customer's mean order value is p / nu.
        headroom: (n, C) float64; owned: (n,) uint32; complementarity: (C, C) float64.
        recency, tenure: (n,) int32, whole periods since the last and the first order.
        orders, spend: (n,) float64, of the log.
        category_share: (n, C) float64, share of each category in a customer's own spend; None = not known.

    """

    segments: Segments
    observed_rate: Floats
    moves: NDArray[np.int64]
    rate_dispersion: float
    trait_powers: Floats
    value_model: GammaGamma
    rules: SegmentRules
    periods: int
    categories: tuple[str, ...]
    complementarity: Floats
    ids: NDArray[Any]
    segment: NDArray[np.uint8]
    rate_shape: Floats
    rate_rate: Floats
    value_shape: Floats
    value_rate: Floats
    headroom: Floats
    owned: NDArray[np.uint32]
    recency: I32
    tenure: I32
    orders: Floats
    spend: Floats
    category_share: Floats | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def order_value(self) -> OrderValue:
        """Spread of one order around the customer's mean."""
        return OrderValue("gamma", self.value_model.p)

    @property
    def segment_rate_mean(self) -> Floats:
        """(S,) mean of customers' own rates by segment at the end of the log: high where high rates gather."""
        return segment_means(self.rate_shape / self.rate_rate, self.segment, len(self.segments.names))

    @property
    def order_value_mean(self) -> Floats:
        """(n,) posterior mean order value."""
        return self.value_model.p * self.value_rate / (self.value_shape - 1)

    def rate_mean(self, state_dependence: float | None = None) -> Floats:
        """(n,) posterior mean rate, as drawn at this state dependence; totals by segment do not depend on it."""
        power, scale = self._power_and_scale(state_dependence)
        return np.asarray(gamma_power_moments(self.rate_shape, self.rate_rate, power)[0] * scale[self.segment])

    def segments_at(self, state_dependence: float | None) -> Segments:
        """The segments with this state dependence (None: as they are)."""
        return self.segments if state_dependence is None else replace(self.segments, state_dependence=state_dependence)

    def draw(self, n: int, seed: int, state_dependence: float | None = None) -> Drawn:
        """Draw n simulated customers: each real one n // len(self) times, a random n % len(self) of them once more.

        Args:
            n: simulated customers, >= 1.
            seed: >= 0; the same seed gives the same bits, and customers of the same luck whatever the state dependence.
            state_dependence: kappa of the run; None = that of ``segments``.

        """
        if n < 1:
            raise CalibrationError([f"customers: expected >= 1, got {n}"])
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 1])))
        whole, rest = divmod(n, len(self))
        times = np.full(len(self), whole)
        times[random.permutation(len(self))[:rest]] += 1
        return self._drawn(np.repeat(np.arange(len(self)), times), random, state_dependence)

    def bootstrap(self, n: int, seed: int, state_dependence: float | None = None) -> Drawn:
        """Draw n simulated customers from a resample of the real ones: :meth:`draw` plus sampling error.

        Normalisations stay those of the full base, so that totals vary as resampled customers do.
        """
        if n < 1:
            raise CalibrationError([f"customers: expected >= 1, got {n}"])
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 2])))
        sample = np.sort(random.integers(0, len(self), len(self)))
        whole, rest = divmod(n, len(self))
        times = np.full(len(self), whole)
        times[random.permutation(len(self))[:rest]] += 1
        return self._drawn(np.repeat(sample, times), random, state_dependence)

    def _power_and_scale(self, state_dependence: float | None) -> tuple[float, Floats]:
        kappa = self.segments.state_dependence if state_dependence is None else state_dependence
        power = trait_power(self.trait_powers, kappa)
        mean, _ = gamma_power_moments(self.rate_shape, self.rate_rate, power)
        return power, segment_scale(mean, self.segment_rate_mean, self.segment, len(self.segments.names))

    def _drawn(self, source: NDArray[np.int64], random: np.random.Generator, state_dependence: float | None) -> Drawn:
        power, scale = self._power_and_scale(state_dependence)
        segment = self.segment[source]
        luck = random.standard_gamma(self.rate_shape[source]) / self.rate_rate[source]
        nu = random.standard_gamma(self.value_shape[source]) / self.value_rate[source]
        value_mean = self.order_value_mean
        value = self.value_model.p / np.maximum(nu, np.finfo(np.float64).tiny)
        headroom = self.headroom[source] * (value / value_mean[source])[:, None]
        population = make_population(
            rate=luck**power * scale[segment],
            order_value=value,
            segment=segment,
            source=source,
            headroom=headroom,
            owned=self.owned[source],
            recency=self.recency[source],
            orders=self.orders[source],
            spend=self.spend[source],
            tenure=self.tenure[source],
        )
        estimate = self.rate_mean(state_dependence)[source].astype(np.float32)
        return Drawn(population, estimate, value_mean[source].astype(np.float32))
