"""The shape of the code: who may import whom, and where each third-party library comes in."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [
    ROOT / "cli.py",
    *(path for top in ("engine", "solvers", "scenarios") for path in sorted((ROOT / top).rglob("*.py"))),
]
FORBIDDEN = {
    "engine": {"solvers", "scenarios", "cli", "click", "yaml", "duckdb", "pulp"},
    "solvers": {"engine", "scenarios", "cli", "click", "yaml", "duckdb", "simpy"},
    "scenarios": {"cli", "click", "pulp", "simpy"},
    "cli": {"numpy", "yaml", "duckdb", "pyarrow", "pydantic"},
}
FEW = {"click": 1, "yaml": 1, "duckdb": 1, "pulp": 1, "simpy": 2, "altair": 6, "vl_convert": 1, "pyarrow": 6, "dask": 1, "distributed": 1, "xlsxwriter": 2, "openpyxl": 1, "rich": 4}  # fmt: skip


def module(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(nodes):
    """Dotted names that statements import; ``from a import b`` gives a and a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


TREES = {module(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
EVERYWHERE = {name: set(imported(ast.walk(tree))) for name, tree in TREES.items()}


@pytest.mark.parametrize("top", FORBIDDEN)
def test_layers_import_downwards_only(top):
    wrong = [
        f"{name} imports {found}"
        for name, names in EVERYWHERE.items()
        if name.split(".")[0] == top
        for found in names
        if found.split(".")[0] in FORBIDDEN[top]
    ]
    assert wrong == []


def test_the_command_line_imports_only_click_at_its_top():
    tops = {name.split(".")[0] for name in imported(TREES["cli"].body)}
    assert not tops & {"engine", "solvers", "scenarios"}


@pytest.mark.parametrize("library", FEW)
def test_a_library_comes_in_through_few_files(library):
    users = [name for name, names in EVERYWHERE.items() if any(found.split(".")[0] == library for found in names)]
    assert len(users) <= FEW[library], users


def test_charts_are_drawn_in_one_folder():
    users = {
        name.rpartition(".")[0] for name, names in EVERYWHERE.items() if any(f.split(".")[0] == "altair" for f in names)
    }
    assert users == {"scenarios.report.charts"}


def test_there_are_no_import_cycles():
    """``from package import module`` needs the module, not what the package's __init__ shows to others."""
    graph = {}
    for name, tree in TREES.items():
        found = {target for target in imported(tree.body) if target in TREES}
        found -= {target.rpartition(".")[0] for target in found if "." in target}
        graph[name] = found - {name}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, naming the cycle
