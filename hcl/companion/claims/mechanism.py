"""Statements of this project on why hard negatives part merged classes: what is computed without a network."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hcl.companion import mechanism as tables
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.verdicts import Part, holds, judge

# Fixed before the steps were counted: a linear law is left at a tenth of the distance, where what it neglects, of the
# square of that, is a hundredth; a rate that is wrong by more than a tenth is seen.
TOLERANCE = 0.1
EQUAL = 0.05  # of two numbers of steps that are called the same: rates, and 1 for the rounding of a step, of 60 to 70
_QUARTER = (3.6, 4.4)  # times the error at twice the tilt, four to first order
TILTS = (0.02, 0.1)  # small ones
# Of a rate with a spread, where only the tilt is followed: what is neglected grows with the variance, to a fifth.
NEGLECTED = 0.2

Table = Any  # a data frame, of whose values the stubs of pandas know too little


def tilt(table: Table) -> list[Part]:
    """Return whether the error of the first order grows fourfold as a small tilt doubles."""
    low, high = _QUARTER
    return [
        holds(
            "error of m + tΣz at twice the tilt",
            f"{row['error at twice the tilt']:.2f} times as large (t = {at:g})",
            low < row["error at twice the tilt"] < high,
        )
        for at, row in table.iterrows()
        if at in TILTS
    ]


def escape(table: Table) -> list[Part]:
    """Return whether the counted steps are the predicted ones, for each state at every hardness."""
    parts = []
    for (c, points), rows in table.groupby(level=["C", "points"]):
        off = float((rows["counted steps"] / rows["predicted steps"] - 1).abs().max())
        first, last = rows.iloc[0], rows.iloc[-1]
        text = (
            f"{tables.called(c, points)}: {first['counted steps']:.0f} for SCL (predicted "
            f"{first['predicted steps']:.0f}), {last['counted steps']:.0f} at β = {rows.index[-1][2]:g} (predicted "
            f"{last['predicted steps']:.0f}), at most {off:.0%} off"
        )
        parts.append(holds("steps", text, off < TOLERANCE))
    return parts


def _gain(rows: Table) -> float:
    steps = rows["counted steps"]
    return float(steps.iloc[0] / steps.iloc[-1])


def more_classes(table: Table) -> list[Part]:
    """Return whether hardness shortens the way out of pairs the more, the more classes there are."""
    gains = {
        c: _gain(rows) for (c, points), rows in table.groupby(level=["C", "points"]) if c == 2 * points
    }  # fmt: skip
    return [
        holds(
            "steps of SCL to those at the largest β",
            f"{many} classes in pairs: {gains[many]:.3g} times, {few} classes: {gains[few]:.3g} times",
            gains[many] > gains[few] * (1 + TOLERANCE),
        )
        for few, many in pairwise(sorted(gains))
    ]


def one_point(table: Table) -> list[Part]:
    """Return whether hardness changes nothing where all classes are one point, and something where they are not."""
    parts = []
    for (_, points), rows in table.groupby(level=["C", "points"]):
        if points == 1:
            gain = _gain(rows)
            parts.append(holds("steps of SCL to those at the largest β", f"{gain:.2f} times", abs(gain - 1) < EQUAL))
    return parts


def slowed(table: Table) -> list[Part]:
    """Return whether a spread slows the parting as predicted, at the paper's hardnesses from 5 on."""
    parts = []
    for beta, rows in table.groupby(level="β"):
        if beta < 5:
            continue
        small = rows[rows.index.get_level_values("variance") <= 0.05]
        off = float((small["rate"] / small["predicted"] - 1).abs().max())
        falls = bool((rows["rate"].diff().dropna() < 0).all())
        text = f"β = {beta:g}: {rows['rate'].iloc[0]:.2f} to {rows['rate'].iloc[-1]:.2f}, at most {off:.0%} off"
        parts.append(holds("rate without a spread, and with a variance of .1", text, falls and off < NEGLECTED))
    return parts


def moderate(table: Table) -> list[Part]:
    """Return whether the largest hardness is the fastest without a spread, and a moderate one with it."""
    parts = []
    for variance, wanted in ((0.0, False), (0.05, True), (0.1, True)):
        rates = table.xs(variance, level="variance")["rate"]
        fastest, largest = float(rates.idxmax()), float(rates.index.max())
        inside = fastest not in (float(rates.index.min()), largest)
        numbers = ", ".join(f"{rate:.2f} at {beta:g}" for beta, rate in rates.items())
        text = f"variance {variance:g}: {numbers}"
        parts.append(holds("rate by β", text, inside if wanted else fastest == largest))
    return parts


def _of(compute: Callable[[], Table], *parts: Callable[[Table], list[Part]]) -> Check:
    return lambda _: judge([part for of in parts for part in of(compute())])


def _claim(name: str, statement: str, where: str, check: Check) -> Claim:
    return Claim(f"mechanism-{name}", "mechanism", statement, where, "not asked", check, on="computed")


_WHY = "Sec. 5.2, where hard negatives help and it is not said why"

MECHANISM: tuple[Claim, ...] = (
    _claim(
        "tilt", "Negatives tilted towards an anchor have their mean moved by tΣz, to first order in the tilt t.", _WHY,
        _of(tables.tilt_table, tilt),
    ),
    _claim(
        "escape", "A merged state of classes is left in the number of steps that its linearised loss predicts, to a "
        "tenth, with and without hard negatives.", _WHY, _of(tables.escape_table, escape),
    ),
    _claim(
        "classes", "Hard negatives shorten the way out of merged pairs of classes, the more the more classes there "
        "are.", "Sec. B.1, Dimensional-Collapse far less pronounced on 10 classes",
        _of(tables.escape_table, more_classes),
    ),
    _claim(
        "point", "Where all classes are merged at one point, hard negatives make no difference to how it is left.",
        _WHY, _of(tables.escape_table, one_point),
    ),
    _claim(
        "slowed", "A spread within classes slows their parting by a factor of 1 + (β + 1) times its variance.", _WHY,
        _of(tables.spread_table, slowed),
    ),
    _claim(
        "moderate", "Without a spread within classes the hardest negatives part merged classes fastest; with one, "
        "moderate hardness does.", "Sec. 5.2, moderate hardness is best", _of(tables.spread_table, moderate),
    ),
)  # fmt: skip
