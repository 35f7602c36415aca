"""Every mistake of a rules file in one run: file, line, what was expected, what was found, a hint."""

from datetime import date

import openpyxl
import pytest

from scenarios.allocate import allocate
from scenarios.allocation.case import build_case
from scenarios.errors import CvmaxError, DataError
from tests.test_allocation_rules import make

RULES = """objective: {OBJECTIVE: 1}
max_offers: 2
never_together: [[call, gift]]
per_customer:
  never_together: [[cal, gift]]
  max_ofers: 2
  eligible:
    - {name: new, where: {chanel: mail}, never: {tier: gold}}
    - {name: new, where: {channel: letter}, only: {tier: silvr}}
  contacts:
    consent: {emial: tier}
constraints:
  - {name: budget, measure: cst, where: {tier: gld}, max: 100}
  - {name: budget, measure: cost, max: 200}
  - {name: lab, measure: count, where: {teir: gold}, max: 5}
  - {name: each, measure: cost, for_each: tier, max: {gold: 40, silve: 45}}
  - {name: both, measure: cost, min: 5, max: 3}
  - {name: fair, parity: {by: grup, within: 0.1}}
  - {name: typo, mesure: cost, max: 3}
"""
PROBLEMS = """2 max_offers: unknown key 'max_offers'; it belongs under 'per_customer' or 'per_household'
3 never_together: unknown key 'never_together'; it belongs under 'per_customer'
5 per_customer.never_together: unknown offer 'cal'; did you mean 'call'?
6 per_customer.max_ofers: unknown key 'max_ofers'; did you mean 'max_offers'?
8 per_customer.eligible.new: {c} has no column 'chanel'; did you mean 'channel'?
9 per_customer.eligible.new#2: 'new' is the name of two tests
9 per_customer.eligible.new#2.where: no offer has channel 'letter'; known: phone, email, mail
9 per_customer.eligible.new#2: nothing has tier 'silvr'; did you mean 'silver'?
11 per_customer.contacts.consent.emial: no offer goes through 'emial'; did you mean 'email'?
13 constraints.budget: {c} has no column 'cst'; did you mean 'cost'?
13 constraints.budget: where tier: nothing has the value 'gld'; did you mean 'gold'?
14 constraints.budget#2: 'budget' is the name of two constraints
15 constraints.lab: {c} has no column 'teir'; did you mean 'tier'?
16 constraints.each: max: tier has no value 'silve'; did you mean 'silver'?
17 constraints.both: expected min <= max, got 5 > 3
18 constraints.fair: {c} has no column 'grup'; did you mean 'group'?
19 constraints.typo.mesure: unknown key 'mesure'; did you mean 'measure'?""".splitlines()


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("objective", ["value", "valu"])
def test_seventeen_mistakes_in_one_run_by_line(tmp_path, objective, broken):
    """Also where the objective is no column, and where a number cannot be read."""
    path, _ = make(tmp_path, 0)
    if broken:
        path.write_text(path.read_text().replace("c0,coupon,email,", "c0,coupon,email,abc", 1))
    (tmp_path / "r.yaml").write_text(RULES.replace("OBJECTIVE", objective))
    with pytest.raises(CvmaxError) as error:
        allocate(path, tmp_path / "r.yaml")
    found = list(error.value.problems)
    expected = [f"{tmp_path / 'r.yaml'}:{text.replace('{c}', str(path))}" for text in PROBLEMS]
    if objective != "value":
        expected.insert(0, f"{tmp_path / 'r.yaml'}:1 objective: {path} has no column 'valu'; did you mean 'value'?")
    assert found[: len(expected)] == expected
    rest = "\n".join(found[len(expected) :])  # what is wrong with the candidates stands behind
    assert "column 'tier': expected true or false, 1 or 0, yes or no, got 'gold'" in rest
    assert ("abc" in rest) == (broken and objective == "value")  # nobody reads the numbers of another column


def test_a_sound_part_beside_a_faulty_one_is_still_checked(tmp_path):
    """One key of a section does not hide what is wrong with the others."""
    path, _ = make(tmp_path, 0)
    (tmp_path / "r.yaml").write_text(
        "per_customer:\n  max_offers: none\n  only_if: {coupon: cal}\n  contacts:\n    caps:\n"
        "      - {name: a, max: -1, column: cost}\n      - {name: b, max: 1, window_days: 3}\n"
    )
    with pytest.raises(CvmaxError) as error:
        allocate(path, tmp_path / "r.yaml")
    found = "\n".join(error.value.problems)
    for text in (
        "2 per_customer.max_offers: expected a whole number",
        ".caps.a.max: expected a number >= 1",
        "need 'history'",
    ):
        assert text in found
    assert "3 per_customer.only_if: unknown offer 'cal'" in found


def test_a_name_with_a_number_is_not_given_to_another(tmp_path):
    """'budget#2' is there already: the second 'budget' is called 'budget#3'."""
    path, _ = make(tmp_path, 0)
    names = ["budget", "budget", "budget#2"]
    (tmp_path / "r.yaml").write_text(
        "constraints:\n" + "".join(f"  - {{name: {n!r}, measure: cost, max: 9}}\n" for n in names)
    )
    with pytest.raises(CvmaxError) as error:
        allocate(path, tmp_path / "r.yaml")
    assert list(error.value.problems) == [
        f"{tmp_path / 'r.yaml'}:3 constraints.budget#3: 'budget' is the name of two constraints"
    ]


