"""Strict YAML: what the core schema of YAML 1.2 says, with a line for every value.

PyYAML's own loader follows YAML 1.1: it reads ``1e6`` as text, ``no`` as False, ``012`` as 10, ``12:30`` as 750,
and keeps the last of two equal keys without a word.  Here numbers are decimal integers and floats (``1e6`` too),
booleans are ``true`` and ``false``, nothing is ``null``, and all else is text, dates included.  Keys are text as
written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scenarios.errors import ConfigError

KeyPath = tuple[str | int, ...]

_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_STR = "tag:yaml.org,2002:str"
_SEQ = "tag:yaml.org,2002:seq"
_MAP = "tag:yaml.org,2002:map"

_NUMBERS = "-+.0123456789"
_IMPLICIT = (
    (_NULL, re.compile(r"(?:null|Null|NULL|~|)\Z"), ["", "n", "N", "~"]),
    (_BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    (_INT, re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list(_NUMBERS)),
    (
        _FLOAT,
        re.compile(
            r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
        ),
        list(_NUMBERS),
    ),
)
_NOTHING = re.compile(r"\Z")
_PLAIN_NUMBER = re.compile(r"[-+]?\d[\d.]*\Z")
_MAX_DIGITS = 300
_MAX_SHOWN = 60  # characters of a value in a message
_TABLES = (".csv", ".csv.gz", ".tsv", ".parquet", ".parq", ".pq", ".xlsx", ".duckdb")
_YAML_LINE = re.compile(r"\s*(?:#|[\w-]+:(?:\s|$))")
_MAX_NODES = 200_000  # anchors that repeat anchors grow without bound


class _Resolver(yaml.resolver.BaseResolver):
    """Plain scalars: the core schema."""


class _Loader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Resolver):
    """Text to nodes with marks; no constructor, hence no objects."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        _Resolver.__init__(self)


