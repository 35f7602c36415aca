"""What was wrong with a log, and what was done about it: nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

FIRST_ROWS = 5

RULES = {
    "malformed line": "dropped",
    "missing customer id": "dropped",
    "bad date": "dropped; a date format reads other ways of writing",
    "future date": "dropped",
    "bad amount": "dropped",
    "negative amount": "netted within its order",
    "return without a purchase": "order dropped, not deducted from revenue",
    "zero amount": "kept",
    "huge amount": "kept: more than a thousand times the median",
    "exact duplicate": "kept: two equal lines may both be real",
    "missing order id": "grouped by customer and date",
    "missing category": "kept as (none)",
}


@dataclass(frozen=True)
class Issue:
    """One kind of dirt.

    ``rows`` are the first row numbers (1 = first row of data), ``values`` what stood there where it could not be used,
    ``amount`` the sum concerned.
    """

    kind: str
    count: int
    rule: str
    rows: tuple[int, ...] = ()
    amount: float | None = None
    values: tuple[str, ...] = ()

    def line(self) -> str:
        """One sentence."""
        named = [f"{row} {value!r}" for row, value in zip(self.rows, self.values, strict=False)] or list(
            map(str, self.rows)
        )
        where = f", row{'s' if len(named) > 1 else ''} {', '.join(named)}" if named else ""
        more = " ..." if self.rows and self.count > len(self.rows) else ""
        money = f", amount {self.amount:,.2f}" if self.amount is not None else ""
        return f"{self.kind}: {self.count:,} ({self.rule}{money}{where}{more})"


@dataclass(frozen=True)
class CleaningReport:
    """What was read from ``source``, what was set aside on request, and every kind of dirt.

    ``set_aside`` counts rows that the caller asked to leave out (``exclude``, ``until``).
    """

    source: str
    rows_read: int
    rows_used: int
    customers: int
    orders: int
    amount: float
    first_day: str
    last_day: str
    issues: tuple[Issue, ...] = ()
    set_aside: Mapping[str, int] | None = None
    remark: str | None = None

    def lines(self) -> list[str]:
        """Plain text, to be shown by every caller."""
        out = [
            f"{self.source}: {self.rows_used:,} of {self.rows_read:,} rows, {self.customers:,} customers, "
            f"{self.orders:,} orders, amount {self.amount:,.2f}, {self.first_day} to {self.last_day}"
        ]
        out += [f"  set aside, {why}: {count:,} rows" for why, count in (self.set_aside or {}).items() if count]
        out += [f"  {issue.line()}" for issue in self.issues]
        out += [f"  {self.remark}"] if self.remark else []
        return out

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)