TWICE = """objective: value
per_customer:
  never_together: [[call], [cal, gift, mail]]
  eligible:
    - {name: a, where: {chanel: mail}, nevr: {tier: gold}, only: {tier: silvr}}
constraints:
  - {name: budget, measure: cost, max: ten, where: {tier: gld}}
  - {name: both, mesure: cost, min: 5, max: 3, for_each: teir}
  - {name: fair, parity: {by: grup, within: much}}
  - {name: text, measure: tier, max: 3}
  - {name: far, parity: {by: group, within: 5}}
"""
BOTH = """3 per_customer.never_together[0]: expected 2 entries, got 1
3 per_customer.never_together[1]: expected at most 2 entries, got 3
5 per_customer.eligible.a.nevr: unknown key 'nevr'; did you mean 'never'?
5 per_customer.eligible.a: {c} has no column 'chanel'; did you mean 'channel'?
5 per_customer.eligible.a: nothing has tier 'silvr'; did you mean 'silver'?
7 constraints.budget.max: expected a number or a mapping, got 'ten'
7 constraints.budget: where tier: nothing has the value 'gld'; did you mean 'gold'?
8 constraints.both.mesure: unknown key 'mesure'; did you mean 'measure'?
8 constraints.both: expected min <= max, got 5 > 3
8 constraints.both: {c} has no column 'teir'; did you mean 'tier'?
9 constraints.fair.parity.within: expected a number, got 'much'
9 constraints.fair: {c} has no column 'grup'; did you mean 'group'?""".splitlines()


@pytest.mark.parametrize("twice", [False, True])
def test_a_fault_does_not_hide_the_next_one_of_its_item_nor_of_the_rows(tmp_path, twice):
    """Two faults in one rule, a text for a number, a comma for a point, and a customer and offer twice: in one run."""
    path, rows = make(tmp_path, 0)
    text = path.read_text().replace(f"c0,coupon,email,{rows[0]['value']}", 'c0,coupon,email,"1,5"', 1)
    path.write_text(text + (text.splitlines()[3] + "\n" if twice else ""))
    (tmp_path / "r.yaml").write_text(TWICE)
    with pytest.raises(CvmaxError) as error:
        allocate(path, tmp_path / "r.yaml")
    found = list(error.value.problems)
    assert found[: len(BOTH)] == [f"{tmp_path / 'r.yaml'}:{line.replace('{c}', str(path))}" for line in BOTH]
    rest = "\n".join(found[len(BOTH) :])
    assert "expected a finite number in 'tier', got 'gold'" in rest
    assert "got '1,5' (line 2); numbers are written with a point as decimal mark" in rest
    assert (" twice" in rest) == twice


def test_a_column_that_is_missing_is_told_with_those_that_are_there(tmp_path):
    (tmp_path / "c.csv").write_text("customer_id,offer,value\n1,mail,2\n1,mail,x\n")
    (tmp_path / "r.yaml").write_text("constraints:\n  - {name: a, measure: count, where: {offer: mial}, max: 1}\n")
    with pytest.raises(CvmaxError) as error:
        allocate(tmp_path / "c.csv", tmp_path / "r.yaml")
    found = "\n".join(error.value.problems)
    assert "column 'cost' is missing; known: customer_id, offer, value" in found
    assert "'mial'" in found and "mail twice" in found and "got 'x' (line 3)" in found


def test_rows_without_a_key_hide_nothing(tmp_path):
    """Repeated rows, negative costs and every kind of cell that is no number are told in the same round."""
    (tmp_path / "c.csv").write_text(
        "customer_id,offer,value,cost\n1,a,2,1\n1,a,3,1\n2,a,nan,1\n3,a,,1\n4,a,abc,1\n,a,1,1\n,,,\n7,a,1,-2\n"
    )
    (tmp_path / "r.yaml").write_text("constraints:\n  - {name: budget, measure: cost, max: 5}\n")
    with pytest.raises(DataError) as error:
        build_case(tmp_path / "c.csv", tmp_path / "r.yaml")
    told = [problem.removeprefix(f"{tmp_path / 'c.csv'}: ") for problem in error.value.problems]
    assert told == [
        "row 7: nothing in any column that is read; remove blank rows",
        "row 6: customer_id is empty",
        "rows 1 and 2: customer 1 has a twice",
        "rows 3, 4, 5: expected a finite number in 'value', got 'nan' (line 4), an empty cell (line 5), 'abc' (line 6)",
        "row 8: expected a cost >= 0, got -2 at worst; 'allow_negative_cost: true' in the rules permits offers that save money",
    ]


def test_a_column_of_formulas_hides_nothing_and_odd_names_are_told(tmp_path):
    book = openpyxl.Workbook()
    for row in [
        ["customer_id", "offer", "value", "cost"], [1, "a", 2, 1], [date(2024, 1, 2), "a", 3, 1], [True, "a", 3, 1], [None] * 4,
        [2, "a", "x", 1], [3, "a", 2, "=1+1"], [3, "a", 2, 1], [4, "a", None, 1],
    ]:  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "c.xlsx")
    (tmp_path / "r.yaml").write_text("constraints:\n  - {name: budget, measure: cost, max: 5}\n")
    with pytest.raises(DataError) as error:
        build_case(tmp_path / "c.xlsx", tmp_path / "r.yaml")
    told = [problem.removeprefix(f"{tmp_path / 'c.xlsx'}: ") for problem in error.value.problems]
    hint = "hint: format the column as text and write the name again"
    assert told == [
        "column 'cost' is missing: cell D7 holds a formula; copy the column and paste it as values",
        "row 4: nothing in any column that is read; remove blank rows",
        "cell C6: expected a number in 'value', got the text 'x'",
        f"cells A3, A4: expected a customer_id, got the date or time 2024-01-02; {hint}",
        "rows 6 and 7: customer 3 has a twice",
        "row 8: expected a finite number in 'value', got an empty cell (cell C9)",
    ]