class _Dumper(yaml.SafeDumper):
    """Quotes what either YAML 1.1 or the core schema would take for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern, _first in _IMPLICIT:
    _Resolver.add_implicit_resolver(_tag, _pattern, _first)
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)


@dataclass(frozen=True)
class Document:
    """One YAML document.

    Attributes:
        data: nested dicts, lists, str, int, float, bool and None.
        lines: 1-based line of each value by its path of keys and list positions; the top is ``()``.
        source: what the text came from, for messages.

    """

    data: Any
    lines: dict[KeyPath, int]
    source: str

    def where(self, path: KeyPath, name: str) -> str:
        """``source:line name``, the line being that of the nearest part of the path that is written down."""
        line = next(self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines)
        return f"{self.source}:{line}{' ' + name if name else ''}"


def read_yaml(path: Path, faults: list[str] | None = None, *, if_empty: str = "", if_table: str = "") -> Document:
    """The document in a file; its top must be a mapping.

    Args:
        path: the file.
        faults: takes problems of single values (which are None then, or left out), instead of an error.
        if_empty: hint for an empty file.
        if_table: hint for a table of data.

    Raises:
        ConfigError: the file cannot be read, is not strict YAML, or its top is not a mapping.

    """
    table = ConfigError([f"{path}: looks like a table of data, expected YAML{if_table}"])
    if path.name.casefold().endswith(_TABLES):
        raise table
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            [f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x} at position {error.start}"]
        ) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    try:
        document = parse_yaml(text, str(path), faults)
    except ConfigError:
        if _looks_like_csv(text):
            raise table from None
        raise
    if document.data is None:
        raise ConfigError([f"{path}: expected keys and values, got an empty file{if_empty}"])
    if not isinstance(document.data, dict):
        if _looks_like_csv(text):
            raise table
        raise ConfigError(
            [f"{path}:{document.lines[()]}: expected a mapping (key: value), got {kind_of(document.data)}"]
        )
    return document


def _looks_like_csv(text: str) -> bool:
    """Two lines with the same separators, neither of them a comment nor a key."""
    first, second = ([line for line in text[:100_000].splitlines() if line.strip()] + ["", ""])[:2]
    return not (_YAML_LINE.match(first) or _YAML_LINE.match(second)) and any(
        first.count(mark) == second.count(mark) > 0 for mark in ",;\t|"
    )


def parse_yaml(text: str, source: str, faults: list[str] | None = None) -> Document:
    """The single document in a text, of any kind; an empty text is None.  ``faults`` takes problems of single values.

    Raises:
        ConfigError: with every problem as ``source:line ...``.

    """
    try:
        return _parse(text, source, faults)
    except RecursionError:
        raise ConfigError([f"{source}: nested too deeply"]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError([f"{source}:{line}: character {error.character:#04x} is not allowed in YAML"]) from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(error, source)]) from None


def _parse(text: str, source: str, faults: list[str] | None) -> Document:
    node = _Loader(text).get_single_node()
    if node is None:
        return Document(None, {(): 1}, source)
    builder = _Builder(source)
    data = builder.build(node, (), ())
    if faults is not None:
        faults += builder.problems
    elif builder.problems:
        raise ConfigError(builder.problems)
    return Document(data, builder.lines, source)


def parse_scalar(text: str, source: str) -> Any:
    """A value as it would be read to the right of a key: ``0.3``, ``mail``, ``[none, optimal]``."""
    return parse_yaml(text, source).data


def dump_yaml(data: Any) -> str:
    """Text that :func:`parse_yaml` reads back to the same data, keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def kind_of(value: Any) -> str:
    """What a value is, in a user's words."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and len(value) > _MAX_SHOWN:
        return f"{value[:_MAX_SHOWN]!r}... ({len(value):,} characters)"
    return repr(value)


def _syntax_problem(error: yaml.MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{source}:{mark.line + 1}" if mark else source
    problem = " ".join(part for part in (error.problem, error.context) if part)
    text = mark.get_snippet() if mark else ""
    hint = ""
    if "\\t" in problem:
        hint = "; indent with spaces, not tabs"
    elif "mapping values are not allowed" in problem:
        hint = "; a text with ': ' inside wants quotes, or the indentation is off"
    elif "expected ',' or" in problem or "expected the node content" in problem:
        hint = "; is a bracket, brace or comma missing?"
    elif "undefined alias" in problem:
        hint = "; a text that starts with * wants quotes"
    elif "expected a single document" in problem:
        hint = "; a file holds one document: remove '---'"
    elif "could not find expected ':'" in problem:
        hint = "; a key needs a colon and a space"
    return f"{where}: {problem}{hint}" + (f"\n{text}" if text and "\n" in text else "")


class _Builder:
    """Nodes to plain data, collecting lines and problems."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[str] = []
        self.count = 0

    def build(self, node: yaml.Node, path: KeyPath, above: tuple[int, ...]) -> Any:
        self.lines[path] = line = node.start_mark.line + 1
        self.count += 1
        if self.count > _MAX_NODES:
            raise ConfigError(
                [f"{self.source}: more than {_MAX_NODES:,} values; anchors that repeat anchors grow fast"]
            )
        if id(node) in above:
            self.say(line, path, "an anchor that contains itself")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
            return [self.build(item, (*path, i), (*above, id(node))) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
            return dict(self.items(node, path, (*above, id(node))))
        self.say(line, path, f"unknown tag {node.tag!r}; remove it")
        return None

    def items(self, node: yaml.MappingNode, path: KeyPath, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        first: dict[str, int] = {}
        for key_node, value_node in self.without_torn_numbers(node, path):
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value:
                self.say(line, path, "expected a key of plain text")
                continue
            key = key_node.value
            if key in first:
                self.say(line, (*path, key), f"the key is already in line {first[key]}; keep one")
                continue
            first[key] = line
            if key == "<<":
                self.say(line, path, "merge keys (<<) are not supported; use an anchor for a whole value, or 'extends'")
                continue
            value = self.build(value_node, (*path, key), above)
            self.lines[(*path, key)] = line
            yield key, value

    def without_torn_numbers(self, node: yaml.MappingNode, path: KeyPath) -> list[tuple[yaml.Node, yaml.Node]]:
        """The items of a mapping; ``{cost: 0,05}`` holds a key ``05`` of nothing, which is no key but the rest of a number."""
        kept: list[tuple[yaml.Node, yaml.Node]] = []
        torn: list[str] = []  # what the last number was torn into
        for key, value in node.value:
            of_number = kept and (torn or _is_plain(kept[-1][1], _PLAIN_NUMBER))
            if node.flow_style and of_number and _is_plain(key, _PLAIN_NUMBER) and _is_plain(value, _NOTHING):
                torn = [*(torn or [kept[-1][1].value]), key.value]
                continue
            torn = self.say_torn(torn, kept, path)
            kept.append((key, value))
        self.say_torn(torn, kept, path)
        return kept

    def say_torn(self, torn: list[str], kept: list[tuple[yaml.Node, yaml.Node]], path: KeyPath) -> list[str]:
        """One message for a number with commas, whose value is its text; returns an empty list."""
        if torn:
            key, value = kept[-1]
            got = "expected one number, got " + ",".join(torn) + ", where a comma ends an entry"
            hint = "numbers are written with a point as decimal mark and without separators of thousands"
            self.say(value.start_mark.line + 1, (*path, key.value), f"{got}; {hint}")
            kept[-1] = key, yaml.ScalarNode(_STR, ",".join(torn), value.start_mark, value.end_mark)
        return []

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text: str = node.value
        if node.tag == _STR or (node.tag == "!" and node.style):
            return text
        if node.tag == _NULL and _matches(_NULL, text):
            return None
        if node.tag == _BOOL and _matches(_BOOL, text):
            return text.lower() == "true"
        if node.tag == _INT and _matches(_INT, text) and len(text) <= _MAX_DIGITS:
            return int(text)
        if node.tag == _FLOAT and (_matches(_FLOAT, text) or _matches(_INT, text)):
            value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            if math.isinf(value) and "inf" not in text.lower():
                self.say(node.start_mark.line + 1, path, f"the number {text} is too large")
            return value
        if node.tag in (_NULL, _BOOL, _INT, _FLOAT):
            problem = f"{text[:40]!r} is no {node.tag.rpartition(':')[2]}"
        else:
            problem = f"unknown tag {node.tag!r}; remove it"
        self.say(node.start_mark.line + 1, path, problem)
        return None

    def say(self, line: int, path: KeyPath, problem: str) -> None:
        where = ".".join(str(part) for part in path)
        self.problems.append(f"{self.source}:{line}{' ' + where if where else ''}: {problem}")


def _is_plain(node: yaml.Node, pattern: re.Pattern[str]) -> bool:
    """Whether it is text without quotes that fits."""
    return isinstance(node, yaml.ScalarNode) and node.style is None and bool(pattern.match(node.value))


def _matches(tag: str, text: str) -> bool:
    return any(pattern.match(text) for known, pattern, _ in _IMPLICIT if known == tag)
