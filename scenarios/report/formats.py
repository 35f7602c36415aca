"""Numbers and texts as people read them.  What has no value reads "no value", never 0."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scenarios.results import Interval

NO_VALUE = "no value"


def finite(value: float | None) -> bool:
    """Whether there is a number to show."""
    return value is not None and math.isfinite(value)


def decimals_for(values: Iterable[float | None]) -> int:
    """Decimals for amounts that stand together: 2; none from 100,000 on; 3 digits of the largest if it is below 0.1."""
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    if largest >= 1e5:
        return 0
    if largest == 0 or largest >= 0.1:
        return 2
    return min(2 - math.floor(math.log10(largest)), 10)


def amount(value: float | None, decimals: int = 2, *, sign: bool = False) -> str:
    """``1,234.50``; with ``sign`` also ``+1,234.50``; beyond 1e15 in powers of ten."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    if abs(value) >= 1e15:
        return f"{value:+.3e}" if sign else f"{value:.3e}"
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        return text.lstrip("-")
    return f"+{text}" if sign and value > 0 else text


def percent(value: float | None, *, sign: bool = False) -> str:
    """``12.3 %`` of a share of 0.123; small shares keep a digit."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    decimals = 1 if value == 0 or abs(value) >= 0.001 else 3
    return f"{amount(100 * value, decimals, sign=sign)} %"


def significant(value: object) -> str:
    """Any value of a register: numbers with 4 digits, texts as they are."""
    if value is None:
        return NO_VALUE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clean(str(value))
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return NO_VALUE
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        digits = 3 if value == 0 else max(3 - math.floor(math.log10(abs(value))), 0)
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.3e}"


def between(interval: Interval, decimals: int = 2) -> str:
    """``-0.31 to 1.20``: how the interval for decisions is written, and only that one."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return NO_VALUE
    return f"{amount(interval.low, decimals, sign=True)} to {amount(interval.high, decimals, sign=True)}"


def half_width(interval: Interval) -> float | None:
    """Half of high - low, None where it has no end."""
    half = (interval.high - interval.low) / 2
    return half if math.isfinite(half) else None


def plus_minus(interval: Interval, decimals: int = 2, mark: str = "+/- ") -> str:
    """``+/- 0.12``: how the noise of one run is written, so that it cannot be taken for the other interval."""
    half = half_width(interval)
    return NO_VALUE if half is None else mark + amount(half, decimals)


def clean(text: str) -> str:
    """The text with a blank for each control character: a name must not move a cursor or colour a screen."""
    return "".join(c if c.isprintable() else " " for c in text)


def flat(document: object, path: str = "") -> list[tuple[str, str]]:
    """(path, text) of every leaf of nested dicts and lists; short lists of plain values stay on one line."""
    if isinstance(document, dict):
        return [row for k, v in document.items() for row in flat(v, f"{path}.{k}" if path else str(k))]
    if isinstance(document, list | tuple):
        if all(not isinstance(v, dict | list | tuple) for v in document):
            return [(clean(path), ", ".join(significant(v) for v in document))]
        return [row for i, v in enumerate(document) for row in flat(v, f"{path}[{i}]")]
    return [(clean(path), significant(document))]
