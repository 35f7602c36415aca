"""Where a result comes from: version, revision, packages, machine, time, data, seed, command.

Says nothing of who ran it: no user or host names, and home folders as ``~``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "numpy", "numba", "llvmlite", "scipy", "PuLP", "highspy", "simpy", "PyYAML", "click", "pydantic", "duckdb",
    "pyarrow", "altair", "vl-convert-python", "Jinja2", "XlsxWriter", "rich",
)  # fmt: skip
_HOMES = re.compile(r"(?i)(/home/|/Users/|[a-z]:[\\/]Users[\\/])[^/\\\s\"']+")
_CHUNK = 1 << 20


def collect(
    *, seed: int, command: Sequence[str] = (), data: Iterable[Path] = (), now: datetime | None = None
) -> dict[str, Any]:
    """The provenance of a run that starts now.

    Args:
        seed: of the run.
        command: arguments as given, without the program.
        data: files that the run reads; each is hashed.
        now: the time to state; default the clock's.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return {
        "version": version("cvmax"),
        "revision": revision(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := version(name)) is not None},
        "machine": {
            "cpus": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
        },
        "time": moment.isoformat(timespec="seconds"),
        "data": [{"file": path.name, "bytes": path.stat().st_size, "sha256": file_hash(path)} for path in data],
        "seed": seed,
        "command": ["cvmax", *(without_home(argument) for argument in command)],
    }


def version(package: str) -> str | None:
    """Installed version, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def file_hash(path: Path) -> str:
    """SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def revision(folder: Path | None = None) -> str | None:
    """Git revision of the checkout that this package runs from, ``+changes`` if files differ; None outside a checkout.

    Git is asked only where the folder itself is a checkout's root, so an installed package never starts a process.
    """
    root = folder or Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    head = _git(root, "rev-parse", "HEAD")
    if not head:
        return None
    return f"{head}+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else head


def without_home(text: str) -> str:
    """The text with home folders, this user's and others', as ``~``."""
    home = str(Path.home())
    if len(home) > 1:
        text = re.sub(re.escape(home) + r"(?=[/\\]|$)", "~", text)
    return _HOMES.sub("~", text)


def _git(root: Path, *arguments: str) -> str | None:
    """Git's answer, None if it has none."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=False, env=clean
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
