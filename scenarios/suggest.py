"""Names that are nearly right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 12


def nearest(name: object, known: Iterable[object]) -> str:
    """The end of an error about an unknown name: ``; did you mean 'x'?``, or the known names."""
    names = [str(item) for item in known]
    lower = {item.lower(): item for item in reversed(names)}
    close = difflib.get_close_matches(str(name).lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {lower[close[0]]!r}?"
    if not names:
        return "; there are none"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; known: {', '.join(names[:_SHOWN])}{more}"
