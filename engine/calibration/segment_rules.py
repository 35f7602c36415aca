"""Segments by rules over recency, frequency, value and tenure: what a business sees of a customer."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calibration.labels import features
from engine.calibration.panel import Floats, Panel
from engine.errors import CalibrationError

FEATURES = ("recency", "frequency", "value", "tenure")
QUANTILE_SAMPLE = 50_000  # customers looked at to resolve a quantile


@dataclass(frozen=True)
class Rule:
    """A segment: every bound that is given must hold (min <= x <= max).

    Attributes:
        recency_min, recency_max: whole periods since the last order; 0 = ordered in the period just ended.
        frequency_min, frequency_max: orders in the trailing window.
        value_min, value_max: spend in the trailing window.
        tenure_min, tenure_max: whole periods since the first order.
        frequency_quantile_min, value_quantile_min: in [0, 1); resolved on the log, among customers with an order in the
            window, to the least number that at most a share ``1 - quantile`` of them reach.
        lapsed: the segment counts as churned.

    """

    name: str
    recency_min: float | None = None
    recency_max: float | None = None
    frequency_min: float | None = None
    frequency_max: float | None = None
    value_min: float | None = None
    value_max: float | None = None
    tenure_min: float | None = None
    tenure_max: float | None = None
    frequency_quantile_min: float | None = None
    value_quantile_min: float | None = None
    lapsed: bool = False

    def bounds(self) -> Floats:
        """(4, 2) float64, lower and upper bound of each feature."""
        out = np.empty((len(FEATURES), 2))
        for k, feature in enumerate(FEATURES):
            low, high = getattr(self, f"{feature}_min"), getattr(self, f"{feature}_max")
            out[k] = -np.inf if low is None else low, np.inf if high is None else high
        return out


@dataclass(frozen=True)
class SegmentRules:
    """Ordered rules over a trailing window; the first that matches names the segment, the last matches everybody."""

    rules: tuple[Rule, ...]
    window_periods: int = 13

    def __post_init__(self) -> None:
        problems = []
        if self.window_periods < 1:
            problems.append(f"segments.window_periods: expected >= 1, got {self.window_periods}")
        if not 1 <= len(self.rules) <= 64:
            problems.append(f"segments.rules: expected 1 to 64 rules, got {len(self.rules)}")
        names = [rule.name for rule in self.rules]
        problems += [
            f"segments.rules: expected distinct names, got {n!r} twice"
            for n in sorted({n for n in names if names.count(n) > 1})
        ]
        for rule in self.rules:
            for feature in FEATURES:
                low, high = getattr(rule, f"{feature}_min"), getattr(rule, f"{feature}_max")
                if low is not None and high is not None and low > high:
                    problems.append(
                        f"segments.rules.{rule.name}: expected {feature}_min <= {feature}_max, got {low} > {high}"
                    )
            for feature in ("frequency", "value"):
                quantile = getattr(rule, f"{feature}_quantile_min")
                if quantile is not None and not 0 <= quantile < 1:
                    problems.append(
                        f"segments.rules.{rule.name}.{feature}_quantile_min: expected 0 <= q < 1, got {quantile}"
                    )
                if quantile is not None and getattr(rule, f"{feature}_min") is not None:
                    problems.append(
                        f"segments.rules.{rule.name}: expected {feature}_min or {feature}_quantile_min, got both"
                    )
        if self.rules:
            last = self.rules[-1]
            bounded = [
                f.name for f in fields(last) if f.name not in ("name", "lapsed") and getattr(last, f.name) is not None
            ]
            if bounded:
                problems.append(
                    f"segments.rules.{last.name}: expected a last rule without bounds, got {', '.join(bounded)}"
                )
        if problems:
            raise CalibrationError(problems)

    @property
    def names(self) -> tuple[str, ...]:
        """Segment names in the order of the rules."""
        return tuple(rule.name for rule in self.rules)

    def bounds(self) -> Floats:
        """(S, 4, 2) float64 for :func:`engine.calibration.labels.label_matrix`; quantiles must be resolved."""
        return np.array([rule.bounds() for rule in self.rules])


def resolve_quantiles(rules: SegmentRules, panel: Panel, first_period: int) -> SegmentRules:
    """Turn quantiles into numbers, over customers with an order in the window, from ``first_period`` on."""
    if all(r.frequency_quantile_min is None and r.value_quantile_min is None for r in rules.rules):
        return rules
    step = max(1, len(panel) // QUANTILE_SAMPLE)
    frequency, value = features(panel, rules.window_periods, step)
    inside = frequency[:, first_period:] > 0
    shown = frequency[:, first_period:][inside].astype(np.float64)
    seen = {"frequency": shown, "value": value[:, first_period:][inside]}
    if not inside.any():
        raise CalibrationError(
            [f"segments: expected orders after period {first_period} to resolve quantiles, got none"]
        )
    return replace(rules, rules=tuple(_resolved(rule, seen) for rule in rules.rules))


def _resolved(rule: Rule, seen: dict[str, NDArray[np.float64]]) -> Rule:
    for feature, values in seen.items():
        quantile = getattr(rule, f"{feature}_quantile_min")
        if quantile is not None:
            found, counts = np.unique(values, return_counts=True)
            reach = np.cumsum(counts[::-1])[::-1] / counts.sum()  # share of those at this number or above
            enough = np.flatnonzero(reach <= 1 - quantile + 1e-12)
            least = float(found[enough[0]]) if len(enough) else float(np.nextafter(found[-1], np.inf))
            resolved: dict[str, Any] = {f"{feature}_quantile_min": None, f"{feature}_min": least}
            rule = replace(rule, **resolved)
    return rule


DEFAULT_WINDOW = {"day": 91, "week": 13, "month": 3}


def default_rules(period_name: str = "week") -> SegmentRules:
    """New (first order within the window), heavy, regular, light, at risk (no order in it), lapsed (none in two).

    Quantiles make them fit for weekly groceries and for one purchase a year alike.
    """
    window = DEFAULT_WINDOW[period_name]
    rules = (
        Rule("new", tenure_max=window - 1),
        Rule("lapsed", recency_min=2 * window, lapsed=True),
        Rule("at_risk", recency_min=window),
        Rule("heavy", frequency_quantile_min=0.8),
        Rule("regular", frequency_quantile_min=0.4),
        Rule("light"),
    )
    return SegmentRules(rules, window)
