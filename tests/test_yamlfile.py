"""Strict YAML: expected values are the core schema of YAML 1.2 (chapter 10.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ConfigError
from scenarios.yamlfile import dump_yaml, parse_scalar, parse_yaml, read_yaml


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse_yaml(text, "f.yaml")
    return [problem.splitlines()[0] for problem in error.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e6", 1e6),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("2.5E-3", 0.0025),
        ("12", 12),
        ("-0", 0),
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("012", "012"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("60_000", "60_000"),
        ("2024-12-31", "2024-12-31"),
        ("~", None),
        ("", None),
        ("[none, optimal]", ["none", "optimal"]),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!float 3", 3.0),
    ],
)
def test_plain_values_follow_yaml_1_2(text, value):
    got = parse_scalar(text, "x")
    assert got == value
    assert type(got) is type(value)


def test_every_value_has_its_line():
    document = parse_yaml("a: 1\nb:\n  c: [1,\n      2]\n  d: {e: x}\n", "f.yaml")
    assert document.lines == {
        (): 1, ("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "c", 0): 3, ("b", "c", 1): 4,
        ("b", "d"): 5, ("b", "d", "e"): 5,
    }  # fmt: skip


def test_equal_keys_are_errors_with_both_lines():
    assert problems("a: 1\nb: 2\na: 3\nc: {x: 1, x: 2}") == [
        "f.yaml:3 a: the key is already in line 1; keep one",
        "f.yaml:4 c.x: the key is already in line 4; keep one",
    ]


def test_an_anchor_is_a_value_written_once():
    assert parse_yaml("a: &x {b: 1}\nc: *x", "f").data == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &x [*x]", "f.yaml:1 a.0: an anchor that contains itself"),
        ("a: !!python/object:os.system x", "f.yaml:1 a: unknown tag 'tag:yaml.org,2002:python/object:os.system'"),
        ("a: !!int 012", "f.yaml:1 a: '012' is no int"),
        ("a: 1e999", "f.yaml:1 a: the number 1e999 is too large"),
        ("<<: {a: 1}", "f.yaml:1: merge keys (<<) are not supported; use an anchor for a whole value, or 'extends'"),
        ("? [1]\n: 2", "f.yaml:1: expected a key of plain text"),
        ("a: \x07", "f.yaml:1: character 0x07 is not allowed in YAML"),
        ("b: 1\na: b: c", "f.yaml:2: mapping values are not allowed here; a text with ': ' inside wants quotes"),
        ("a:\n\tb: 1", "f.yaml:2: found character '\\t' that cannot start any token while scanning for the next token; in"),
        ("a: [1\nb: 2", "f.yaml:2: expected ',' or ']', but got ':' while parsing a flow sequence; is a bracket"),
        ("a: *q", "f.yaml:1: found undefined alias 'q'; a text that starts with * wants quotes"),
        ("a: 1\n---\nb: 1", "f.yaml:2: but found another document expected a single document in the stream; a file"),
        ("a: " + "[" * 5000, "f.yaml: nested too deeply"),
        ("a: " + "9" * 400, "f.yaml:1 a: '9999999999999999999999999999999999999999' is no int"),
    ],
)  # fmt: skip
def test_what_is_refused(text, problem):
    assert problems(text)[0].startswith(problem)


def test_anchors_cannot_grow_without_bound():
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert problems("a0: &a0 [x]\n" + "\n".join(rows)) == [
        "f.yaml: more than 200,000 values; anchors that repeat anchors grow fast"
    ]


def test_a_file_needs_a_mapping_at_its_top(tmp_path):
    path = tmp_path / "s.yaml"
    for content, problem in (
        (b"", f"{path}: expected keys and values, got an empty file"),
        (b"# nothing\n", f"{path}: expected keys and values, got an empty file"),
        (b"\n- 1\n", f"{path}:2: expected a mapping (key: value), got a list"),
        (b"a: \xff", f"{path}: expected UTF-8 text, got byte 0xff at position 3"),
    ):
        path.write_bytes(content)
        with pytest.raises(ConfigError) as error:
            read_yaml(path)
        assert error.value.problems == (problem,)
    path.write_bytes("\ufeffa: 1\r\nb: x\r\n".encode())
    assert read_yaml(path).data == {"a": 1, "b": "x"}
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("objective: {value: 1, fee: -1}\nper_customer: {max_offers: 1, max_offers: 2}\n", ":2 per_customer.max_offers: the key is already in line 2; keep one"),
        ("name: Grocery, spring\nquestion: Which wins, a or b?\nseed: [1\n", "expected ',' or ']'"),
        ("# a, b\n1, 2\n", "expected a mapping"),
        ("a, b\n1, 2\n", "looks like a table of data"),
        ("at,what\n2024-01-01 10:00,x: y\n\"", "looks like a table of data"),
    ],
)  # fmt: skip
def test_equally_many_commas_do_not_make_keys_a_table(tmp_path, text, problem):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_yaml(path)
    assert problem in error.value.problems[0]


texts = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8),
    st.sampled_from(
        ["no", "1e6", "012", "12:30", "~", "", "2024-12-31", "<<", "=", "0x1F", "1_0", ".inf", "*a", "&a", "a: b"]
    ),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts.filter(bool).filter(lambda k: k != "<<"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_what_is_written_is_read_back(value):
    assert parse_yaml(dump_yaml(value), "f").data == value


@pytest.mark.parametrize("number", ["0,05", "1,200.50", "1.200,50", "1,200,300", "-0,5"])
def test_a_number_torn_by_a_comma_is_told_once(number):
    faults = []
    data = parse_yaml(f"a: {{cost: {number}, sd: 0.2}}", "f", faults).data
    assert data == {"a": {"cost": number, "sd": 0.2}}
    assert len(faults) == 1 and faults[0].startswith(f"f:1 a.cost: expected one number, got {number}, where a comma")
    assert parse_yaml("a: {b: 1, c: , 5: 2}\nd: {e: x, 5: }", "f").data == {
        "a": {"b": 1, "c": None, "5": 2},
        "d": {"e": "x", "5": None},
    }
