"""A fitted base on disk: a YAML file to read and edit, and beside it the customers as Parquet.

``NAME.yaml`` holds what is true of the base as a whole, ``NAME.customers.parquet`` one row a customer.  A scenario
takes it as ``population: {fitted: NAME.yaml}``.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from engine.calibration.base import FittedBase
from engine.calibration.dispersion import KAPPAS
from engine.calibration.gamma_gamma import GammaGamma
from engine.calibration.segment_rules import Rule, SegmentRules
from engine.errors import EngineError
from engine.world import Segments
from scenarios.errors import ConfigError, DataError, InputError
from scenarios.fitting import FittedLog
from scenarios.tables import read_parquet, write_parquet
from scenarios.yamlfile import dump_yaml, read_yaml

FORMAT = "cvmax fitted base 1"
HEADER = """\
# A customer base fitted to purchases.  In a scenario: population: {fitted: THIS_FILE}
# fitted = estimated from the log; assumed = no log can tell.
# orders_per_period describes a segment; multiplier is what the segment brings once customers' own rates are taken out.
"""
PER_CUSTOMER = ("rate_shape", "rate_rate", "value_shape", "value_rate", "orders", "spend")
COUNTED = ("recency", "tenure")


def sidecar(path: Path) -> Path:
    """The customers' file beside a YAML file."""
    return path.with_suffix(".customers.parquet")


def save_fitted(fitted: FittedLog, path: Path, *, overwrite: bool = False) -> None:
    """Write ``path`` (YAML) and its :func:`sidecar`; the YAML comes last, so that it never names what is not there.

    Raises:
        InputError: the name does not end in .yaml, or a file is there and ``overwrite`` is False.

    """
    if path.suffix not in (".yaml", ".yml"):
        raise InputError([f"{path}: expected a name that ends in .yaml"])
    there = [f"{p}: exists; choose another name, or ask to overwrite it" for p in (path, sidecar(path)) if p.exists()]
    if there and not overwrite:
        raise InputError(there)
    base = fitted.base
    columns: dict[str, Any] = {"customer_id": base.ids, "segment": base.segment, "owned": base.owned}
    columns |= {name: getattr(base, name) for name in PER_CUSTOMER + COUNTED}
    columns |= {f"headroom.{name}": base.headroom[:, c] for c, name in enumerate(base.categories)}
    if base.category_share is not None:
        columns |= {f"share.{name}": base.category_share[:, c] for c, name in enumerate(base.categories)}
    part = sidecar(path).with_suffix(".part")
    write_parquet(part, columns)
    document = _document(fitted, hashlib.sha256(part.read_bytes()).hexdigest(), sidecar(path).name)
    draft = path.with_suffix(".part.yaml")
    draft.write_text(HEADER + dump_yaml(document), encoding="utf-8")
    os.replace(part, sidecar(path))  # noqa: PTH105 - both steps alike
    os.replace(draft, path)  # noqa: PTH105 - as above


def _document(fitted: FittedLog, stamp: str, customers_file: str) -> dict[str, Any]:
    base, names = fitted.base, fitted.base.segments.names
    value = base.value_model
    segments = {
        name: {
            "orders_per_period": float(base.observed_rate[s]),
            "multiplier": float(base.segments.multiplier[s]),
            "lapsed": bool(base.segments.lapsed[s]),
            "rule": _bounds(rule),
        }
        for s, (name, rule) in enumerate(zip(names, base.rules.rules, strict=True))
    }
    moves = {
        a: {b: int(base.moves[s, k]) for k, b in enumerate(names) if base.moves[s, k]} for s, a in enumerate(names)
    }
    return {
        "format": FORMAT,
        "log": {
            "source": fitted.source,
            "period": fitted.period_name,
            "periods": base.periods,
            "first_day": str(fitted.first_day),
            "last_day": str(fitted.last_day),
            "left_truncated": fitted.left_truncated,
        },
        "customers": {"count": len(base), "file": customers_file, "sha256": stamp},
        "window_periods": base.rules.window_periods,
        "state_dependence": {"value": float(base.segments.state_dependence), "source": "assumed"},
        "segments": segments,
        "transition": {a: _row(names, base.segments.transition[s]) for s, a in enumerate(names)},
        "moves_counted": moves,
        "own_rates": {
            "r": float(base.rate_dispersion), "powers": [float(p) for p in base.trait_powers], "source": "fitted",
        },
        "order_value": {
            "model": "gamma_gamma", "p": value.p, "q": value.q, "gamma": value.gamma,
            "log_likelihood": value.log_likelihood, "source": "fitted",
        },
        "categories": list(base.categories),
        "complementarity": {a: _row(base.categories, base.complementarity[c]) for c, a in enumerate(base.categories)},
    }  # fmt: skip


