"""A scenario's name or file to a checked :class:`Scenario`: extends, override, ``--set``, validation."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios import paths
from scenarios.acquisition import idle_sources
from scenarios.errors import ConfigError
from scenarios.paths import Change, PathError
from scenarios.scaling import unscaled
from scenarios.schema.base import Problem
from scenarios.schema.references import Names, check
from scenarios.schema.references import warnings as scenario_warnings
from scenarios.schema.scenario import Scenario
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.suggest import nearest
from scenarios.yamlfile import KeyPath, kind_of, parse_scalar, read_yaml

Lines = dict[KeyPath, tuple[str, int]]  # path -> (file, line)

IF_EMPTY = "; hint: `cvmax new NAME` writes a scenario to start from"
IF_TABLE = (
    " of a scenario; hint: `cvmax fit` makes customers of a purchase log, `cvmax allocate` chooses among candidates"
)


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario and where it came from.

    Attributes:
        scenario: checked.
        resolved: the plain data behind it, after extends, override and sets; without ``extends``.
        files: what was read, the named file first, then what it extends.
        lines: (file, line) of every value by path.
        changes: (dotted path, old, new) of the override and the sets.
        warnings: what is allowed, but seldom meant; ``file:line path: sentence``.
        override: name of the override that was applied.

    """

    scenario: Scenario
    resolved: dict[str, Any]
    files: tuple[Path, ...]
    lines: Lines
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    override: str | None = None

    @property
    def folder(self) -> Path:
        """Relative paths in the scenario start here."""
        return self.files[0].parent

    def revised(self, values: Mapping[str, Any]) -> LoadedScenario:
        """The same scenario with values by dotted path: for beliefs, sensitivities and sweeps.

        Raises:
            ConfigError: a path leads nowhere, or the scenario no longer holds together.

        """
        return _finish(self.resolved, self.files, self.lines, values, "revised value", self.changes, self.override)

    def at(self, path: KeyPath, sentences: Sequence[str]) -> list[str]:
        """Problems found later, with the file and line that they come from."""
        return [located(path, sentence, self.resolved, self.lines) for sentence in sentences]

    def check_fitted(self, segments: Sequence[str], lapsed: Sequence[str], categories: Sequence[str]) -> None:
        """Hold the names of segments and categories in offers, rules and strategies against what a fit found.

        Raises:
            ConfigError: unknown names, with file, line and the nearest known one.

        """
        names = Names(self.resolved)
        names.segments, names.lapsed, names.categories = tuple(segments), tuple(lapsed), tuple(categories)
        found = [located(path, text, self.resolved, self.lines) for path, text in check(self.scenario, names)]
        if found:
            raise ConfigError(found)


def shipped() -> tuple[str, ...]:
    """Names of the scenarios that come with cvmax."""
    folder = importlib.resources.files("scenarios") / "library"
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def load(
    ref: str | Path, sets: Sequence[str] = (), override: str | None = None, seed: int | None = None
) -> LoadedScenario:
    """Read, resolve and check a scenario.

    Args:
        ref: a YAML file, or the name of a shipped scenario.
        sets: ``path=value``, the value as in YAML; applied after the override.
        override: name of one of the scenario's overrides.
        seed: replaces the scenario's.

    Raises:
        ConfigError: every problem of the file, each with file, line and path.

    """
    wrong: list[str] = []
    data, lines, files = _extended(find(ref), (), wrong)
    for path, mark in list(lines.items()):
        if path[0:1] == ("strategies",) and len(path) > 3:  # {mine: {share: 0.1}}: share is then an option of item 0
            lines.setdefault((*path[:2], *path[3:]), mark)
    data = with_strategies_spelt_out(data)
    latent = tuple(_latent(data, lines))
    changes: tuple[Change, ...] = ()
    if override is not None:
        chosen = data.get("overrides")
        known = chosen if isinstance(chosen, dict) else {}
        if isinstance(known.get(override), dict):
            said = {path: _mark(("overrides", override, path), lines) for path in known[override]}
            data, lines, changes, lost = _set(data, lines, known[override], said)
            wrong += lost
        else:
            wrong.append(f"{files[0]}: unknown override {override!r}{nearest(override, known)}")
    values: dict[str, Any] = {}
    for text in sets:
        try:
            values.update([_assignment(text)])
        except ConfigError as error:
            wrong += error.problems
    if seed is not None:
        values["seed"] = seed
    return _finish(data, files, lines, values, "--set", changes, override, (*wrong, *latent))


