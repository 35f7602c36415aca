"""What happened, in money: every amount an integer number of micro-units, so that books add up exactly."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MICRO = 1_000_000

REVENUE, DISCOUNT, CANNIBALISED, COST_OF_GOODS, COST_TO_SERVE, REDEMPTION, CONTACT, ORDERS, INCREMENTAL = range(9)
VISITS, LOSING_ORDERS, LOSSES = 9, 10, 11
STAFF, SERVICE_CONTACTS, FAILURES, ON_TIME, WAITED, ENDED = 12, 13, 14, 15, 16, 17
ACQUISITION, ACQUIRED, SETUP, CAPABILITY = 18, 19, 20, 21
WALLET, LOST = 22, 23
LINES = 24
OVERHEADS = (STAFF, ACQUISITION, SETUP, CAPABILITY)
"""Costs that no customer's order or contact makes: they are in the margin of a period, but of no segment."""
SEGMENT_CUSTOMERS, SEGMENT_ORDERS, SEGMENT_MARGIN = range(3)
SEGMENT_LINES = 3
ARM_CONTACTS, ARM_RESPONSES, ARM_ORDERS, ARM_DISCOUNT = range(4)
ARM_LINES = 4


def currency(units: Ints) -> Floats:
    """Micro-units as currency units, float64."""
    return np.asarray(units / MICRO, np.float64)


def _share(part: Floats, whole: Floats) -> Floats:
    """NaN where there is no whole."""
    return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan))


