"""What ``cvmax run`` does for one scenario: load, find its customers, run, keep the folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.arrow import flows_table
from scenarios.customers import customer_base, data_files
from scenarios.errors import ConfigError, CvmaxError
from scenarios.folder import check_free, save_run
from scenarios.kept import Kept
from scenarios.loading import LoadedScenario, load
from scenarios.possible import check_possible
from scenarios.processes import prepare
from scenarios.provenance import collect
from scenarios.results import RunResults
from scenarios.run import Options, Run, run
from scenarios.suggest import nearest
from scenarios.yamlfile import dump_yaml

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Finished:
    """A run's results and where they are kept (None: nowhere).  ``remarks`` are for stderr, as the results' own warnings are."""

    results: RunResults
    folder: Path | None
    remarks: tuple[str, ...]


def run_scenario(
    reference: str,
    *,
    sets: Sequence[str] = (),
    override: str | None = None,
    seed: int | None = None,
    options: Options,
    out: Path | None = None,
    keep: bool = True,
    strict: bool = False,
    resume: bool = False,
    progress: Progress = lambda _: None,
) -> Finished:
    """Run a scenario and write its folder.  ``resume``: take up the finished draws of the same run, if it was stopped.

    Raises:
        InputError: a scenario, log or option that cannot be used; before anything is simulated.
    """
    if out is not None:
        check_free(out)
    loaded = load(reference, sets, override, seed)
    _check_strategies(loaded, options)
    progress(
        "reading and fitting the customers"
        if loaded.scenario.population.synthetic is None
        else "making up the customers"
    )
    if options.cluster is None and options.workers != 1:
        prepare()
    check_possible(loaded)
    source = customer_base(loaded, strict=strict)
    origin = collect(seed=loaded.scenario.seed, command=sys.argv[1:], data=[*loaded.files, *data_files(loaded)])
    draws = None
    if keep:
        decides = {name: origin[name] for name in ("version", "python", "packages", "data")}
        beside = Path("runs") if out is None else out.parent
        identity = {**decides, "scenario": loaded.resolved, "strategies": options.strategies}
        draws = Kept(beside, loaded.scenario.name, identity, resume=resume)
    if draws is not None and not resume and draws.folder.is_dir():
        progress("finished draws of this run were left by one that was stopped; --resume takes them up")
    try:
        done = run(
            loaded.scenario,
            source.base,
            options,
            changes=[f"{path}: {old} -> {new}" for path, old, new in loaded.changes],
            warnings=loaded.warnings,
            fit=source.fit,
            provenance=origin,
            progress=progress,
            kept=draws,
        )
    except (KeyboardInterrupt, CvmaxError) as error:
        if draws is not None and draws.folder.is_dir():
            error.add_note("finished draws are kept: the same command with --resume takes them up")
        raise
    folder = None
    if draws is not None:
        progress("writing the run folder")
        folder = save_run(
            done.results, scenario_yaml=dump_yaml(loaded.resolved), tables=tables(done, source.base.ids), out=out
        )
        draws.remove()
    taken = (
        ()
        if draws is None or not resume
        else (f"{draws.taken} finished draw{'' if draws.taken == 1 else 's'} taken up",)
    )
    return Finished(done.results, folder, (*source.remarks, *taken))


def tables(done: Run, ids: np.ndarray[Any, Any]) -> Mapping[str, pa.Table]:
    """Ledger by strategy and period, and every contact of the main run: strategy, period, customer, arm.

    Also ``flows`` between segments by strategy and period, where the scenario asks for them.
    """
    ledgers, contacts, flows = [], [], []
    segments = done.setup.beliefs.segments.names
    arms = pa.array([arm.name for arm in done.setup.beliefs.arms])
    for name, played in done.played.items():
        ledger = played.ledger.to_arrow()
        ledgers.append(ledger.add_column(0, "strategy", pa.array([name] * len(ledger))))
        flow = flows_table(played.ledger, segments)
        flows.append(flow.add_column(0, "strategy", pa.array([name] * len(flow), pa.string())))
        source = played.population.traits.source
        for decision, plan in zip(played.decisions, played.plans, strict=True):
            who = np.flatnonzero(plan >= 0)
            new = who >= done.setup.customers  # nobody real stands behind a new customer
            real = pa.array(ids[source[who]] if len(ids) else source[who], mask=new)
            contacts.append(
                pa.table(
                    {
                        "strategy": pa.array([name] * len(who), pa.string()),
                        "period": np.full(len(who), decision.period, np.int32),
                        "customer": who.astype(np.int32),
                        "real_customer_id": real,
                        "arm": arms.take(pa.array(plan[who].astype(np.int64))),
                    }
                )
            )
    found = {"ledger": pa.concat_tables(ledgers), "allocations": pa.concat_tables(contacts)}
    return found | ({"flows": pa.concat_tables(flows)} if any(len(flow) for flow in flows) else {})


def _check_strategies(loaded: LoadedScenario, options: Options) -> None:
    known = [s.name for s in loaded.scenario.strategies]
    unknown = [name for name in options.strategies or () if name not in known]
    if unknown:
        raise ConfigError([f"--strategies: unknown strategy {name!r}{nearest(name, known)}" for name in unknown])