def find(ref: str | Path) -> Path:
    """The file of a scenario; a path if there is one, else a shipped name.

    Raises:
        ConfigError: neither.

    """
    path = Path(ref)
    if path.is_file():
        return path
    name = str(ref)
    if name in shipped():
        return Path(str(importlib.resources.files("scenarios") / "library" / f"{name}.yaml"))
    if path.is_dir():
        raise ConfigError([f"{name}: expected a scenario file, got a folder"])
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        raise ConfigError([f"{name}: no such file"])
    raise ConfigError([f"{name}: no such file, and no shipped scenario{nearest(name, shipped())}"])


def _extended(path: Path, below: tuple[Path, ...], faults: list[str]) -> tuple[dict[str, Any], Lines, tuple[Path, ...]]:
    """A file on top of what it extends; ``faults`` takes problems of single values."""
    if path.resolve() in below:
        chain = " -> ".join(str(item.name) for item in (*below[below.index(path.resolve()) :], path))
        raise ConfigError([f"{path}: extends itself: {chain}"])
    document = read_yaml(path, faults, if_empty=IF_EMPTY, if_table=IF_TABLE)
    data = dict(document.data)
    if str(data.get("format", "")).startswith("cvmax fitted"):
        raise ConfigError(
            [f"{path}: a fitted population, not a scenario; a scenario takes it as population: {{fitted: {path.name}}}"]
        )
    lines: Lines = {key: (document.source, line) for key, line in document.lines.items()}
    if "extends" not in data:
        return data, lines, (path,)
    ref = data.pop("extends")
    where = f"{path}:{document.lines[('extends',)]} extends"
    if not isinstance(ref, str):
        raise ConfigError([f"{where}: expected a file or the name of a shipped scenario, got {kind_of(ref)}"])
    beside = path.parent / ref
    try:
        base_path = beside if beside.is_file() else find(ref)
    except ConfigError as error:
        raise ConfigError([f"{where}: {problem}" for problem in error.problems]) from None
    base, base_lines, files = _extended(base_path, (*below, path.resolve()), faults)
    return paths.merged(base, data), {**base_lines, **lines}, (path, *files)


def _assignment(text: str) -> tuple[str, Any]:
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise ConfigError([f"--set {text}: expected path=value, like rules.budget.max=30000"])
    return path.strip(), parse_scalar(value, f"--set {text}")


def _set(
    data: dict[str, Any], lines: Lines, values: Mapping[str, Any], marks: Mapping[str, tuple[str, int]]
) -> tuple[dict[str, Any], Lines, tuple[Change, ...], list[str]]:
    """Values set and their lines moved to where they were said; and the paths that lead nowhere."""
    problems, changes = [], []
    for path, value in values.items():
        try:
            where = paths.locate(data, path)
            lines = {key: mark for key, mark in lines.items() if key[: len(where)] != where}  # what stood there is gone
            lines[where] = marks[path]
            data, changed = paths.with_values(data, {path: value})
            changes += changed
        except PathError as error:
            problems.append(f"{_place(marks[path])}: {error}")
    return data, lines, tuple(changes), problems


