"""A probability in words, with no more digits than the draws behind it carry."""

from __future__ import annotations

import math

ENOUGH_DRAWS = 5
"""Fewer outer draws tell nobody apart: Student's t stretches an interval 2.2 times at 3 draws, 1.4 times at 5."""

MORE_DRAWS = f"take at least {ENOUGH_DRAWS}, better 20 (--replications 20, or uncertainty.draws)"
"""The one advice wherever draws are missing or few: the interval's Student's t is within 7 % of its limit at 20."""


def chance(share: float, draws: int) -> str:
    """``60 %``, ``over 95 %``, ``under 5 %``; "no value" with fewer draws than :data:`ENOUGH_DRAWS`.

    A share of B draws has a standard error of up to ``0.5 / sqrt(B)``, so it is rounded to steps of about that size; and
    B draws that all say the same do not make it certain.
    """
    if draws < ENOUGH_DRAWS or math.isnan(share):
        return "no value"
    step = 20 if draws < 10 else 10 if draws < 25 else 5 if draws < 400 else 1
    rounded = step * math.floor(100 * share / step + 0.5)
    if rounded >= 100:
        return f"over {100 - step} %"
    return f"{rounded} %" if rounded > 0 else f"under {step} %"
