"""What claims on the number of negatives rest on where no run is needed.

Exact expectations, representations at random and kept points (`hcl.companion.negatives`), whose losses and gradients
are computed again.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from hcl.companion import indistinguishable
from hcl.companion import negatives_tables as tables
from hcl.companion.claims.parts import Check
from hcl.companion.verdicts import Part, Verdict, holds, judge
from hcl.downstream import JENSEN_GAP
from hcl.explore import STATIONARY

Table = Any  # a data frame, of whose values the stubs of pandas know too little

_EQUAL = 1e-8  # of two losses
_SAME = 1e-4  # of two inner products
_SPREAD = 1e-3  # within a class: what is below is a point
_RISE = 1e-6  # of a downstream loss: what is below is none

table_of = cache(lambda compute: compute())


def computed(compute: Callable[[], pd.DataFrame], *parts: Callable[[Table], list[Part]]) -> Check:
    """Return the check of parts that are computed from a table."""
    return lambda _: judge([part for of in parts for part in of(table_of(compute))])


def stationary(table: Table) -> list[Part]:
    """Return whether all points of a table are minima as far as gradients tell."""
    worst = float(table["gradient"].max())
    return [holds("projected gradient", f"at most {worst:.1g} at {len(table)} minima", worst < STATIONARY)]


def lemma(table: Table) -> list[Part]:
    """Return whether merging a class lowers the loss, in every case."""
    return [
        holds(
            "mean loss of a class merged at one of its items",
            f"{loss}, k = {k}, ρ = {rho}: less in {row['lower']:.0f} of {row['trials']:.0f} cases",
            row["lower"] == row["trials"] and row["merged lower"] == row["of"],
        )
        for (loss, k, rho), row in table.iterrows()
    ]  # fmt: skip


def lemma_of_all() -> pd.DataFrame:
    """Return the cases of the logistic loss, and those of other convex losses."""
    return pd.concat([table_of(indistinguishable.lemma_table), indistinguishable.lemma_table(indistinguishable.OTHERS)])


def points(table: Table) -> list[Part]:
    """Return whether every class is a point."""
    worst = float(table["within class"].max())
    return [holds("distance within classes", f"at most {worst:.1g} in {len(table)} cases", worst < _SPREAD)]


def etf(table: Table) -> list[Part]:
    """Return whether the minimisers for equally likely classes are ETFs."""
    parts = []
    for (c, d), rows in table.groupby(["C", "d"]):
        off, above = float(rows["off an ETF"].max()), float((rows["loss"] - rows["of the ETF"]).abs().max())
        text = f"C = {c}, d = {d}: at most {off:.0e} off, loss within {above:.0e}"
        parts.append(holds("minimiser against the ETF", text, off < _SAME and above < _EQUAL))
    return parts


def never_rises(table: Table) -> list[Part]:
    """Return whether the downstream loss rises from no k to the next."""
    rises = tables.falls(table)
    proved = float(table["proved to"].max())
    return [
        holds(
            "downstream loss from one k to the next",
            f"rises by at most {max(rises.max(), 0):.1g} in {len(rises)} cases",
            float(rises.max()) < _RISE,
        ),
        Part("downstream loss", f"proved to be least to {max(proved, 0):.0e}", "shown"),
    ]  # fmt: skip


def trade_off(_: object) -> Verdict:
    """Return whether coverage is nearly complete from some k on, and collisions go on to rise."""
    counts = (16, 64, 256, 512)
    table = tables.counts_table((1.0,) * 10, counts)
    late = table[table["all classes seen"] > 0.98]
    rises = bool((np.diff(table["all classes seen"]) >= 0).all() and (np.diff(table["collisions"]) > 0).all())
    text = ", ".join(
        f"k = {k}: {row['all classes seen']:.3f} and {row['collisions']:.1f}" for k, row in table.iterrows()
    )
    name = "chance that all of 10 classes are seen, and mean number of collisions"
    return judge([holds(name, text, rises and len(late) > 1)])


def alpha(_: object) -> Verdict:
    """Return whether the factor of the bound first falls, and then grows by eta with every negative."""
    parts = []
    for c in (3, 10):
        table = tables.growth_table(c)
        least, eta = int(table["α"].to_numpy().argmin()) + 1, c / (c - 1)
        last = float(table["factor to the next"].iloc[-1])
        falls = bool((table["factor to the next"].loc[: least - 1] < 1).all()) and least > 1
        text = f"C = {c}: least at k = {least}, in the end {last:.4f} times as large with each k, η = {eta:.4f}"
        parts.append(holds("α(k)", text, falls and abs(last - eta) < 1e-3))
    return judge(parts)


def bounded(_: object) -> Verdict:
    """Return whether the minimisers keep to the bound."""
    parts = []
    for name, question, c, ratio in (("equal classes", "balanced", 10, 1.0), ("5 : 1 : 1", "frequent", 3, 5.0)):
        table = tables.bounds_table(question, c, ratio)
        fits = bool((table["downstream loss"] <= table["α (loss − τ)"]).all())
        row = table.iloc[-1]
        text = f"{name}, k = {table.index[-1]}: {row['downstream loss']:.3f} against {row['α (loss − τ)']:.1e}"
        parts.append(holds("downstream loss against its bound", text, fits))
    return judge(parts)


def within(_: object) -> Verdict:
    """Return whether they keep to the interval, and whether it narrows."""
    table = tables.bounds_table("balanced", 10)
    inside = (table["from"] <= table["class means"]) & (table["downstream loss"] <= table["to"])
    width = table["to"] - table["from"]
    shrinks = bool((np.diff(width) < 0).all()) and float(width.iloc[-1]) < 2 * JENSEN_GAP + 0.05
    first, last = float(width.iloc[0]), float(width.iloc[-1])
    return judge(
        [
            holds("loss within the interval", f"at {int(inside.sum())} of {len(table)} numbers k", bool(inside.all())),
            holds("width", f"{first:.2f} at k = 1, {last:.2f} at k = {table.index[-1]}", shrinks),
        ]
    )


def separations(table: Table) -> list[Part]:
    """Return whether pairs of classes are the nearer the rarer they are."""
    parts = []
    for ratio, rows in table.groupby("ratio"):
        worst = float(rows["follows"].max())
        text = f"{ratio:g} to 1: {rows['follows'].min():.2f} to {worst:.2f}"
        parts.append(holds("rank correlation of inner product and weight of pairs", text, worst < -0.9))
    return parts


def merging(table: Table) -> list[Part]:
    """Return whether two rare classes are one point up to some k and apart from then on."""
    parts = []
    for ratio, rows in table.groupby("ratio"):
        together = [int(k) for (_, k), row in rows.iterrows() if row["clusters"] < 3]
        apart = [int(k) for (_, k), row in rows.iterrows() if row["clusters"] == 3]
        if together:
            said = f"one point up to k = {max(together)}" + (f", apart from k = {min(apart)}" if apart else "")
            right = not apart or max(together) < min(apart)
            parts.append(holds("the two rare classes", f"{ratio:g} to 1: {said}", right))
    return parts


def nearer(table: Table) -> list[Part]:
    """Return whether two rare classes get no nearer with more negatives."""
    steps = tables.falls(table, "rare with rare")
    worst = float(steps.max())
    return [holds("inner product of the two rare classes", f"rises by at most {max(worst, 0):.1g}", worst < _SAME)]


def parting_counts(_: object) -> Verdict:
    """Return whether the accuracy is whole where classes are apart, and only there."""
    table = table_of(tables.frequent_table)
    rows = table[table["clusters"] < 3]
    lost = float((1 - rows["accuracy"]).max()) if len(rows) else 0.0
    kept = float(table[table["clusters"] == 3]["accuracy"].min())
    return judge(
        [
            holds("accuracy, classes apart", f"at least {kept:.3f}", kept > 1 - 1e-9),
            holds("accuracy lost, rare classes merged", f"up to {lost:.3f}", lost > 0),
        ]
    )
