"""A population as the kernels read and write it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]
Money = NDArray[np.int64]


class Customers(NamedTuple):
    """The arrays of a population and of its results, (n,) each but ``headroom`` (n, C)."""

    key: NDArray[np.uint64]
    rate: Real
    order_value: Real
    responsiveness: Real
    start_segment: NDArray[np.uint8]
    headroom: Real
    segment: NDArray[np.uint8]
    fatigue: Real
    owned: NDArray[np.uint32]
    extra_value: Real
    active_arm: NDArray[np.uint8]
    active_left: NDArray[np.uint8]
    recency: NDArray[np.uint16]
    orders: Real
    spend: Real
    tenure: NDArray[np.uint16]
    margin: NDArray[np.float64]
    promotion: Money
