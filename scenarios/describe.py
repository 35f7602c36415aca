"""What a scenario holds, in a line; and a new one to start from."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scenarios.chance import ENOUGH_DRAWS, MORE_DRAWS
from scenarios.errors import InputError
from scenarios.loading import LoadedScenario, load, located
from scenarios.possible import check_possible
from scenarios.writing import whole_file


def checked(reference: str, sets: Sequence[str] = (), override: str | None = None) -> LoadedScenario:
    """Load a scenario and, where it names a fitted population, hold it against that too (a fit itself takes longer).

    Raises:
        InputError: every problem.
    """
    loaded = load(reference, sets, override)
    if loaded.scenario.population.fitted is not None:
        from scenarios.customers import customer_base  # a second of imports that other scenarios do not need

        customer_base(loaded)
    check_possible(loaded)
    draws = loaded.scenario.uncertainty.draws
    if 0 < draws < ENOUGH_DRAWS:
        few = f"{draws} draws are too few to tell strategies apart; {MORE_DRAWS}"
        text = located(("uncertainty", "draws"), few, loaded.resolved, loaded.lines)
        loaded = replace(loaded, warnings=(*loaded.warnings, text))
    return loaded


def summary(loaded: LoadedScenario) -> str:
    """Horizon, offers, rules, strategies and overrides."""
    scenario = loaded.scenario
    population = scenario.population
    fit = population.fit
    source = "synthetic" if population.synthetic else f"fitted ({fit.dataset or fit.transactions})" if fit else "fitted"
    customers = f"{population.customers:,} {source} customers" if population.customers else f"{source} customers"
    arms = sum(len(offer.channels) for offer in scenario.offers.values())
    parts = [
        f"{scenario.time.horizon_periods} {scenario.time.period}s",
        customers,
        _count(len(scenario.offers), "offer") + (f" in {arms} arms" if arms > len(scenario.offers) else ""),
        _count(len(scenario.rules), "rule"),
        _count(len(scenario.strategies), "strategy"),
    ]
    if scenario.overrides:
        parts.append(f"overrides: {', '.join(scenario.overrides)}")
    return "; ".join(parts)


def new_scenario(name: str, folder: Path, force: bool = False) -> Path:
    """Write a commented scenario to start from.

    Raises:
        InputError: the name makes no file name, or the file exists.

    """
    if not re.fullmatch(r"[\w][\w .-]*", name):
        raise InputError([f"NAME: expected letters, digits, blanks, - and _, got {name!r}"])
    text = (importlib.resources.files("scenarios") / "template.yaml").read_text(encoding="utf-8")
    path = folder / f"{name.removesuffix('.yaml')}.yaml"
    with whole_file(path, force) as temporary:
        temporary.write_text(text.replace("NAME", name.removesuffix(".yaml")), encoding="utf-8")
    return path


def _count(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"
