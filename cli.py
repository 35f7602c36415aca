"""The command line: parse, call, render, exit code.

Everything but click is imported when a command runs, so that ``cvmax --help`` is instant.  Exit codes: 0 done; 1
the run failed; 2 bad input or usage; 3 infeasible, no plan; 4 done, but the target gap or limit was not met; 130 stopped
by Ctrl-C.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

RUN_FAILED, BAD_INPUT, INFEASIBLE, STOPPED = 1, 2, 3, 130
SHORT = 5.0  # seconds that need no mention


class Cvmax(click.Group):
    """The one place where errors become messages and exit codes."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Start; as a program (no arguments given) without the current folder on the import path."""
        if not args and not options:
            leave_current_folder()
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; problems go to stderr, one a line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            click.echo("; ".join(["stopped", *getattr(stop, "__notes__", ())]), err=True)
            ctx.exit(STOPPED)
        except Exception as error:
            from engine.errors import EngineError
            from scenarios.errors import CvmaxError, InfeasibleError, InputError
            from solvers.errors import SolverError

            if not isinstance(error, CvmaxError | EngineError | SolverError):
                raise
            for problem in (*error.problems, *getattr(error, "__notes__", ())):
                click.echo(problem, err=True)
            if isinstance(error, InfeasibleError):
                ctx.exit(INFEASIBLE)
            ctx.exit(BAD_INPUT if isinstance(error, InputError | EngineError | SolverError) else RUN_FAILED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """With the nearest name where there is no such command."""
        from scenarios.suggest import nearest

        if args and args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(f"no such command {args[0]!r}{nearest(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were written."""
        return list(self.commands)


def leave_current_folder() -> None:
    """Import from where cvmax is, never from the folder that the user stands in: it may hold an ``engine`` of its own."""
    own, current = Path(__file__).resolve().parent, Path.cwd()
    if own != current:
        sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != current]


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"cvmax {version('cvmax')}")
        except PackageNotFoundError:
            click.echo("cvmax, not installed")
        ctx.exit()


