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
