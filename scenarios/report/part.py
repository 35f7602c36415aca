"""One table of the report with a row for each strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A table with one row a strategy: heads with their cells."""

    title: str
    columns: list[tuple[str, tuple[str, ...]]]

    def rows(self, names: Sequence[str]) -> list[tuple[str, list[str]]]:
        """Row by row."""
        return [(name, [cells[i] for _, cells in self.columns]) for i, name in enumerate(names)]