@click.group(cls=Cvmax, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
def main() -> None:
    """Customer value maximization: which customer gets which offer, within budget, and which strategy wins.

    \b
    cvmax new shop                                    start a scenario
    cvmax run grocery                                 which strategy wins, by how much, how surely
    cvmax allocate candidates.parquet --rules r.yaml  who gets what within the rules
    cvmax frontier candidates.parquet --rules r.yaml  what the next unit of budget is worth
    """


def expected(kind: str, bounds: click.IntRange | click.FloatRange, value: object) -> str:
    """What was expected, and what came instead, in the words of all our errors."""
    low = "" if bounds.min is None else f" {'>' if bounds.min_open else '>='} {bounds.min}"
    high = "" if bounds.max is None else f" {'<' if bounds.max_open else '<='} {bounds.max}"
    return f"expected {kind}{low}{' and' if low and high else ''}{high}, got {value!r}"


class Whole(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or an error in our words."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(expected("a whole number", self, value), param, ctx)


class Real(click.FloatRange):
    """A finite number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or an error in our words."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if not math.isfinite(number):
            self.fail(expected("a number", self, value), param, ctx)
        return number


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
quiet = click.option("--quiet", "-q", is_flag=True, help="No remarks on stderr.")
force = click.option("--force", is_flag=True, help="Replace files that exist.")
sets = click.option(
    "--set", "sets", multiple=True, metavar="PATH=VALUE", help="Change a value, like rules.budget.max=30000."
)
override = click.option("--override", metavar="NAME", help="Apply one of the scenario's overrides.")


def out(default: str, what: str) -> Callable[[F], F]:
    """The option ``--out``, a folder."""
    return click.option(
        "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(default), show_default=True, help=what
    )


def remark(text: str, quiet: bool) -> None:
    """A line on stderr."""
    if not quiet:
        click.echo(text, err=True)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line on stderr that says what is going on, and for how long: rewritten in place on a terminal, few lines elsewhere."""
    if quiet:
        yield lambda _: None
        return
    from rich.console import Console

    console, begun = Console(stderr=True), time.monotonic()

    def timed(text: str) -> str:
        seconds = time.monotonic() - begun
        return f"{text} ({seconds:.0f} s so far)" if seconds >= SHORT else text

    if not console.is_terminal:
        yield lambda text: click.echo(f"... {timed(text)}", err=True) if tells_much(text) else None
        return
    with console.status("starting") as status:
        yield lambda text: status.update(timed(text))


def tells_much(text: str) -> bool:
    """Whether a step is worth a line of a log: of those that are counted ("3 of 40") the quarters are."""
    counted = re.search(r"(\d+) of (\d+)$", text)
    if counted is None:
        return True
    done, all_of_them = map(int, counted.groups())
    return 4 * done // all_of_them > 4 * (done - 1) // all_of_them


def print_json(document: Any) -> None:
    """One document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


@main.command()
@click.argument("name")
@out(".", "Folder for NAME.yaml.")
@force
def new(name: str, out: Path, force: bool) -> None:
    """Write NAME.yaml, a commented scenario to start from.

    \b
    Example:  cvmax new shop
    """
    from scenarios.describe import new_scenario

    click.echo(new_scenario(name, out, force))


@main.command()
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@sets
@override
@as_json
@quiet
def validate(
    scenarios: tuple[str, ...], sets: tuple[str, ...], override: str | None, as_json: bool, quiet: bool
) -> None:
    """Check scenarios, files or shipped ones, and print every problem with its line.

    \b
    Example:  cvmax validate shop.yaml grocery
    """
    from scenarios.describe import checked, summary
    from scenarios.errors import InputError

    results: list[dict[str, Any]] = []
    for name in scenarios:
        try:
            loaded = checked(name, sets, override)
        except InputError as error:
            results.append({"scenario": name, "ok": False, "problems": error.problems, "warnings": ()})
        else:
            results.append(
                {"scenario": name, "ok": True, "problems": (), "warnings": loaded.warnings, "holds": summary(loaded)}
            )
    if as_json:
        print_json(results)
    for result in results if not as_json else ():
        for problem in result["problems"]:
            click.echo(problem, err=True)
        for warning in result["warnings"]:
            remark(f"warning: {warning}", quiet)
        if result["ok"]:
            click.echo(f"{result['scenario']}: ok; {result['holds']}")
    if not all(result["ok"] for result in results):
        sys.exit(BAD_INPUT)


@main.command()
@click.option("--rules", is_flag=True, help="The schema of the rules of `cvmax allocate` instead of a scenario's.")
def schema(rules: bool) -> None:
    """Print the JSON Schema of a scenario, for editors that check and complete YAML.

    \b
    Example:  cvmax schema > scenario.schema.json
              and in the YAML:  # yaml-language-server: $schema=scenario.schema.json
    """
    from scenarios.schema_json import rules_schema, scenario_schema

    print_json(rules_schema() if rules else scenario_schema())


@main.command()
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@sets
@override
@click.option("--strategies", metavar="A,B", help="Only these, and the baseline.")
@click.option("--replications", type=Whole(0), metavar="N", help="Outer draws instead of the scenario's.")
@click.option("--no-sensitivity", is_flag=True, help="Do not step the assumptions.")
@click.option("--workers", type=Whole(0), default=0, metavar="N", help="Processes; 0 = one a core.  [default: 0]")
@click.option("--cluster", metavar="ADDRESS", help="Dask scheduler to run the draws on.")
@click.option("--seed", type=Whole(0), help="Seed instead of the scenario's.")
@click.option("--strict", is_flag=True, help="Make dirt in a purchase log an error.")
@click.option("--resume", is_flag=True, help="Take up the finished draws of the same run, if it was stopped.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/SCENARIO-TIME]")
@as_json
@quiet
def run(
    scenarios: tuple[str, ...],
    sets: tuple[str, ...],
    override: str | None,
    strategies: str | None,
    replications: int | None,
    no_sensitivity: bool,
    workers: int,
    cluster: str | None,
    seed: int | None,
    strict: bool,
    resume: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Which strategy wins, by how much, and how surely.

    Simulates every strategy of a scenario on the same customers and the same luck, and writes a folder with the report.

    A run that is stopped (Ctrl-C, or killed) keeps its finished outer draws.  Give the same command with --resume: it takes them up
    and ends with the same bits as if it had never stopped; any other scenario, data or version starts anew.

    \b
    Example:  cvmax run starter
              cvmax run grocery --override tight --set offers.coupon_10.depth=0.05
    """
    from scenarios.report.console import print_results
    from scenarios.run import Options
    from scenarios.session import run_scenario

    wanted = tuple(name.strip() for name in strategies.split(",")) if strategies else None
    options = Options(replications, workers, cluster, wanted, not no_sensitivity)
    documents = []
    for index, name in enumerate(scenarios):
        folder = out if out is None or len(scenarios) == 1 else out / f"{index + 1}-{Path(name).stem}"
        with progress(quiet) as tell:
            done = run_scenario(
                name,
                sets=sets,
                override=override,
                seed=seed,
                options=options,
                out=folder,
                strict=strict,
                resume=resume,
                progress=tell,
            )
        for text in (*done.remarks, *(done.results.warnings if as_json else ())):
            remark(text, quiet)
        documents.append({**done.results.to_dict(), "folder": str(done.folder)})
        if not as_json:
            print_results(done.results, folder=done.folder)
    if as_json:
        print_json(documents if len(documents) > 1 else documents[0])


@main.command()
@click.argument("transactions")
@click.option("--customer-id", metavar="COL", help="Column of the customer.  [default: customer_id]")
@click.option("--date", metavar="COL", help="Column of the date.  [default: date]")
@click.option("--amount", metavar="COL", help="Column of the amount.  [default: amount]")
@click.option("--date-format", metavar="FORMAT", help="Like %d.%m.%Y, for dates that are neither ISO nor YYYYMMDD.")
@click.option("--order-id", metavar="COL", help="Column of the order; without it, a customer's lines of a day are one.")
@click.option("--category", metavar="COL", help="Column of the category, for wallets and cross-selling.")
@click.option("--categories", type=Whole(0, 32), default=8, show_default=True, help="How many to keep, by sales.")
@click.option("--period", type=click.Choice(["day", "week", "month"]), default="week", show_default=True)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day to use.")
@click.option(
    "--left-truncated/--whole-lives",
    default=None,
    help="Whether customers lived before the log began.  [default: as the dataset says; for a file they did]",
)
@click.option("--segments", type=click.Path(path_type=Path), help="YAML file with window_periods and rules.")
@click.option("--state-dependence", type=Real(0, 1), default=0.5, show_default=True, help="Assumed.")
@click.option("--holdout", type=Whole(0), metavar="N", help="Last periods to hold out.  [default: a quarter]")
@click.option("--strict", is_flag=True, help="Make dirt in the log an error.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="FILE.yaml to write.")
@force
@as_json
@quiet
def fit(transactions: str, out: Path, force: bool, as_json: bool, quiet: bool, **options: Any) -> None:
    """Turn a purchase log into a population to simulate.

    TRANSACTIONS is a CSV, Parquet or DuckDB table (file.duckdb::table), or the name of a dataset: complete-journey,
    cdnow, cdnow-sample.  Writes FILE.yaml and FILE.customers.parquet; a scenario takes population: {fitted: FILE.yaml}.

    \b
    Example:  cvmax fit cdnow-sample --out cdnow.yaml
              cvmax fit sales.csv --customer-id client --date day --amount euros --out sales.yaml
    """
    from scenarios.fit_command import fit_transactions

    with progress(quiet) as tell:
        report = fit_transactions(transactions, out, force, tell, **options)
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo("\n".join(report.lines()))
    remark(f"wrote {out}", quiet)


@main.command()
@click.argument("scenario")
@sets
@override
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="FILE.parquet, .csv or .xlsx.",
)
@force
@quiet
def score(scenario: str, sets: tuple[str, ...], override: str | None, out: Path, force: bool, quiet: bool) -> None:
    """Score real customers x offers, ready for `cvmax allocate`.

    \b
    Example:  cvmax score grocery --out candidates.parquet
    """
    from scenarios.score import score as write_scores

    rows = write_scores(scenario, out, sets=sets, override=override, force=force)
    remark(f"wrote {out}: {rows:,} candidates", quiet)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write report.html of a run folder anew, and print its tables.

    \b
    Example:  cvmax report runs/starter-20260101-120000
    """
    from scenarios.folder import replace_text
    from scenarios.reading import read_results
    from scenarios.report.console import print_results
    from scenarios.report.html import render

    results = read_results(folder)
    replace_text(folder / "report.html", render(results))
    print_results(results, folder=folder)


def _named(*names: str) -> list[str]:
    """Those of these options that the user gave, as they are written."""
    context = click.get_current_context()
    written = {option.name: option.opts[0] for option in context.command.params}
    return [
        written[name] for name in names if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]


candidates_argument = click.argument("candidates")
rules_option = click.option(
    "--rules", required=True, type=click.Path(path_type=Path), help="YAML file with objective and constraints."
)
gap_option = click.option(
    "--gap",
    type=Real(0, 1),
    help="Target (bound - value) / bound.  [default: 0.1 / customers, at least 1e-5 and at most 1e-4]",
)


def time_limit_option(what: str) -> Callable[[F], F]:
    """Seconds of solving."""
    text = f"Stop {what} after this long; reading files and start-up come on top."
    return click.option("--time-limit", type=Real(0, min_open=True), metavar="SECONDS", help=text)


@main.command()
@candidates_argument
@rules_option
@click.option("--budget", type=Real(), help="Maximum of the rule named 'budget'.")
@gap_option
@time_limit_option("solving (plan, conflicts, --price-rules: together)")
@click.option("--price-rules", is_flag=True, help="Solve again without each binding rule, and 1 % looser and tighter.")
@click.option("--why-not", is_flag=True, help="Write why_not.FORMAT: the reason of each customer without an offer.")
@click.option("--evaluate", type=click.Path(path_type=Path), metavar="PLAN", help="Value this plan; choose nothing.")
@click.option("--fix", type=click.Path(path_type=Path), metavar="PLAN", help="Its customers keep what it gives them.")
@click.option("--start", type=click.Path(path_type=Path), metavar="PLAN", help="Never be worth less than this plan.")
@out(".", "Folder for allocation.FORMAT.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv", "xlsx"]),
    default="parquet",
    show_default=True,
    help="Kind of file; xlsx is one workbook with rules, frontier, segments, funnel and assumptions.",
)
@force
@as_json
@quiet
def allocate(
    candidates: str, rules: Path, out: Path, kind: Any, force: bool, as_json: bool, quiet: bool, **options: Any
) -> None:
    """Choose each customer's best offer within the rules.

    CANDIDATES is a CSV, Parquet, Excel (file.xlsx) or DuckDB table (file.duckdb::table) with a row for each customer and offer:
    customer_id, offer, value (net of cost), cost, a channel if there are several, and any columns that the rules
    name.  A PLAN is such a table with customer_id, offer (and channel); what allocate writes is one.

    \b
    Example:  cvmax allocate candidates.parquet --rules rules.yaml --budget 500000
    rules.yaml:
      constraints:
        - {name: budget, measure: cost, max: 400000}
        - {name: margin floor, ratio: {of: margin, to: revenue}, min: 0.25}
        - {name: e-mail capacity, measure: count, where: {channel: email}, max: 40000}

    Exit code 3: no plan meets the rules, or none was found in time; nothing is written (or the given plan breaks a rule).
    4: a plan is written, but the target gap was not met.
    """
    from scenarios.allocation.command import Wish, run_allocate
    from scenarios.errors import ConfigError
    from scenarios.report.allocation import print_allocation

    if options["evaluate"] is not None and (named := _named("out", "kind", "why_not")):
        ignored = " and ".join(named)
        raise ConfigError([f"--evaluate: the plan is there already and nothing is written; leave out {ignored}"])
    answer, written = run_allocate(candidates, rules, Wish(**options), out, kind, force)
    for warning in answer.outcome.case.warnings:
        remark(f"warning: {warning}", quiet)
    if as_json:
        files = [str(path) for path in written]
        print_json({**answer.document(), "file": files[0] if files else None, "files": files})
    else:
        print_allocation(answer, sys.stdout)
    for path in written:
        remark(f"wrote {path}", quiet)
    sys.exit(answer.exit_code)


@main.command()
@candidates_argument
@rules_option
@click.option("--rule", metavar="NAME", help="Whose bound moves.  [default: budget]")
@click.option("--points", type=Whole(2, 1000), default=21, show_default=True, metavar="N")
@click.option("--from", "low", type=Real(), metavar="X", help="First bound.")
@click.option("--to", "high", type=Real(), metavar="X", help="Last bound.  [default: where more brings nothing]")
@click.option("--target-value", type=Real(), metavar="X", help="Find the least bound that is worth X.")
@click.option("--target-roi", type=Real(), metavar="Y", help="Find the largest that returns Y a unit on average.")
@click.option("--gap", type=Real(0, 1), default=1e-4, show_default=True, help="Target of each point.")
@time_limit_option("solving each point")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for frontier.html and frontier.csv."
)
@force
@as_json
@quiet
def frontier(
    candidates: str,
    rules: Path,
    gap: float,
    time_limit: float | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **asked: Any,
) -> None:
    """Value against a budget, or any rule's bound: the next unit, the mean unit, the knee, and where to stop.

    \b
    Example:  cvmax frontier candidates.parquet --rules rules.yaml --target-value 2000000
              cvmax frontier candidates.parquet --rules rules.yaml --rule "e-mail capacity" --out curves

    Exit code 3: the target is out of reach, or no plan meets the rules as they are; the curve is written all the same, if
    there is one.
    """
    from scenarios.allocation.command import run_frontier
    from scenarios.allocation.frontier import Asked
    from scenarios.allocation.solving import Limits
    from scenarios.report.frontier import print_frontier

    with progress(quiet) as tell:
        found, written = run_frontier(candidates, rules, Asked(**asked), Limits(gap, time_limit), out, force, tell)
    if as_json:
        print_json({**found.document(), "files": [str(path) for path in written]})
    else:
        print_frontier(found, sys.stdout)
    for path in written:
        remark(f"wrote {path}", quiet)
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()