@dataclass(frozen=True, eq=False)
class Ledger:
    """T periods, S segments, A arms; int64 counts and micro-units, read as currency through the properties.

    Margin = revenue - discount - cost of goods - cost to serve - redemption cost - contact cost - overheads (staff,
    acquisition, set-up, capabilities).

    Attributes:
        lines: (T, LINES), sums over customers by period.
        by_segment: (T, 3, S), customers after the move, orders, margin.
        by_arm: (T, 4, A), contacts, responses, redeeming orders, discount.
        lapsed: (S,) bool.
        contact_cost, redemption_cost: (A,) micro-units per contact and per redeeming order.
        flows: (T, S * S) customers by segment before the period and at its end; (T, 0) where the world keeps none.
    """

    lines: Ints
    by_segment: Ints
    by_arm: Ints
    lapsed: NDArray[np.bool_]
    contact_cost: Ints
    redemption_cost: Ints
    flows: Ints

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def customers(self) -> Ints:
        """(T,) customers in a segment that is not lapsed."""
        return np.asarray(self.by_segment[:, SEGMENT_CUSTOMERS][:, ~self.lapsed].sum(axis=1), np.int64)

    @property
    def orders(self) -> Ints:
        """(T,)."""
        return self.lines[:, ORDERS]

    @property
    def incremental_orders(self) -> Ints:
        """(T,) orders less those that the same customers place in the same period without their active offer."""
        return self.lines[:, INCREMENTAL]

    @property
    def revenue(self) -> Floats:
        """(T,) at list price."""
        return currency(self.lines[:, REVENUE])

    @property
    def discount(self) -> Floats:
        """(T,) given away by offers."""
        return currency(self.lines[:, DISCOUNT])

    @property
    def cannibalised(self) -> Floats:
        """(T,) the part of the discount on orders that come anyway."""
        return currency(self.lines[:, CANNIBALISED])

    @property
    def cost_of_goods(self) -> Floats:
        """(T,)."""
        return currency(self.lines[:, COST_OF_GOODS])

    @property
    def cost_to_serve(self) -> Floats:
        """(T,)."""
        return currency(self.lines[:, COST_TO_SERVE])

    @property
    def redemption(self) -> Floats:
        """(T,) cost of redeeming, on top of the discount."""
        return currency(self.lines[:, REDEMPTION])

    @property
    def contact(self) -> Floats:
        """(T,) cost of contacts."""
        return currency(self.lines[:, CONTACT])

    @property
    def visits(self) -> Ints:
        """(T,) with and without an order; 0 where the world names no traffic."""
        return self.lines[:, VISITS]

    @property
    def staff(self) -> Floats:
        """(T,) wages of the contact centre."""
        return currency(self.lines[:, STAFF])

    @property
    def acquisition(self) -> Floats:
        """(T,) paid for new customers."""
        return currency(self.lines[:, ACQUISITION])

    @property
    def setup(self) -> Floats:
        """(T,) set-up of offers, in the period in which they are first sent."""
        return currency(self.lines[:, SETUP])

    @property
    def capability(self) -> Floats:
        """(T,) data, systems and skills that a strategy needs."""
        return currency(self.lines[:, CAPABILITY])

    @property
    def overheads(self) -> Floats:
        """(T,) staff + acquisition + set-up + capabilities."""
        return currency(self.lines[:, list(OVERHEADS)].sum(axis=1))

    @property
    def acquired(self) -> Ints:
        """(T,) customers who joined."""
        return self.lines[:, ACQUIRED]

    @property
    def wallet(self) -> Floats:
        """(T,) what customers are expected to spend at list price wherever they buy, before offers; 0 without competition."""
        return currency(self.lines[:, WALLET])

    @property
    def lost(self) -> Floats:
        """(T,) what those in lapsed segments would spend as in their start segment, beyond ``wallet``: the competitor has it."""
        return currency(self.lines[:, LOST])

    @property
    def own_share(self) -> Floats:
        """(T,) revenue / ``wallet``: our share of what those who buy spend; NaN without competition."""
        return _share(self.revenue, self.wallet)

    @property
    def own_share_in_all(self) -> Floats:
        """(T,) revenue / (``wallet`` + ``lost``)."""
        return _share(self.revenue, self.wallet + self.lost)

    @property
    def competitor(self) -> Floats:
        """(T,) what the competitor holds: ``wallet`` + ``lost`` - revenue."""
        return np.asarray(np.where(self.wallet + self.lost > 0, self.wallet + self.lost - self.revenue, 0.0))

    @property
    def promotion_cost(self) -> Floats:
        """(T,) contact + discount + redemption."""
        return currency(self.lines[:, [CONTACT, DISCOUNT, REDEMPTION]].sum(axis=1))

    @property
    def margin_micro(self) -> Ints:
        """(T,) margin in micro-units, by its definition."""
        costs = self.lines[:, [DISCOUNT, COST_OF_GOODS, COST_TO_SERVE, REDEMPTION, CONTACT]].sum(axis=1)
        return np.asarray(self.lines[:, REVENUE] - costs - self.lines[:, list(OVERHEADS)].sum(axis=1), np.int64)

    @property
    def margin(self) -> Floats:
        """(T,) undiscounted."""
        return currency(self.margin_micro)

    @property
    def segment_customers(self) -> Ints:
        """(T, S) after the move."""
        return self.by_segment[:, SEGMENT_CUSTOMERS]

    @property
    def segment_orders(self) -> Ints:
        """(T, S)."""
        return self.by_segment[:, SEGMENT_ORDERS]

    @property
    def segment_margin(self) -> Floats:
        """(T, S)."""
        return currency(self.by_segment[:, SEGMENT_MARGIN])

    @property
    def contacts(self) -> Ints:
        """(T, A)."""
        return self.by_arm[:, ARM_CONTACTS]

    @property
    def responses(self) -> Ints:
        """(T, A)."""
        return self.by_arm[:, ARM_RESPONSES]

    @property
    def redeeming_orders(self) -> Ints:
        """(T, A)."""
        return self.by_arm[:, ARM_ORDERS]

    @property
    def arm_discount(self) -> Floats:
        """(T, A)."""
        return currency(self.by_arm[:, ARM_DISCOUNT])

    @property
    def arm_contact_cost(self) -> Floats:
        """(T, A)."""
        return currency(self.contacts * self.contact_cost)

    @property
    def arm_redemption_cost(self) -> Floats:
        """(T, A)."""
        return currency(self.redeeming_orders * self.redemption_cost)

    @property
    def flow(self) -> Ints:
        """(T, S, S) customers ``[period, segment before, segment at the end]``; T = 0 where the world keeps none."""
        s = len(self.lapsed)
        return self.flows.reshape(-1 if self.flows.size else 0, s, s)

    def joined(self, lines: Ints, by_segment: Ints, by_arm: Ints, flows: Ints) -> Ledger:
        """This ledger and further periods."""
        return Ledger(
            np.concatenate([self.lines, lines]),
            np.concatenate([self.by_segment, by_segment]),
            np.concatenate([self.by_arm, by_arm]),
            self.lapsed,
            self.contact_cost,
            self.redemption_cost,
            np.concatenate([self.flows, flows]) if len(self) else flows,
        )

    def plus(self, other: Ledger) -> Ledger:
        """The books of two groups of customers over the same periods."""
        return Ledger(
            self.lines + other.lines,
            self.by_segment + other.by_segment,
            self.by_arm + other.by_arm,
            self.lapsed,
            self.contact_cost,
            self.redemption_cost,
            self.flows + other.flows,
        )

    def check(self) -> None:
        """Raise :class:`EngineError` unless all books agree, to the last micro-unit, in every period.

        The margin booked customer by customer is the margin of the lines; segments and arms add up to the lines;
        nobody is lost between segments, nor between the flows of one period and the next; no more is cannibalised than is given
        away.
        """
        people = self.segment_customers.sum(axis=1)
        joined = self.lines[:, ACQUIRED].cumsum()
        earned = self.margin_micro + self.lines[:, list(OVERHEADS)].sum(axis=1)
        pairs = {
            "margin by segment and by definition": (self.by_segment[:, SEGMENT_MARGIN].sum(axis=1), earned),
            "orders by segment and in all": (self.segment_orders.sum(axis=1), self.lines[:, ORDERS]),
            "discount by arm and in all": (self.by_arm[:, ARM_DISCOUNT].sum(axis=1), self.lines[:, DISCOUNT]),
            "contact cost by arm and in all": ((self.contacts * self.contact_cost).sum(axis=1), self.lines[:, CONTACT]),
            "redemption cost by arm and in all": (
                (self.redeeming_orders * self.redemption_cost).sum(axis=1),
                self.lines[:, REDEMPTION],
            ),
            "customers now and at first": (people - joined, (people - joined)[:1].repeat(len(people))),
            "cannibalised discount and its limit": (
                self.lines[:, CANNIBALISED],
                np.minimum(self.lines[:, CANNIBALISED], self.lines[:, DISCOUNT]),
            ),
        }
        if len(self.flow) > 1 and not joined.any():
            into, out_of = self.flow.sum(axis=1)[:-1], self.flow.sum(axis=2)[1:]
            lost = np.abs(into - out_of).sum(axis=1)
            pairs["customers who reached a segment and who were in it next"] = (lost, np.zeros_like(lost))
        problems = [
            f"ledger: {name}: expected equal, got {a[a != b][0]} and {b[a != b][0]} in period {np.argmax(a != b)}"
            for name, (a, b) in pairs.items()
            if (a != b).any()
        ]
        if problems:
            raise EngineError(problems)

    def to_arrow(self) -> Any:
        """``pyarrow.Table``, one row per period: counts int64, money float64 in currency units."""
        from engine.arrow import periods_table

        return periods_table(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)
        )


def empty_ledger(lapsed: NDArray[np.bool_], contact_cost: Ints, redemption_cost: Ints) -> Ledger:
    """No period yet."""
    return Ledger(
        np.zeros((0, LINES), np.int64),
        np.zeros((0, SEGMENT_LINES, len(lapsed)), np.int64),
        np.zeros((0, ARM_LINES, len(contact_cost)), np.int64),
        lapsed,
        contact_cost,
        redemption_cost,
        np.zeros((0, 0), np.int64),
    )
