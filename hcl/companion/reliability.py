"""The page on reliability: what can go wrong with runs and records, what happens then, and the test that proves it."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = "reliability"
KILLS = "kills.json"  # in benchmarks/results: what `python tests/kills.py --kills 200` found
_INTRODUCTION = """\
# Reliability

Training takes hours, on machines that stop without asking. This page says what can go wrong with a run or its record,
what happens then, and which test of the project proves it. Each of these tests has been seen to fail: for every row the
protection was taken out of the library, and one of the row's tests found that.

`make test` and `make test-slow` run the tests. `python tests/mutation/run.py --operator protection --again killed`
takes the protections out again, one at a time.
"""


@dataclass(frozen=True)
class Row:
    """A fault, what happens, and the tests that prove it.

    Attributes:
        name: by which mutants name it.
        fault: what goes wrong.
        happens: what happens then, for a reader who does not know the code.
        tests: as ``"test_faults.py::test_x"``.
        part: heading, where a new one begins.
    """

    name: str
    fault: str
    happens: str
    tests: tuple[str, ...]
    part: str = ""


def _read() -> dict[str, Row]:
    with (Path(__file__).parent / "reliability.toml").open("rb") as file:
        return {name: Row(name, **{**row, "tests": tuple(row["tests"])}) for name, row in tomllib.load(file).items()}


ROWS: Mapping[str, Row] = _read()


def page(kills: Mapping[str, Any] | None = None) -> str:
    """Return the page as Markdown, a row for each fault.

    Args:
        kills: what was found by many kills, of `tests/kills.py`; None where there is no such file.
    """
    lines = [_INTRODUCTION]
    for row in ROWS.values():
        if row.part:
            lines += ["", f"## {row.part}", "", "| what goes wrong | what happens | proved by |", "|---|---|---|"]
        tests = "<br>".join(f"{test.partition('::')[2][5:].replace('_', ' ')} (`{_file(test)}`)" for test in row.tests)
        lines.append(f"| {row.fault} | {row.happens} | {tests} |")
    if kills is not None:
        lines += ["", "## Many kills", "", _of_kills(kills)]
    return "\n".join([*lines, ""])


def write(root: Path) -> Path:
    """Write the page into the folder of the generated pages of a project; return its path.

    Args:
        root: of the project.
    """
    path, measured = root / "book" / "pages" / f"{PAGE}.md", root / "benchmarks" / "results" / KILLS
    path.parent.mkdir(parents=True, exist_ok=True)
    kills = json.loads(measured.read_text(encoding="utf-8")) if measured.exists() else None
    path.write_text(page(kills), encoding="utf-8")
    return path


def _file(test: str) -> str:
    return test.partition("::")[0]


def _of_kills(found: Mapping[str, Any]) -> str:
    return (
        f"`python tests/kills.py --kills {found['kills']}` killed a small campaign of three runs that many times: "
        f"{found['kills'] - found['at_a_write']} times at a random moment, {found['at_a_write']} times just before a "
        "random file was written, moved or removed. After each kill all that was there was whole. "
        f"{found['with_a_state']} times there was a state to go on from. The campaigns that came to their end, "
        f"{found['campaigns']} with {found['runs']} runs, left records that are to the bit those of a campaign left "
        f"alone; {found['sealed_afterwards']} of these records had been finished but not yet put into the list of "
        "hashes when the kill came, which `hcl runs seal` does."
    )
