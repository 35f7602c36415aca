"""A scenario's customer base: made up, read from an earlier fit, or fitted now; and its names held against the scenario."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.calibration.segment_rules import Rule, SegmentRules
from engine.errors import EngineError
from scenarios.base import Base
from scenarios.building_dynamics import rivals_of
from scenarios.datasets import Columns
from scenarios.errors import ConfigError
from scenarios.fitted import RealBase
from scenarios.fitted_file import load_fitted, sidecar
from scenarios.fitting import FittedLog, fit_log, too_little
from scenarios.loading import LoadedScenario
from scenarios.purchases import PurchaseLog, read_purchases
from scenarios.rules import texts
from scenarios.schema.population import Fit
from scenarios.suggest import nearest
from scenarios.synthetic import SyntheticBase


@dataclass(frozen=True)
class Source:
    """A base, and how far to trust it (None for a made-up one).  ``remarks``: what the user must be told."""

    base: Base
    fit: dict[str, Any] | None = None
    remarks: tuple[str, ...] = ()


def customer_base(loaded: LoadedScenario, *, strict: bool = False) -> Source:
    """The base of a scenario.  ``strict``: dirt in a purchase log is an error.

    Raises:
        DataError: purchases that cannot be read or fitted.
        ConfigError: the scenario names segments or categories that the base does not have.
    """
    population = loaded.scenario.population
    if population.synthetic is not None:
        return Source(SyntheticBase(population.synthetic))
    if population.fitted is not None:
        try:
            fitted = load_fitted(loaded.folder / population.fitted)
        except ConfigError as error:
            raise ConfigError(loaded.at(("population", "fitted"), error.problems)) from None
        if fitted.base.category_share is None and rivals_of(loaded.scenario):
            said = "was written before files kept what customers spend on each category; competitors need it: run cvmax fit again"
            raise ConfigError(loaded.at(("population", "fitted"), [f"{population.fitted} {said}"]))
        thin: list[str] = []
    else:
        assert population.fit is not None
        log = purchases(population.fit, loaded.folder, loaded.scenario.time.period, strict=strict)
        fitted = fit_purchases(log, population.fit, population.kappa.value)
        thin = [f"warning: {log.source}: {text}" for text in too_little(log)]
    if fitted.period_name != loaded.scenario.time.period:
        raise ConfigError(
            [
                f"time.period: expected {fitted.period_name}, as the population was fitted, got {loaded.scenario.time.period}"
            ]
        )
    base = RealBase(fitted.base)
    segments = base.segments(1.0)
    lapsed = [name for name, is_lapsed in zip(segments.names, segments.lapsed, strict=True) if is_lapsed]
    loaded.check_fitted(segments.names, lapsed, base.categories)
    report = fitted.report
    cleaning = report.cleaning.lines() if report else []
    return Source(base, report.to_dict() if report else None, (*cleaning, *thin))


def data_files(loaded: LoadedScenario) -> list[Path]:
    """Files whose content decides the customers; a shipped dataset is named by its package's version instead."""
    population = loaded.scenario.population
    if population.fitted is not None:
        path = loaded.folder / population.fitted
        return [path, sidecar(path)]
    if population.fit is not None and population.fit.transactions is not None:
        return [_beside(loaded.folder, population.fit.transactions)]
    return []


def _beside(folder: Path, name: str) -> Path:
    """A file looked for beside the scenario, then in the working folder; without the table of a DuckDB file."""
    file = name.partition("::")[0]
    return folder / file if (folder / file).exists() else Path(file)


def purchases(fit: Fit, folder: Path, period: str, *, strict: bool = False) -> PurchaseLog:
    """The purchase log that a scenario names; a file is looked for beside the scenario."""
    columns = None
    source: str | Path = fit.dataset or ""
    if fit.transactions is not None and fit.columns is not None:
        _, colons, table = fit.transactions.partition("::")
        source = f"{_beside(folder, fit.transactions)}{colons}{table}"
        columns = Columns(**fit.columns.model_dump())
    exclude = {name: sorted(texts(values)) for name, values in fit.exclude.items()}
    return read_purchases(
        source,
        columns,
        period=period,
        strict=strict,
        until=fit.until,
        exclude=exclude,
        left_truncated=fit.left_truncated,
    )


def fit_purchases(log: PurchaseLog, fit: Fit, state_dependence: float) -> FittedLog:
    """Fit a log with a scenario's segments and categories."""
    rules = None
    known = {f.name for f in fields(Rule)}
    if fit.segments:
        named = [
            Rule(name, **{k: v for k, v in rule.model_dump().items() if k in known})
            for name, rule in fit.segments.items()
        ]
        try:
            rules = SegmentRules(tuple(named), fit.window_periods)
        except EngineError as error:
            raise ConfigError([f"population.fit.{problem}" for problem in error.problems]) from error
    top = fit.categories if isinstance(fit.categories, int) else len(fit.categories)
    if isinstance(fit.categories, tuple):
        log = _only(log, fit.categories)
    return fit_log(log, rules=rules, top_categories=top, state_dependence=state_dependence)


def _only(log: PurchaseLog, names: tuple[str, ...]) -> PurchaseLog:
    unknown = [name for name in names if name not in log.categories]
    if unknown:
        raise ConfigError(
            [f"population.fit.categories: unknown category {n!r}{nearest(n, log.categories)}" for n in unknown]
        )
    keep = np.isin(log.cell_category, [log.categories.index(name) for name in names])
    return replace(
        log,
        cell_order=log.cell_order[keep],
        cell_category=log.cell_category[keep],
        cell_amount=log.cell_amount[keep],
    )
