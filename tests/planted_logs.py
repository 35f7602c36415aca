"""Logs whose labels and own rates are known, because they were planted."""

from __future__ import annotations

import numpy as np

from engine.calibration.panel import make_panel
from engine.calibration.segment_rules import Rule, SegmentRules

RULES = SegmentRules(
    (Rule("cold", recency_min=4, lapsed=True), Rule("often", frequency_min=4), Rule("some")), window_periods=4
)
G = np.array([0.25, 0.9, 0.55])
SHAPE = 1.5


def planted(n: int, periods: int, seed: int, g=G, shape: float = SHAPE):
    """Orders whose rate is a customer's own times that of his label, labels by RULES: (n, periods) counts, last labels, own rates."""
    random = np.random.default_rng(seed)
    own = random.gamma(shape, 1 / shape, n)
    counts = np.zeros((n, periods), int)
    counts[:, 0] = 1  # everybody's first order
    last = np.zeros(n, int)
    for t in range(1, periods + 1):
        last = np.where(counts[:, t - 1] > 0, t - 1, last)
        label = np.where(t - 1 - last >= 4, 0, np.where(counts[:, max(0, t - 4) : t].sum(axis=1) >= 4, 1, 2))
        if t < periods:
            counts[:, t] = random.poisson(own * g[label])
    return counts, label, own


def panel_of(counts, *, left_truncated=False, periods=None):
    who, when = np.nonzero(counts)
    times = counts[who, when]
    return make_panel(
        np.repeat(who, times).astype(np.int32), np.repeat(when, times).astype(np.int32),
        np.random.default_rng(1).gamma(2.0, 10.0, times.sum()), periods or counts.shape[1], left_truncated=left_truncated,
    )  # fmt: skip
