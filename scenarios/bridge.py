"""From the baseline's CLV to a strategy's, step by step: what was earned, what was given away, what was paid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.ledger import Ledger
from scenarios.play import Played


def bridge(played: Played, base: Played) -> dict[str, float]:
    """Step -> amount per customer, discounted; the steps add up to the difference in mean CLV.

    Within the horizon a step is a line of the ledger: sum over t of d^t (line - the baseline's) / customers, with
    costs negative; the last step is the difference in terminal value.  Steps of exactly 0 are left out.
    """
    customers = len(played.horizon_value)
    steps = {
        name: float(_present(played, line) - _present(base, base_line)) / customers
        for (name, line), (_, base_line) in zip(_lines(played.ledger), _lines(base.ledger), strict=True)
    }
    steps["value after the horizon"] = float(played.terminal_value.mean() - base.terminal_value.mean())
    return {name: value for name, value in steps.items() if value}


def _lines(ledger: Ledger) -> list[tuple[str, NDArray[np.float64]]]:
    """(name, (T,) amounts), costs negative; they add up to the ledger's margin."""
    return [
        ("margin before promotions", ledger.revenue - ledger.cost_of_goods - ledger.cost_to_serve),
        ("discounts on extra orders", ledger.cannibalised - ledger.discount),
        ("discounts on orders that would have come anyway", -ledger.cannibalised),
        ("redemptions", -ledger.redemption),
        ("contacts", -ledger.contact),
        ("contact centre", -ledger.staff),
        ("winning new customers", -ledger.acquisition),
        ("set-up of offers", -ledger.setup),
        ("capabilities", -ledger.capability),
    ]


def _present(played: Played, amounts: NDArray[np.float64]) -> float:
    """Discounted to the start."""
    return float(amounts @ played.discount_factor ** np.arange(len(amounts)))
