"""Today's practice from a file: which real customer gets which offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.acquisition import new
from scenarios.errors import DataError
from scenarios.strategies.base import Choice, View
from scenarios.suggest import nearest
from scenarios.tables import Tables, quoted, require_columns
from solvers import fill

SHOWN = 5


@dataclass(frozen=True)
class PlanFile:
    """The file's offer for each real customer, at every epoch, in the file's order while the rules allow it.

    ``arm_of``: (real customers,) arm, -1 = none; ``place``: (real customers,) row of the file.
    """

    arm_of: NDArray[np.int16]
    place: NDArray[np.int64]

    def choose(self, view: View) -> Choice:
        """Everybody drawn from a listed customer gets the listed arm, if open to him; new customers are in no file."""
        source = view.population.traits.source
        arm = np.where(new(view.population.traits.key), np.int16(-1), self.arm_of[source])
        who = np.flatnonzero(arm >= 0)
        who = who[np.argsort(self.place[source[who]], kind="stable")]
        return Choice(fill(view.problem, who, arm[who]))


def read_plan(file: str, arms: Sequence[str], customer_ids: NDArray[np.generic]) -> PlanFile:
    """Read ``customer_id, offer`` and, where an offer goes through several channels, ``channel``.

    Raises:
        DataError: missing columns, unknown customers, offers or channels, a customer named twice; all at once.
    """
    with Tables() as tables:
        table = tables.open(file)
        require_columns(table, {"customer": "customer_id", "offer": "offer"})
        channel = quoted("channel") if "channel" in table.columns else "null"
        rows = tables.rows(f"select customer_id::varchar, offer::varchar, {channel}::varchar from {table.sql}", file)
    index = {str(name): i for i, name in enumerate(customer_ids.tolist())}
    arm_of, place = np.full(len(index), -1, np.int16), np.zeros(len(index), np.int64)
    offers = sorted({arm.split("/")[0] for arm in arms})
    problems: list[str] = []
    for line, (customer, offer, by) in enumerate(rows, start=1):
        fits = [
            k for k, arm in enumerate(arms) if arm == f"{offer}/{by}" or (by is None and arm.split("/")[0] == offer)
        ]
        who = index.get(str(customer))
        if who is None:
            problems.append(f"{file}: row {line} customer_id: unknown customer {customer!r}")
        elif not fits:
            known = (
                offers if offer not in offers else [arm.split("/")[1] for arm in arms if arm.startswith(f"{offer}/")]
            )
            wrong = offer if offer not in offers else by
            problems.append(f"{file}: row {line}: unknown offer or channel {wrong!r}{nearest(wrong, known)}")
        elif len(fits) > 1:
            problems.append(f"{file}: row {line}: {offer!r} goes through several channels; expected a column 'channel'")
        elif arm_of[who] >= 0:
            problems.append(
                f"{file}: row {line} customer_id: {customer!r} is already in row {place[who]}; expected one offer a customer"
            )
        else:
            arm_of[who], place[who] = fits[0], line
    if problems:
        more = [f"{file}: and {len(problems) - SHOWN} more such rows"] if len(problems) > SHOWN else []
        raise DataError(problems[:SHOWN] + more)
    return PlanFile(arm_of, place)
