"""Files that appear whole or not at all, and cells that a spreadsheet does not take for formulas."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenarios.errors import InputError

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def whole_file(path: Path, force: bool = False) -> Iterator[Path]:
    """A temporary name beside ``path``, renamed to it at the end of the block; removed if the block fails.

    Raises:
        InputError: the file exists and ``force`` is not given, or its folder cannot be written.

    """
    refuse_overwrite(path, force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise InputError([f"{path}: cannot be written: {error.strerror or error}"]) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def refuse_overwrite(path: Path, force: bool) -> None:
    """Raise :class:`InputError` if a file exists that was not asked to be replaced."""
    if path.exists() and not force:
        raise InputError([f"{path}: exists already; choose another place with --out, or replace it with --force"])


def inert(text: str) -> str:
    """Text that a spreadsheet shows as it is: a cell that would start a formula starts with an apostrophe."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
