"""The table of mutants: read, written, and applied to a module's text."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("table.csv")


@dataclass
class Mutant:
    """One fault: lines of a module, and what stands in their place."""

    module: str
    line: int
    operator: str
    before: str
    after: str
    state: str = ""  # killed, timeout, survived, equivalent, gone; empty until it is run
    reason: str = ""  # the test that failed, or why it is equivalent
    seconds: str = ""  # of processor time

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same mutant after lines have moved."""
        return self.module, self.before, self.after

    def applied(self, source: str) -> str | None:
        """Return the module's text with the fault, at the line nearest to where it was; None if it is not there."""
        lines, before = source.split("\n"), self.before.split("\n")
        places = [at for at in range(len(lines)) if lines[at : at + len(before)] == before]
        if not places:
            return None
        at = min(places, key=lambda place: abs(place + 1 - self.line))
        after = self.after.split("\n") if self.after else []
        return "\n".join([*lines[:at], *after, *lines[at + len(before) :]])


def changed_lines(source: str, mutated: str) -> tuple[int, str, str]:
    """Return the first changed line, and the lines before and after the change."""
    a, b = source.split("\n"), mutated.split("\n")
    first = next(i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1])
    last = 0
    while last < min(len(a), len(b)) - first and a[-1 - last] == b[-1 - last]:
        last += 1
    return first + 1, "\n".join(a[first : len(a) - last]), "\n".join(b[first : len(b) - last])


def invented(changes: list[tuple[str, str, str]], operator: str) -> list[Mutant]:
    """Return the mutants that people invented, each of which must be in its module exactly once."""
    made = []
    for module, old, new in changes:
        source = (ROOT / module).read_text(encoding="utf-8")
        assert source.count(old) == 1, (module, old, source.count(old))
        line, before, after = changed_lines(source, source.replace(old, new))
        made.append(Mutant(module, line, operator, before, after))
    return made


def read() -> list[Mutant]:
    """Return the mutants of the table."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="", encoding="utf-8") as file:
        return [Mutant(**row | {"line": int(row["line"])}) for row in csv.DictReader(file)]


def write(mutants: list[Mutant]) -> None:
    """Write the table, whole or not at all."""
    part = TABLE.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Mutant)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(mutant) for mutant in mutants)
    part.replace(TABLE)
