"""Statements of this project, none of the paper's: what minimises the losses where it leaves that open.

They are judged by kept points (`hcl.companion.minimisers`), whose losses, gradients and shapes are computed again.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import pandas as pd

from hcl import hucl
from hcl.companion import minimisers_tables as tables
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.verdicts import Part, holds, judge
from hcl.explore import STATIONARY

Table = Any  # a data frame, of whose values the stubs of pandas know too little

_EQUAL = 1e-8  # of two losses
_SAME = 1e-4  # of two inner products
_SPREAD = 1e-3  # within a class: what is below is a point

_table = cache(lambda compute: compute())


def _of(compute: Callable[[], pd.DataFrame], *parts: Callable[[Table], list[Part]]) -> Check:
    def check(_: object) -> Any:
        table = _table(compute)
        return judge([_stationary(table), *(part for of in parts for part in of(table))])

    return check


def _stationary(table: Table) -> Part:
    worst, count = float(table["gradient"].max()), len(table)
    return holds("projected gradient", f"at most {worst:.1g} at {count} minima", worst < STATIONARY)


def _at_bound(table: Table) -> list[Part]:
    parts = []
    for c, rows in table.groupby("C"):
        low, high = rows["above the bound"].min(), rows["above the bound"].max()
        text = f"C = {c}: {low:+.0e} to {high:+.0e}"
        parts.append(holds("lowest found less the bound", text, bool(low > -_EQUAL and high < _EQUAL)))
    return parts


def _shrunken(table: Table) -> list[Part]:
    worst = float(table["off a shrunken ETF"].max())
    full = all(row["symmetry"] == tables.full_symmetry(int(key[0])) for key, row in table.iterrows())
    return [
        holds("distance from an ETF of some radius", f"at most {worst:.1g}", worst < _SAME),
        holds("symmetry", f"all C! permutations in {'every' if full else 'not every'} case", full),
    ]


def _critical(table: Table) -> list[Part]:
    parts = []
    for c, rows in table.groupby("C"):
        edge = hucl.critical_beta(int(c))
        radii = {float(key[1]): float(row["radius"]) for key, row in rows.iterrows()}
        right = all((radius > 1 - _SAME) == (beta <= edge) for beta, radius in radii.items())
        falls = all(b < a for a, b in pairwise(r for beta, r in sorted(radii.items()) if beta > edge))
        below = [beta for beta in radii if beta <= edge]
        text = f"C = {c}: edge at β = {edge:.2f}, radius 1 at {len(below)} of {len(radii)} hardnesses"
        parts.append(holds("radius", text, right and falls))
    return parts


def _finite(table: Table) -> list[Part]:
    worst = float(table["above the best shrunken ETF"].abs().max())
    return [holds("lowest found less the best shrunken ETF", f"at most {worst:.0e}", worst < _EQUAL)]


def _sphere(table: Table) -> list[Part]:
    parts = []
    for (c, d), rows in table.groupby(["C", "d"]):
        above = rows["above the bound"]
        if d == c:
            text = f"C = {c}, d = {d}: {above.abs().max():.0e}"
            parts.append(holds("lowest found less the bound", text, bool(above.abs().max() < _EQUAL)))
        else:
            text = f"C = {c}, d = {d}: {above.min():.4f} to {above.max():.4f}"
            parts.append(holds("lowest found less the bound", text, bool(above.min() > _SAME)))
    centre = float(table["norm of the mean"].min())
    return [*parts, holds("norm of the mean of the class means", f"at least {centre:.2f}", centre > _SPREAD)]


def _polynomial(table: Table) -> list[Part]:
    parts = []
    for c, rows in table.groupby("C"):
        here = rows[rows.index.get_level_values("d") == c]
        above, norm = float(here["above the bound"].abs().max()), float(here["least norm"].min())
        full = bool((here["symmetry"] == tables.full_symmetry(int(c))).all())
        text = f"C = {c}: {above:.0e} from the bound, norms from {norm:.6f}, {'all' if full else 'not all'} symmetries"
        parts.append(holds("lowest found, d = C", text, above < _EQUAL and norm > 1 - _SAME and full))
    return parts


def _polynomial_flat(table: Table) -> list[Part]:
    parts = []
    for c, rows in table.groupby("C"):
        here = rows[rows.index.get_level_values("d") == c - 1]
        edge = hucl.critical_epsilon(int(c))
        hard = here[here.index.get_level_values("ε") > edge]
        mild = here.drop(hard.index)
        above, off = float(hard["above the bound"].min()), float(hard["off a shrunken ETF"].min())
        gains = hard["below the ETF"]
        text = f"C = {c}, beyond ε = {edge:.2f}: {above:.1g} or more above, {gains.min():.1g} or more below the ETF"
        parts.append(holds("lowest found, d = C − 1", text, above > _SAME and off > _SPREAD and gains.min() > _SAME))
        if len(mild):
            worst = float(mild["above the bound"].abs().max())
            parts.append(
                holds("lowest found, d = C − 1", f"C = {c}, up to it: the ETF, to {worst:.0e}", worst < _EQUAL)
            )
    return parts


def _half(table: Table) -> list[Part]:
    rows = table[[c == 2 * d for _, c, d in table.index]]
    return [
        holds(
            "lowest found", f"{loss}, C = {c}, d = {d}: {row['shape']}",
            row["shape"] in ("square", "octahedron") or row["shape"].startswith("cross-polytope"),
        )
        for (loss, c, d), row in rows.iterrows()
    ]  # fmt: skip


def _apart(table: Table) -> list[Part]:
    rows = table[[d > 1 and not loss.startswith("H") for loss, _, d in table.index]]
    merged = [key for key, row in rows.iterrows() if "merge" in row["shape"]]
    inside = float(rows["norm"].min())
    return [
        holds("classes", f"distinct in {len(rows) - len(merged)} of {len(rows)} cases with d > 1", not merged),
        holds("least norm of a class mean", f"{inside:.6f}", inside > 1 - _SAME),
    ]


def _merging(table: Table) -> list[Part]:
    parts = []
    for loss in ("SCL", "UCL"):
        rows = table.loc[loss]
        merged = [ratio for ratio, row in rows.iterrows() if row["clusters"] < 3]
        apart = [ratio for ratio, row in rows.iterrows() if row["clusters"] == 3]
        rises = all(b > a - _SAME for a, b in pairwise(rows["rare with rare"]))
        edge = tables.merging_ratio(loss == "SCL")
        right = bool(merged) and max(apart) < edge < min(merged)
        text = f"{loss}: apart up to {max(apart):g} to 1" + (f", merged from {min(merged):g} to 1" if merged else "")
        parts.append(holds("the two rare classes", f"{text}, edge at {edge:.2f}", right and rises))
    return parts


def _one_point(table: Table) -> list[Part]:
    worst = float(table["within class"].max())
    return [holds("distance within classes", f"at most {worst:.1g}", worst < _SPREAD)]


def _never_merging(table: Table) -> list[Part]:
    rows = table.loc["HUCL, β = 5"]
    gap = float((rows["rare with rare"] - rows["frequent with rare"]).abs().max())
    fewest = int(rows["clusters"].min())
    farther = bool((rows["norm, rare"] >= rows["norm, frequent"] - _SAME).all())
    return [
        holds("clusters", f"{fewest} of 3 up to {rows.index.max():g} to 1", fewest == 3),
        holds("inner products of two classes", f"differ by at most {gap:.1g}", gap < _SAME),
        holds("norms", "the rare classes farther out", farther),
    ]


def _spreading(table: Table) -> list[Part]:
    edge = hucl.critical_share(3)
    parts = []
    for (items, d), rows in table.loc["UCL"].groupby(["items", "d"]):
        if d < 3:
            continue
        spread = {share: float(row["within class"]) for (_, _, share), row in rows.iterrows()}
        right = all((width > _SPREAD) == (share > edge) for share, width in spread.items())
        points = max((share for share, width in spread.items() if width <= _SPREAD), default=0.0)
        text = f"{items} items, d = {d}: points up to a share of {points:g}, edge at {edge:.3f}"
        parts.append(holds("classes", text, right))
    return parts


def _means(table: Table) -> list[Part]:
    rows = table[(table["within class"] > _SPREAD) & (table.index.get_level_values("share") < 1)]
    worst, radius = float(rows["means off an ETF of it"].max()), float(rows["radius of the means"].min())
    text = f"at most {worst:.1g} off in {len(rows)} cases, radius down to {radius:.2f}"
    return [holds("class means", text, bool(len(rows)) and worst < _SAME)]


def _supervised(table: Table) -> list[Part]:
    rows = table.loc["SCL"]
    worst, spread = float(rows["above the bound"].abs().max()), float(rows["within class"].max())
    return [holds("SCL", f"{worst:.0e} from its bound, distance within classes {spread:.0e}", worst < _EQUAL)]


def _all_items(_: Table) -> list[Part]:
    apart, loss = tables.etf_of_all_items()
    return [holds("six items, d = 5", f"{apart:.0e} from an ETF of six, loss {loss:+.0e}", apart < _SAME)]


def _claim(name: str, statement: str, where: str, asked: str, check: Check) -> Claim:
    return Claim(f"minimisers-{name}", "minimisers", statement, where, asked, check, on="computed")


_OPEN, _DIMENSIONS = "Sec. 4.4 and 6, left open", "Theorem 2 (iii)"
_WEIGHTS, _NOT = "Theorems 2 and 3, whose classes are equally likely", "not asked"

BEYOND: tuple[Claim, ...] = (
    _claim(
        "bound",
        "The least HUCL loss is known: log(1 + (1 + 1/β) x) with (C - 1) x^(β + 1) + (β + 1) x = β, or that of the ETF "
        "where this is more (k to infinity).", _OPEN, "no tight bound", _of(tables.hucl_table, _at_bound),
    ),
    _claim(
        "shape", "What minimises HUCL is an ETF of some radius, with all its symmetries.", _OPEN, "not known",
        _of(tables.hucl_table, _shrunken),
    ),
    _claim(
        "critical",
        "Up to a hardness that grows with the number of classes the ETF itself minimises HUCL; beyond it the radius "
        "falls.", _OPEN, "not known", _of(tables.hucl_table, _critical),
    ),
    _claim(
        "finite", "It is an ETF of some radius with finitely many negatives too (k = 1, 16, 256).", _OPEN, "not known",
        _of(tables.finite_table, _finite, _shrunken),
    ),
    _claim(
        "sphere",
        "On the unit sphere C - 1 dimensions do not suffice for the least HUCL loss; C do, off the centre (β from 2 "
        "on).", _OPEN, "not known", _of(tables.sphere_table, _sphere),
    ),
    _claim(
        "polynomial",
        "With polynomial hardening (ε from 1 on) the least HUCL loss is known too. In C dimensions a regular simplex "
        "on the sphere has it: the ETF up to some hardness, and beyond it one off the centre.", _OPEN, "not known",
        _of(tables.polynomial_table, _polynomial),
    ),
    _claim(
        "polynomial-flat",
        "In C - 1 dimensions polynomial hardening beyond that hardness leaves no ETF of any radius as the minimum, and "
        "its loss is above the least one.", _OPEN, "not known", _of(tables.polynomial_table, _polynomial_flat),
    ),
    _claim(
        "half", "With half as many dimensions as classes the minimiser is a cross-polytope: pairs of opposite classes.",
        _DIMENSIONS, "no ETF", _of(tables.few_table, _half),
    ),
    _claim(
        "few",
        "In fewer than C - 1 dimensions, but more than one, SCL and UCL keep all classes apart and on the sphere.",
        _DIMENSIONS, "no ETF", _of(tables.few_table, _apart),
    ),
    _claim(
        "merge", "Where one of three classes is frequent enough, SCL and UCL merge the two rare ones.",
        _WEIGHTS, _NOT, _of(tables.weights_table, _merging),
    ),
    _claim(
        "unequal-points", "Classes of unequal weight are still points.", _WEIGHTS, _NOT,
        _of(tables.weights_table, _one_point),
    ),
    _claim(
        "unequal-hucl", "HUCL (β = 5) keeps rare classes apart: only the radius follows the weight.", _WEIGHTS, _NOT,
        _of(tables.weights_table, _never_merging),
    ),
    _claim(
        "share",
        "Where more positives than a certain share are their own anchors, UCL no longer collapses classes to points; "
        "up to it, it does (d >= C).", _OPEN, "not known", _of(tables.positives_table, _spreading),
    ),
    _claim(
        "means",
        "Where classes are no points, but not all positives their own anchors, class means are still an ETF, of "
        "smaller radius.", _OPEN, "not known", _of(tables.positives_table, _means),
    ),
    _claim(
        "own", "Where all positives are their own anchors, UCL ends at an ETF of all items, whatever their classes.",
        _OPEN, "not known", _of(tables.positives_table, _all_items),
    ),
    _claim(
        "scl-share", "SCL is at Neural-Collapse all the same.", "Theorem 2", "proved",
        _of(tables.positives_table, _supervised),
    ),
)  # fmt: skip
