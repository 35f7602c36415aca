"""A whole run: customers, strategies on common random numbers, the outer loop, the drivers, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scenarios.assumptions import STATE_DEPENDENCE, assumptions, redrawn
from scenarios.base import Base
from scenarios.budget_results import Ceiling
from scenarios.building import build_world
from scenarios.ceiling import ceiling, obstacles
from scenarios.comparison import Frame, series, strategy_result
from scenarios.drivers import drivers, lead
from scenarios.errors import InfeasibleError
from scenarios.first_plan import FirstPlan
from scenarios.jobs import Job, JobResult, Setup, Stages, difference_variance, run_job
from scenarios.kept import Kept
from scenarios.lives import draw_customers
from scenarios.pilot import pilot_arms
from scenarios.play import Played
from scenarios.processes import Runner
from scenarios.results import Driver, RunResults
from scenarios.schema.population import MADE_UP
from scenarios.schema.scenario import Scenario
from scenarios.split import split_curve
from scenarios.statistics import probability_best
from scenarios.strategies.base import Strategy
from scenarios.strategies.catalogue import DESCRIPTIONS
from scenarios.strategies.optimising import Nobody
from scenarios.verdict import verdict
from scenarios.warm import compile_ahead
from scenarios.workers import runner

Progress = Callable[[str], None]
Pilots = Mapping[str, int]

SMALL = 2000
"""Customers of a stepped comparison (drivers, state dependence)."""


@dataclass(frozen=True)
class Run:
    """Results, and what the run folder keeps of the main run."""

    results: RunResults
    setup: Setup
    played: dict[str, Played]


@dataclass(frozen=True)
class Options:
    """How to run: outer draws (None: the scenario's), processes, Dask scheduler, strategies to run (None: all)."""

    draws: int | None = None
    workers: int = 0
    cluster: str | None = None
    strategies: tuple[str, ...] | None = None
    sensitivity: bool = True


def run(
    scenario: Scenario,
    base: Base,
    options: Options,
    *,
    changes: Sequence[str] = (),
    warnings: Sequence[str] = (),
    fit: dict[str, Any] | None = None,
    provenance: dict[str, Any] | None = None,
    progress: Progress = lambda _: None,
    kept: Kept | None = None,
) -> Run:
    """Compare the scenario's strategies.  Same scenario, base and seed: same results for any number of workers.

    ``kept``: where finished draws are kept, and taken up from.
    """
    names = _names(scenario, options)
    customers = scenario.population.customers or base.real_customers or MADE_UP
    setup = Setup(scenario, base, customers)
    with runner(setup, options.workers, options.cluster) as plain_runner:
        on = kept.runner(plain_runner) if kept is not None else plain_runner
        compile_ahead(plain_runner, progress)
        progress("finding each simple rule's best offer")
        pilots = pilot_arms(setup, on)
        played, nothing = _main(setup, names, pilots, on, progress)
        means = np.array([played[name].clv.mean() for name in names])
        winner = names[int(means.argmax())]
        outer = options.draws if options.draws is not None else scenario.uncertainty.draws
        draws = _outer(setup, names, pilots, outer, on, progress)
        found: tuple[Driver, ...] = ()
        along: tuple[tuple[float, float], ...] = ()
        rivals = _rivals(scenario, names, winner)
        if options.sensitivity and len(rivals) > 1:
            found, along = _sensitivity(setup, rivals, pilots, winner, _lead(played, rivals, winner), on, progress)
        split = None
        if options.sensitivity:
            progress("splitting the budget over new customers and offers") if scenario.acquisition else None
            split = split_curve(setup, winner, pilots.get(winner, -1), on)
    world = build_world(scenario, base)
    frame = Frame(
        world=world,
        time=scenario.time,
        names=names,
        descriptions=_descriptions(setup, names, pilots),
        baseline=scenario.baseline,
        winner=winner,
        played=played,
        nothing=nothing,
        draws=draws,
        p_best=probability_best(
            means,
            np.array([[difference_variance(played[a], played[b]) for b in names] for a in names]),
            np.array([d.clv for d in draws]),
            np.array([d.variance for d in draws]),
        ),
        level=scenario.uncertainty.level,
        with_levers=frozenset(s.name for s in scenario.strategies if s.levers),
    )
    results = tuple(strategy_result(frame, name) for name in names)
    progress("value against budget, cost of the control group, what no strategy could exceed")
    first = FirstPlan.of(setup)
    return Run(
        RunResults(
            scenario=scenario.name,
            question=scenario.question or "",
            currency=scenario.currency,
            seed=scenario.seed,
            customers=customers,
            real_customers=base.real_customers,
            horizon_periods=world.horizon,
            period=scenario.time.period,
            baseline=scenario.baseline,
            draws=outer,
            level=frame.level,
            assumptions=assumptions(scenario),
            strategies=results,
            winner=winner,
            verdict=verdict(
                results,
                winner,
                scenario.baseline,
                found,
                scenario.currency,
                outer,
                frame.level,
                plans=any(s.name == scenario.baseline and s.type != "none" for s in scenario.strategies),
            ),
            drivers=found,
            state_dependence=along,
            series=tuple(series(frame, name) for name in names),
            budget_curve=first.budget_curve(),
            budget_today=first.budget_today,
            control_cost=first.control_cost(),
            season_mean=None if world.season is None else float(world.season.after.mean()),
            split=split,
            ceiling=_ceiling(setup),
            changes=tuple(changes),
            warnings=tuple(warnings),
            fit=fit,
            provenance=provenance or {},
        ),
        setup,
        played,
    )


def _names(scenario: Scenario, options: Options) -> tuple[str, ...]:
    wanted = options.strategies
    names = tuple(s.name for s in scenario.strategies if wanted is None or s.name in wanted)
    return names if scenario.baseline in names else (scenario.baseline, *names)


def _main(
    setup: Setup, names: tuple[str, ...], pilots: Pilots, on: Runner, progress: Progress
) -> tuple[dict[str, Played], Played]:
    """Every strategy on all customers, and doing nothing."""
    scenario = setup.scenario
    makers = setup.makers(names, pilots)
    doing_nothing = next((s.name for s in scenario.strategies if s.type == "none" and s.name in names), None)
    plays = [(name, makers[name]()) for name in names]
    if doing_nothing is None:
        plays.append(("doing nothing", Nobody()))
    played = {}
    for (name, _), result in zip(plays, on(play_main, plays), strict=True):
        progress(f"simulated {setup.customers:,} customers under {name}")
        played[name] = result
    nothing = played[doing_nothing] if doing_nothing else played.pop("doing nothing")
    return played, nothing


def play_main(setup: Setup, named: tuple[str, Strategy]) -> Played:
    """One strategy on all customers, with the scenario's own seed."""
    scenario = setup.scenario
    drawn = draw_customers(scenario, setup.base, build_world(scenario, setup.base), setup.customers, scenario.seed)
    try:
        return Stages(setup, drawn, scenario.seed, gap=1e-4).play(*named, keep_plans=True)
    except InfeasibleError as error:
        raise InfeasibleError([f"rules: {named[0]}: {problem}" for problem in error.problems]) from None


def _outer(
    setup: Setup, names: tuple[str, ...], pilots: Pilots, draws: int, on: Runner, progress: Progress
) -> tuple[JobResult, ...]:
    scenario = setup.scenario
    size = min(scenario.uncertainty.customers or 10_000, setup.customers)
    jobs = []
    for b in range(draws):
        rng = np.random.default_rng([scenario.seed, 2, b])
        values = redrawn(scenario, rng)
        jobs.append(Job(values, int(rng.integers(2**62)), size, names, pilots, resample=True))
    out = []
    for result in on(run_job, jobs):
        out.append(result)
        progress(f"outer draw {len(out)} of {draws}")
    return tuple(out)


def _ceiling(setup: Setup) -> Ceiling:
    """The bound on what any strategy could bring, where it is proven."""
    scenario, world = setup.scenario, build_world(setup.scenario, setup.base)
    drawn = draw_customers(scenario, setup.base, world, setup.customers, scenario.seed)
    in_the_way = obstacles(scenario, world, drawn.population)
    found = None if in_the_way else ceiling(setup, drawn, world)
    if found is None:
        return Ceiling(None, None, tuple(in_the_way))
    return Ceiling(found / setup.customers, found)


def _rivals(scenario: Scenario, names: tuple[str, ...], winner: str) -> tuple[str, ...]:
    """The winner, and what it must beat for a change to be worth it: the baseline and doing nothing.

    If one of these wins, what could overtake it: the strategies that optimise, and greedy.
    """
    kind = {s.name: s.type for s in scenario.strategies}
    kept = {winner, scenario.baseline} | {name for name in names if kind[name] == "none"}
    if winner == scenario.baseline or kind[winner] == "none":
        kept |= {name for name in names if kind[name] in ("optimal", "optimal_over_time", "greedy", "best_per_segment")}
    return tuple(name for name in names if name in kept)


def _sensitivity(
    setup: Setup,
    names: tuple[str, ...],
    pilots: Pilots,
    winner: str,
    main_lead: float,
    on: Runner,
    progress: Progress,
) -> tuple[tuple[Driver, ...], tuple[tuple[float, float], ...]]:
    scenario = setup.scenario
    progress("stepping assumptions")
    seed = int(np.random.default_rng([scenario.seed, 3]).integers(2**62))
    job = Job({}, seed, min(SMALL, setup.customers), names, pilots)
    index = names.index(winner)
    found = drivers(scenario, job, index, main_lead, on)
    today = scenario.population.kappa.value
    if scenario.acquisition is not None:
        return found, ()  # new customers have no start segment to keep
    kappas = sorted({0.0, today, 1.0})
    stepped = on(run_job, [replace(job, values={STATE_DEPENDENCE: k}) for k in kappas])
    leads = {k: lead(result, index) for k, result in zip(kappas, stepped, strict=True)}
    return found, tuple((k, value - leads[today] + main_lead) for k, value in leads.items())


def _lead(played: Mapping[str, Played], names: tuple[str, ...], winner: str) -> float:
    """The winner's mean CLV less the best of the others'."""
    others = [float(played[name].clv.mean()) for name in names if name != winner]
    return float(played[winner].clv.mean()) - max(others)


def _descriptions(setup: Setup, names: tuple[str, ...], pilots: Pilots) -> dict[str, str]:
    arms = [a.name for a in setup.beliefs.arms]
    out = {}
    for spec in setup.scenario.strategies:
        if spec.name in names:
            text = DESCRIPTIONS[spec.type]
            if spec.name in pilots:
                text += f" ({arms[pilots[spec.name]]})"
            out[spec.name] = text
    return out
