"""What ``cvmax allocate`` and ``cvmax frontier`` do between options and exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from scenarios.allocate import allocate_case
from scenarios.allocation.answer import Allocation
from scenarios.allocation.case import Case, build_case
from scenarios.allocation.frontier import Asked, Frontier, frontier
from scenarios.allocation.solving import Limits, usual_gap
from scenarios.allocation_files import XLSX_ROWS, Format, allocation_path, why_not_rows, write_allocation
from scenarios.errors import ConfigError
from scenarios.provenance import file_hash, version
from scenarios.report.allocation_sheets import allocation_sheets
from scenarios.report.frontier import frontier_page, frontier_rows
from scenarios.writing import refuse_overwrite, whole_file

WORKBOOK_POINTS = 13


@dataclass(frozen=True)
class Wish:
    """Options of ``cvmax allocate`` beside the files."""

    budget: float | None = None
    gap: float | None = None
    time_limit: float | None = None
    evaluate: Path | None = None
    fix: Path | None = None
    start: Path | None = None
    price_rules: bool = False
    why_not: bool = False


def run_allocate(
    candidates: str, rules: Path, wish: Wish, folder: Path, kind: Format, force: bool
) -> tuple[Allocation, list[Path]]:
    """Solve and write; nothing is written without a plan.

    Raises:
        CvmaxError: bad input, or a file that exists.

    """
    if wish.evaluate is not None and (wish.fix is not None or wish.start is not None or wish.price_rules):
        raise ConfigError(["--evaluate: a given plan is valued as it is; leave out --fix, --start and --price-rules"])
    _refuse_file(folder, get_args(Format))
    names = ["allocation", *(["why_not"] if wish.why_not else [])] if wish.evaluate is None else []
    for name in names:
        refuse_overwrite(allocation_path(folder, kind, name), force)
    case = build_case(candidates, rules, wish.budget)
    if kind == "xlsx" and case.n * case.problem.max_offers > XLSX_ROWS:
        for name in names:
            refuse_overwrite(allocation_path(folder, "parquet", name), force)
    limits = Limits(usual_gap(case) if wish.gap is None else wish.gap, wish.time_limit)
    answer = allocate_case(
        case, limits, evaluate=wish.evaluate, fix=wish.fix, start=wish.start, prices=wish.price_rules
    )
    if answer.rows is None:
        return answer, []
    tables = [(name, answer.rows if name == "allocation" else why_not_rows(answer)) for name in names]
    long = [(name, table.num_rows) for name, table in tables if kind == "xlsx" and table.num_rows > XLSX_ROWS]
    told = [
        f"{name}.parquet holds the {rows:,} rows: a sheet of a workbook holds {XLSX_ROWS:,} at most."
        for name, rows in long
    ]
    answer = replace(answer, remarks=(*answer.remarks, *told))
    sheets = []
    if kind == "xlsx":
        sheets = allocation_sheets(answer, _curve(case, limits), _provenance(candidates, rules))
    written = []
    for name, rows_of in tables:
        of: Format = kind
        if name in dict(long):
            if name == "allocation":
                written.append(write_allocation(None, folder, kind, force, sheets=sheets))
            of, sheets = "parquet", []
        written.append(write_allocation(rows_of, folder, of, force, sheets=sheets, name=name))
        sheets = []
    return answer, written


def run_frontier(
    candidates: str,
    rules: Path,
    asked: Asked,
    limits: Limits,
    folder: Path | None,
    force: bool,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Frontier, list[Path]]:
    """The curve of a rule, and frontier.html and frontier.csv in ``folder`` if there is one.

    A curve is written whatever the exit code; without a single plan there is none.
    """
    if folder is not None:
        _refuse_file(folder, ())
        for name in ("html", "csv"):
            refuse_overwrite(folder / f"frontier.{name}", force)
    progress(f"reading {candidates}")
    found = frontier(build_case(candidates, rules), limits, asked, progress)
    if folder is None or found.empty:
        return found, []
    page = folder / "frontier.html"
    with whole_file(page, force) as temporary:
        temporary.write_text(frontier_page(found), encoding="utf-8")
    return found, [page, write_allocation(frontier_rows(found), folder, "csv", force, name="frontier")]


def _refuse_file(folder: Path, formats: tuple[str, ...]) -> None:
    """``--out plan.xlsx`` is meant for a workbook of that name, and would be a folder."""
    kind = folder.suffix.lower().lstrip(".")
    if kind in ("csv", "html", "json", "parquet", "xls", "xlsx") and not folder.is_dir():
        hint = f"; hint: --out {folder.with_suffix('')}" + (f" --format {kind}" if kind in formats else "")
        raise ConfigError([f"--out: expected a folder, got the name of a file, {folder}{hint}"])


def _curve(case: Case, limits: Limits) -> Frontier | None:
    """The budget's frontier, where the rules have a plain one."""
    budget = next((rule for rule in case.singles if rule.name == "budget"), None)
    if budget is None or budget.max is None or budget.ratio or budget.parity or budget.penalty or budget.report:
        return None
    each = None if limits.time_limit is None else limits.time_limit / WORKBOOK_POINTS
    coarse = Limits(max(limits.gap, 1e-4), each)
    return frontier(case, coarse, Asked(points=WORKBOOK_POINTS))


def _provenance(candidates: str, rules: Path) -> list[tuple[str, str]]:
    """Which files, which version, when."""
    files = [Path(candidates.partition("::")[0]), rules]
    return [
        *((f"file {path.name}", f"sha256 {file_hash(path)}") for path in files),
        ("cvmax", version("cvmax") or "not installed"),
        ("time", datetime.now(UTC).isoformat(timespec="seconds")),
    ]
