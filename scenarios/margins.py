"""When an offer's margin is enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def enough_margin(margin: NDArray[np.floating], revenue: NDArray[np.floating], rate: float | None) -> NDArray[np.bool_]:
    """Where ``margin >= rate x revenue``; everywhere if no rate is asked.  Shapes alike."""
    if rate is None:
        return np.ones(margin.shape, dtype=bool)
    enough: NDArray[np.bool_] = margin >= rate * revenue
    return enough
