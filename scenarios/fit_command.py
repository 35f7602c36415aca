"""What ``cvmax fit`` does: read, fit, write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.calibration.segment_rules import Rule, SegmentRules
from engine.errors import EngineError
from scenarios.datasets import DATASETS, Columns
from scenarios.errors import ConfigError
from scenarios.fit_report import FitReport
from scenarios.fitted_file import save_fitted, sidecar
from scenarios.fitting import fit_log
from scenarios.purchases import read_purchases
from scenarios.schema.population import Fit
from scenarios.writing import refuse_overwrite
from scenarios.yamlfile import read_yaml


def fit_transactions(
    source: str,
    out: Path,
    force: bool,
    progress: Callable[[str], None],
    *,
    customer_id: str | None,
    date: str | None,
    amount: str | None,
    date_format: str | None,
    order_id: str | None,
    category: str | None,
    categories: int,
    period: str,
    until: datetime | None,
    left_truncated: bool | None,
    segments: Path | None,
    state_dependence: float,
    holdout: int | None,
    strict: bool,
) -> FitReport:
    """Fit a log and write the population; the report says how far to trust it.

    Raises:
        InputError: a log, columns, rules or a place to write that cannot be used.
    """
    if out.suffix not in (".yaml", ".yml"):
        raise ConfigError([f"--out {out}: expected a name that ends in .yaml"])
    for path in (out, sidecar(out)):
        refuse_overwrite(path, force)
    named = {
        "customer_id": customer_id, "date": date, "amount": amount, "date_format": date_format, "order_id": order_id,
        "category": category,
    }  # fmt: skip
    given = {role: name for role, name in named.items() if name is not None}
    if source in DATASETS and given:
        raise ConfigError(
            [f"--{role.replace('_', '-')}: the dataset {source} knows its columns; leave it out" for role in given]
        )
    columns = None if source in DATASETS else Columns(**given)
    rules = read_rules(segments) if segments else None
    progress(f"reading {source}")
    last = until.date() if until else None
    log = read_purchases(source, columns, period=period, strict=strict, until=last, left_truncated=left_truncated)
    progress(f"fitting {len(log.customer_ids):,} customers, and forecasting what was held out")
    fitted = fit_log(
        log, rules=rules, top_categories=categories, state_dependence=state_dependence, holdout_periods=holdout
    )
    save_fitted(fitted, out, overwrite=force)
    assert fitted.report is not None
    return fitted.report


def read_rules(path: Path) -> SegmentRules:
    """Segment rules from a YAML file: ``window_periods`` and ``segments: {name: {recency_max: ...}}``, in order.

    Raises:
        ConfigError: keys or values that do not fit.
    """
    data: dict[str, Any] = dict(read_yaml(path).data)
    try:
        spec = Fit.model_validate({"dataset": "any", **data})
    except ValidationError as error:
        raise ConfigError(
            [f"{path} {'.'.join(str(p) for p in e['loc'])}: {e['msg']}, got {e['input']!r}" for e in error.errors()]
        ) from error
    try:
        return SegmentRules(
            tuple(Rule(name, **rule.model_dump()) for name, rule in spec.segments.items()), spec.window_periods
        )
    except EngineError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from error
