"""The page on reliability: every row has tests that are there, and a mutant that they have found."""

import ast
import re
import sys

import pytest
from helpers import ROOT

from hcl.companion import contents, reliability
from hcl.companion.reliability import ROWS

MUTATION = ROOT / "tests" / "mutation"


def functions(file):
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_tests_of_a_row_are_there(row):
    assert row.tests and len(set(row.tests)) == len(row.tests)
    for test in row.tests:
        file, _, name = test.partition("::")
        assert name in functions(ROOT / "tests" / file), test
    assert row.fault[0].isupper() and not row.fault.endswith(".") and row.happens.endswith(".")
    assert not re.search(r"[|\n]|::|\.py", row.fault + row.happens)


def test_the_page_has_every_row_once_under_its_heading():
    text = reliability.page()
    rows = re.findall(r"^\| (?!what goes|---)(.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert [(fault, happens) for fault, happens, _ in rows] == [(row.fault, row.happens) for row in ROWS.values()]
    assert len({row.fault for row in ROWS.values()}) == len(ROWS) and next(iter(ROWS.values())).part
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [row.part for row in ROWS.values() if row.part]
    assert "kills at random moments lose nothing and change nothing (`test_faults.py`)" in text
    assert f"book/pages/{reliability.PAGE}\n" in contents.toc()


def test_the_page_says_what_many_kills_came_to(tmp_path):
    found = {
        "kills": 200, "at_a_write": 80, "with_a_state": 90, "campaigns": 30, "runs": 90, "sealed_afterwards": 2,
        "seconds": 600,
    }  # fmt: skip
    assert "of three runs that many times: 120 times at a random moment, 80 times just" in reliability.page(found)
    text = reliability.write(tmp_path).read_text(encoding="utf-8")
    assert text == reliability.page() and "Many kills" not in text


# The mutants


@pytest.fixture
def mutation(monkeypatch):
    """The modules of the mutation run, which lie in a folder of their own."""
    if not MUTATION.exists():
        pytest.skip("not in a copy that a mutant is tested in")
    monkeypatch.syspath_prepend(MUTATION)
    names = ("faults", "table")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import faults
    import table

    yield faults, table
    for name in names:
        sys.modules.pop(name, None)


def test_every_row_has_a_mutant_and_one_of_its_tests_has_found_it(mutation):
    """Where it has not: python tests/mutation/run.py --operator protection."""
    faults, table = mutation
    assert set(faults.PROTECTIONS) == set(ROWS) and all(faults.PROTECTIONS.values())
    known = {mutant.key: mutant for mutant in table.read()}
    made = faults.protections()
    assert len({mutant.key for mutant in made}) == len(made)
    for mutant in made:
        row = ROWS[mutant.operator.removeprefix(faults.PROTECTION)]
        found = known[mutant.key]
        assert found.state == "killed", (row.name, mutant.after, found.state)
        assert found.reason.partition("[")[0] in row.tests, (row.name, found.reason)
        assert faults.tests_of_row(row.name) == row.tests