def _finish(
    data: dict[str, Any],
    files: tuple[Path, ...],
    lines: Lines,
    values: Mapping[str, Any],
    what: str,
    changes: tuple[Change, ...],
    override: str | None,
    latent: tuple[str, ...] = (),
) -> LoadedScenario:
    data, lines, more, lost = _set(data, lines, values, dict.fromkeys(values, (what, 0)))
    data = with_strategies_spelt_out(data)
    scenario, problems = validate(data)
    found = [
        located(path, sentence, data, lines) for path, sentence in sorted(problems, key=lambda p: _mark(p[0], lines))
    ]
    places = {text.partition(": ")[0] for text in latent}  # a value that could not be read is told once
    found = [text for text in found if text.partition(": ")[0] not in places]
    found += [*lost, *latent]
    found += _latent_levers(data, lines) if not found and values else ()
    if found:
        raise ConfigError(list(dict.fromkeys(found)))
    told = (*scenario_warnings(scenario), *idle_sources(scenario))
    remarks = tuple(located(path, sentence, data, lines) for path, sentence in told)
    done = (*changes, *more)
    return LoadedScenario(scenario, data, files, lines, done, (*remarks, *unscaled(scenario, done)), override)


def _latent(data: dict[str, Any], lines: Lines) -> Iterator[str]:
    """Faults of overrides and beliefs, applied or not: paths that lead nowhere, values that break a sound scenario.

    Each is held against the scenario as written, not against other changes.
    """
    told = validate(data)[1]
    named: list[tuple[tuple[str | int, ...], Any]] = []
    if isinstance(overrides := data.get("overrides"), dict):
        named += [(("overrides", name), values) for name, values in overrides.items()]
    if isinstance(planning := data.get("planning"), dict):
        named.append((("planning", "beliefs"), planning.get("beliefs")))
    yield from _held(named, data, lines, told)
    yield from _latent_levers(data, lines, told)


def _latent_levers(data: dict[str, Any], lines: Lines, told: Sequence[Problem] = ()) -> Iterator[str]:
    """Faults of strategies' levers, on top of the scenario; ``told``: the scenario's own."""
    named: list[tuple[tuple[str | int, ...], Any]] = []
    strategies = data.get("strategies")
    for index, strategy in enumerate(strategies if isinstance(strategies, list) else ()):
        if isinstance(strategy, dict) and strategy.get("levers"):
            named.append((("strategies", index, "levers"), strategy["levers"]))
    yield from _held(named, data, lines, told)


def _held(
    named: Sequence[tuple[tuple[str | int, ...], Any]], data: dict[str, Any], lines: Lines, told: Sequence[Problem]
) -> Iterator[str]:
    """Values by dotted path, each set held against the data; places where something is wrong without them are told already."""
    wrong = {path for path, _ in told}
    misspelt = any(len(path) == 1 and sentence.startswith("unknown key") for path, sentence in told)
    for at, values in named:
        if not isinstance(values, dict):
            continue
        changed = data
        for path, value in values.items():
            try:
                changed, _ = paths.with_values(changed, {path: value})
            except PathError as error:
                if misspelt and path.partition(".")[0] not in data:
                    continue  # what it changes stands under the misspelt key
                yield f"{_place(_mark((*at, path), lines))} {paths.dotted(at, data)}: {error}"
        for inner, sentence in validate(changed)[1]:
            if inner not in wrong:
                yield located(at, f"{paths.dotted(inner, changed)}: {sentence}", data, lines)


def located(path: KeyPath, sentence: str, data: Any, lines: Lines) -> str:
    """``file:line dotted.path: sentence``; the line is that of the nearest part of the path that was written down."""
    where = paths.dotted(path, data)
    return f"{_place(_mark(path, lines))}{' ' + where if where else ''}: {sentence}"


def _mark(path: KeyPath, lines: Lines) -> tuple[str, int]:
    return next(lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines)


def _place(mark: tuple[str, int]) -> str:
    """``file:line``, or what was said without a file."""
    return f"{mark[0]}:{mark[1]}" if mark[1] else mark[0]