def _row(names: tuple[str, ...], values: np.ndarray[Any, Any]) -> dict[str, float]:
    return {name: float(v) for name, v in zip(names, values, strict=True) if v != 0}


def _bounds(rule: Rule) -> dict[str, float | int]:
    """The bounds that a rule gives, whole numbers as such."""
    named = {f.name: getattr(rule, f.name) for f in fields(rule) if f.name not in ("name", "lapsed")}
    return {k: int(v) if float(v).is_integer() else float(v) for k, v in named.items() if v is not None}


def load_fitted(path: Path) -> FittedLog:
    """Read what :func:`save_fitted` wrote; numbers edited by hand count, and are checked as any world's are.

    Raises:
        ConfigError: no such file, another format, or a key that is missing or not what it should be.
        DataError: the customers' file is missing or belongs to another fit.

    """
    data = read_yaml(path).data
    if data.get("format") != FORMAT:
        raise ConfigError([f"{path}: format: expected {FORMAT!r}, got {data.get('format')!r}; write it with cvmax fit"])
    try:
        return _restored(path, data)
    except KeyError as error:
        raise ConfigError(
            [f"{path}: expected a key {error.args[0]!r}, got none; write the file again with cvmax fit"]
        ) from error
    except (TypeError, AttributeError) as error:
        raise ConfigError([f"{path}: expected what cvmax fit writes, got another structure ({error})"]) from error
    except EngineError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from error
    except ValueError as error:
        raise ConfigError([f"{path}: expected what cvmax fit writes, got another value ({error})"]) from error


def _restored(path: Path, data: dict[str, Any]) -> FittedLog:
    names, categories = tuple(data["segments"]), tuple(data["categories"])
    parts = data["segments"].values()
    rules = SegmentRules(
        tuple(Rule(name, lapsed=part["lapsed"], **part["rule"]) for name, part in data["segments"].items()),
        data["window_periods"],
    )
    segments = Segments(
        names,
        _table(data["transition"], names),
        np.array([part["multiplier"] for part in parts], np.float64),
        np.array([part["lapsed"] for part in parts], np.bool_),
        float(data["state_dependence"]["value"]),
    )
    powers = np.array(data["own_rates"]["powers"], np.float64)
    if len(powers) != len(KAPPAS):
        raise ConfigError([f"{path}: own_rates.powers: expected {len(KAPPAS)} numbers, got {len(powers)}"])
    value, columns = data["order_value"], _customers(path, data["customers"])
    n = len(columns["customer_id"])
    base = FittedBase(
        segments=segments,
        observed_rate=np.array([part["orders_per_period"] for part in parts], np.float64),
        moves=_table(data["moves_counted"], names).astype(np.int64),
        rate_dispersion=float(data["own_rates"]["r"]),
        trait_powers=powers,
        value_model=GammaGamma(*(float(value[k]) for k in ("p", "q", "gamma", "log_likelihood"))),
        rules=rules,
        periods=int(data["log"]["periods"]),
        categories=categories,
        complementarity=_table(data["complementarity"], categories),
        ids=columns["customer_id"].astype(np.str_)
        if columns["customer_id"].dtype.kind == "O"
        else columns["customer_id"],
        segment=columns["segment"].astype(np.uint8),
        headroom=np.stack([columns[f"headroom.{c}"] for c in categories], axis=1) if categories else np.zeros((n, 0)),
        owned=columns["owned"].astype(np.uint32),
        recency=columns["recency"].astype(np.int32),
        tenure=columns["tenure"].astype(np.int32),
        **{name: columns[name].astype(np.float64) for name in PER_CUSTOMER},
        category_share=_shares(columns, categories, n),
    )
    log = data["log"]
    first, last = date.fromisoformat(log["first_day"]), date.fromisoformat(log["last_day"])
    return FittedLog(base, log["source"], log["period"], first, last, bool(log["left_truncated"]))


def _shares(columns: dict[str, Any], categories: tuple[str, ...], n: int) -> np.ndarray[Any, Any] | None:
    """(n, C) of own spend; None in files written before they were kept."""
    if not all(f"share.{name}" in columns for name in categories):
        return None
    return np.stack([columns[f"share.{c}"] for c in categories], axis=1) if categories else np.zeros((n, 0))


def _customers(path: Path, about: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    file = path.with_name(about["file"])
    if not file.is_file():
        raise DataError([f"{file}: expected the customers of {path.name}, got no such file; keep the two together"])
    if hashlib.sha256(file.read_bytes()).hexdigest() != about["sha256"]:
        raise DataError([f"{file}: expected the customers of {path.name}, got those of another fit (sha256 differs)"])
    return read_parquet(file)[0]


def _table(rows: dict[str, dict[str, float]], names: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([[float(rows[a].get(b, 0.0)) for b in names] for a in names], np.float64).reshape(
        len(names), len(names)
    )
