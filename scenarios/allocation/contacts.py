"""Caps on contacts within sliding windows: who has had so many that one more would break the cap.

A window of D days ends with the day on which the plan is sent and holds the days after ``as_of`` - D.  A customer with
``max`` contacts of the cap's kind in it is closed for that kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenarios.candidates import Candidates
from scenarios.schema.allocation import ContactCap, Contacts
from scenarios.suggest import nearest
from scenarios.tables import Table, Tables, literal, quoted

Bools = NDArray[np.bool_]


def closed_by_caps(
    data: Candidates, contacts: Contacts, places: Mapping[str, str], folder: str, problems: list[str]
) -> Iterator[tuple[str, Bools]]:
    """(name, (K, n) closed) of every cap."""
    with Tables() as tables:
        history = None
        if contacts.history is not None:
            file = str(contacts.history)
            history = tables.open(file if Path(file.partition("::")[0]).is_absolute() else str(Path(folder) / file))
            problems += _wrong(tables, history, contacts)
            if problems:
                return
        for cap in contacts.caps:
            where = places.get(cap.name, cap.name)
            arms = np.ones(len(data.arms), dtype=bool)
            if cap.channel is not None:
                channels = [channel for _, channel in data.arms]
                if cap.channel not in channels:
                    hint = nearest(cap.channel, sorted({c for c in channels if c}))
                    problems.append(f"{where}.channel: no offer goes through {cap.channel!r}{hint}")
                arms &= np.array([channel == cap.channel for channel in channels])
            if cap.column is not None:
                past = data.spread(data.numbers(cap.column) >= cap.max, False)
                yield cap.name, arms[:, None] & past
            elif history is not None:
                yield cap.name, arms[:, None] & _full(tables, history, data, cap, contacts)


def _wrong(tables: Tables, history: Table, contacts: Contacts) -> list[str]:
    """Columns that are missing, dates that are none, contacts after the day of the plan."""
    wanted = ["customer_id", "date"]
    windowed = [cap for cap in contacts.caps if cap.window_days is not None]
    wanted += ["channel"] if any(cap.channel is not None for cap in windowed) else []
    wanted += ["offer"] if any(cap.same_offer for cap in windowed) else []
    missing = [name for name in wanted if name not in history.columns]
    if missing:
        rest = [name for name in history.columns if name not in wanted]
        return [f"{history.source}: column {name!r} is missing{nearest(name, rest)}" for name in missing]
    bad, late = tables.rows(
        "select count(*) filter (where try_cast(date as date) is null), "
        f"count(*) filter (where try_cast(date as date) > date {literal(str(contacts.as_of))}) from {history.sql}",
        history.source,
    )[0]
    problems = []
    if bad:
        problems.append(f"{history.source}: {bad:,} rows have no date like 2026-12-31 in 'date'")
    if late:
        problems.append(f"{history.source}: {late:,} contacts are later than as_of, {contacts.as_of}")
    return problems


def _full(tables: Tables, history: Table, data: Candidates, cap: ContactCap, contacts: Contacts) -> Bools:
    """(K, n) offers that would be one contact too many; of the customer's past contacts in the window."""
    assert contacts.as_of is not None and cap.window_days is not None
    begin = contacts.as_of - timedelta(days=cap.window_days)
    keep = [
        f"try_cast(date as date) > date {literal(str(begin))}",
        f"try_cast(date as date) <= date {literal(str(contacts.as_of))}",
    ]
    if cap.channel is not None:
        keep.append(f"channel::varchar = {literal(cap.channel)}")
    offer = f"{quoted('offer')}::varchar" if cap.same_offer else "''"
    found = tables.arrow(
        f"select customer_id::varchar as customer, {offer} as offer from {history.sql} where {' and '.join(keep)} "
        f"group by all having count(*) >= {cap.max}",
        history.source,
    )
    who = data.places_of(found.column("customer"))
    known = who >= 0
    out = np.zeros(data.eligible.shape, dtype=bool)
    if not cap.same_offer:
        out[:, who[known]] = True
        return out
    offers = np.array(found.column("offer").to_pylist(), dtype=object)
    for arm, (name, _) in enumerate(data.arms):
        out[arm, who[known & (offers == name)]] = True
    return out
