"""Where paper and official code differ, D1 to D48, and the slips of the paper's text, P1 to P17: one source."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import pandas as pd

Kind = Literal["D", "P"]


@dataclass(frozen=True)
class Point:
    """A point at which the paper, its official code and this library say something.

    Attributes:
        number: that docstrings, pages and tests cite, such as ``"D33"`` or ``"P3"``; it never changes.
        topic: what it is about.
        place: in the paper: section, equation, table or line of Algorithm 1.
        paper: what it says there.
        ours: what is done here (D), or what the paper should say (P).
        code: what the official code does; empty for P.
    """

    number: str
    topic: str
    place: str
    paper: str
    ours: str
    code: str = ""

    @property
    def kind(self) -> Kind:
        """``"D"`` for a difference, ``"P"`` for a slip."""
        return "D" if self.number.startswith("D") else "P"


def _read() -> dict[str, Point]:
    with (Path(__file__).parent / "points.toml").open("rb") as file:
        return {number: Point(number, **texts) for number, texts in tomllib.load(file).items()}


POINTS: Mapping[str, Point] = _read()


def of_kind(kind: Kind) -> dict[str, Point]:
    """Return the differences, ``"D"``, or the slips, ``"P"``, in the order of their numbers."""
    return {number: point for number, point in POINTS.items() if point.kind == kind}


def table(kind: Kind, measured: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the points of a kind, one row each.

    Args:
        kind: ``"D"`` for the differences, ``"P"`` for the slips.
        measured: by number, what was measured or computed; shown in a column of that name where given.

    Returns:
        The attributes of `Point` as columns, without ``code`` for the slips; the index is the number.
    """
    columns = [field.name for field in fields(Point) if field.name != "code" or kind == "D"]
    rows = [[getattr(point, name) for name in columns] for point in of_kind(kind).values()]
    frame = pd.DataFrame(rows, columns=columns).set_index("number")
    return frame if measured is None else frame.assign(measured=[measured.get(str(n), "") for n in frame.index])
