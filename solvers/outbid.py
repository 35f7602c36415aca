"""The offer that comes nearest to being worth its price, for each of some customers: the array loop and its slow twin.

    best_i = max over open arms k with v[i, k] > 0 of v[i, k] - sum_h price[class(i), h, k] w[h, k, i] - price[class(i), H, k]

Measure 0 is v; price (C, H + 1, K) is that of the rules alone, without the objective.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Parts, Whole, parallel_kernel

FloatArray = NDArray[np.float64]


@parallel_kernel
def nearest_arms(
    places: Parts,
    measures: Floats,
    mask: Mask,
    class_of: Whole,
    price: Floats,
    who: Ints,
    arm_out: Whole,
    score_out: Floats,
) -> None:
    """Out: arm_out (m,), -1 where no open arm has a positive objective; score_out (m,), -inf there."""
    h_count, k_count, _ = measures.shape
    masked = mask.shape[0] > 0
    for j in range(places[0], places[1]):
        i = who[j]
        c = class_of[i]
        best, at = -np.inf, -1
        for k in range(k_count):
            v = measures[0, k, i]
            if v <= 0 or (masked and not mask[k, i]):
                continue
            score = v - price[c, h_count, k]
            for h in range(h_count):
                if price[c, h, k] != 0:
                    score -= price[c, h, k] * measures[h, k, i]
            if score > best:
                best, at = score, k
        arm_out[j] = at
        score_out[j] = best


def nearest_arms_slowly(
    measures: NDArray[np.floating],
    mask: NDArray[np.bool_] | None,
    class_of: NDArray[np.integer],
    price: FloatArray,
    who: NDArray[np.integer],
) -> tuple[NDArray[np.int16], FloatArray]:
    """The same in plain Python."""
    h_count, k_count, _ = measures.shape
    arms, scores = np.full(len(who), -1, np.int16), np.full(len(who), -np.inf)
    for j, i in enumerate(who.tolist()):
        for k in range(k_count):
            if measures[0, k, i] <= 0 or (mask is not None and not mask[k, i]):
                continue
            p = price[class_of[i]]
            score = float(measures[0, k, i]) - float(p[h_count, k])
            for h in range(h_count):
                if p[h, k] != 0:
                    score -= float(p[h, k]) * float(measures[h, k, i])
            if score > scores[j]:
                arms[j], scores[j] = k, score
    return arms, scores
