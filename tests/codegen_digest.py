"""Prints a digest of runs in worlds with every feature; run in a process of its own by test_codegen.

    python codegen_digest.py [BLOCK]

With BLOCK the kernels are compiled for blocks of so many customers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np


def with_block(block: int) -> None:
    """Put an ``engine.scratch`` of another block into place before anything imports the package."""
    package = importlib.util.find_spec("engine")
    source = Path(package.submodule_search_locations[0], "scratch.py").read_text()
    changed = source.replace("BLOCK = 2048", f"BLOCK = {block}")
    assert changed != source
    module = sys.modules["engine.scratch"] = ModuleType("engine.scratch")
    exec(changed, module.__dict__)


def digest() -> str:
    from engine_worlds import rich_population, rich_world
    from life_worlds import rich_dynamics, rich_lives

    from engine import Simulation

    seen = hashlib.sha256()
    n = 1500
    for seed in (1, 2, 3):
        for make_world, people in ((rich_world, rich_population), (rich_dynamics, rich_lives)):
            world = make_world(seed)
            population = people(world, n, seed)
            run = Simulation(world, population, seed=seed)
            plan = np.random.default_rng(seed).integers(0, len(world.arms) + 1, n).astype(np.uint8)
            for _ in range(3):
                run.advance(2, plan)
            for values in (run.margin, run.promotion_cost, run.ledger.lines, run.ledger.by_segment, run.ledger.by_arm):
                seen.update(np.ascontiguousarray(values).tobytes())
    return seen.hexdigest()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with_block(int(sys.argv[1]))
    print(digest())
