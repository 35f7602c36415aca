"""The results that every view of a run is tried on, and what is printed of them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fake_results import awkward_results, bare_results, fake_results, tiny_results

from scenarios.report.console import print_results
from scenarios.results import RunResults

KINDS = {"fake": fake_results, "awkward": awkward_results, "bare": bare_results, "tiny": tiny_results}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


def printed(results: RunResults, width: int | None = 100) -> str:
    buffer = io.StringIO()
    print_results(results, file=buffer, width=width, folder=Path("runs/grocery"))
    return buffer.getvalue()
