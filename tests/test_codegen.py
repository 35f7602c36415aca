"""The same bits from other machines' code and other block sizes: each compiled anew, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import pytest
from codegen_digest import digest

HERE = Path(__file__).parent
HOST = {name for name, there in llvm.get_host_cpu_features().items() if there}

# name of the target, features that the host must have to run its code
TARGETS = {"x86-64": {"sse2"}, "haswell": {"avx2", "fma"}, "skylake-avx512": {"avx512f", "avx512vl", "avx512dq"}}


def elsewhere(cache: Path, *arguments: str, **variables: str) -> str:
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
    }
    command = [sys.executable, str(HERE / "codegen_digest.py"), *arguments]
    done = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_code_for_other_processors_gives_the_same_bits(target, tmp_path):
    """Vectors of 128, 256 and 512 bits, with and without fused multiply-add in the instruction set."""
    if not TARGETS[target] <= HOST:
        pytest.skip(f"this machine cannot run code for {target}")
    assert elsewhere(tmp_path, NUMBA_CPU_NAME=target, NUMBA_CPU_FEATURES="") == digest()


@pytest.mark.slow
def test_another_block_size_gives_the_same_bits(tmp_path):
    assert elsewhere(tmp_path, "128") == digest()
