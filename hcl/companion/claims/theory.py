"""Claims of Section 4 and of the text about geometry and hardening functions: computed, without any run."""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pandas as pd
import torch

from hcl import geometry
from hcl.companion import batch_bounds, corollaries, loss_class, theorems
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.verdicts import Part, holds, judge
from hcl.hardening import Exponential, Polynomial

Table = Any  # a data frame, of whose values the stubs of pandas know too little

_ROUNDING = 1e-9  # float64 sums of some thousand terms
_REACHED = 1e-6  # of a bound, by descent
_AT_ETF = 1e-4  # the largest metric of Neural-Collapse of what reached it
_APART = 1e-3  # what is no rounding

_table = cache(lambda compute: compute())  # each table once a process: they take seconds


def _of(compute: Callable[[], pd.DataFrame], *parts: Callable[[Table], Part]) -> Check:
    return lambda e: judge([part(_table(compute)) for part in parts])


def _never_below(columns: tuple[str, ...], name: str) -> Callable[[Table], Part]:
    def part(table: Table) -> Part:
        least = float(table[list(columns)].min(axis=None))
        return holds(name, f"least of {table[list(columns)].size} differences: {least:.2g}", least >= -_ROUNDING)

    return part


def _bound(table: Table) -> Part:
    random, found = table["lowest random, above"].min(), table["lowest found, above"]
    text = f"lowest random {random:.3f} above, lowest found within {found.abs().max():.1g} of it"
    return holds("lower bound", text, bool(random > 0 and found.abs().max() < _REACHED))


def _minimisers(table: Table) -> Part:
    worst = table["NC metric"].max()
    return holds("Neural-Collapse", f"largest metric of the minima found: {worst:.1g}", bool(worst < _AT_ETF))


def _same_minimum(table: Table) -> Part:
    apart = table["lowest found, above"].abs().max()
    text = f"lowest found within {apart:.1g} of SCL's, for {len(table)} hardening functions"
    return holds("least HSCL loss", text, bool(apart < _REACHED))


def _strict(table: Table) -> Part:
    worst = table.loc["InfoNCE", "largest"].max()
    return holds("minima of InfoNCE", f"equal inner product at most {worst:.1g}: all are ETFs", bool(worst < _AT_ETF))


def _triplet(table: Table) -> Part:
    rows = table[table.index.get_level_values("psi").str.startswith("triplet")]
    others = rows[(rows["above the bound"].abs() < _REACHED) & (rows["largest"] > _APART)]
    text = f"{len(others)} that are no ETF, equal inner product up to {others['largest'].max():.2f}"
    return holds("minima of the triplet loss", text, bool(len(others)))


def _fixed_batches(table: Table) -> Part:
    column = table["SCL, fixed batches"]
    nc, found = column["Neural-Collapse"], column["lowest found"]
    text = f"Neural-Collapse {nc:.5f}, two merged pairs of classes {found:.5f}"
    return holds("batched loss, batches {1, 2} and {3, 4}", text, bool(nc <= found + _ROUNDING))


def _lower_elsewhere(table: Table) -> Part:
    hard = table[[float(str(beta)) >= 1 for beta in table.index]]
    text = "; ".join(f"β = {beta}: {below:.3f} below" for beta, below in hard["below the ETF"].items())
    return holds("least HUCL loss against the ETF's", text, bool((hard["below the ETF"] > _APART).all()))


def _remark_2(positives: str) -> Callable[[Table], Part]:
    def part(table: Table) -> Part:
        rows = table[
            table.index.get_level_values("constraint").str.startswith("Remark 2")
            & (table.index.get_level_values("positives") == positives)
        ]
        least = rows["lowest, above"].min()
        words = "independent of their anchors" if positives == "independent" else "equal to their anchors"
        return holds("least loss", f"positives {words}: {least:+.3f} from the bound", bool(least >= -_REACHED))

    return part


def _no_dimensional_collapse() -> pd.DataFrame:
    ranks = {c: float(geometry.effective_rank(geometry.simplex_etf(c, c - 1))) for c in (3, 10, 100, 200)}
    return pd.DataFrame({"effective rank": ranks}).rename_axis("C")


def _full(table: Table) -> Part:
    text = "; ".join(f"C = {c}: {rank:.6g}" for c, rank in table["effective rank"].items())
    full = [abs(rank - (c - 1)) < _REACHED * c for c, rank in table["effective rank"].items()]  # type: ignore[operator]
    return holds("effective rank of an ETF", text, all(full))


def _decay() -> pd.DataFrame:
    """Return ln of both hardening functions of value 5, over that at t = 1, at an ETF of 100 classes and towards -1."""
    points = {"the negatives of an ETF, t = -1/99": -1 / 99, "t = -0.9": -0.9}
    t = torch.tensor([1.0, *points.values()], dtype=torch.float64)
    logs = {name: h.log_weight(t) for name, h in (("exponential", Exponential(5.0)), ("polynomial", Polynomial(5.0)))}
    return pd.DataFrame({name: (log[1:] - log[0]).tolist() for name, log in logs.items()}, index=list(points))


def _slower(table: Table) -> list[Part]:
    return [
        holds(
            "decay from t = 1",
            f"at {where}: to {math.exp(row['polynomial']):.2g} against {math.exp(row['exponential']):.2g}",
            bool(row["polynomial"] > row["exponential"]),
        )
        for where, row in table.iterrows()
    ]


_CASES = ((3, 2), (4, 3))
_THEOREM_1 = partial(theorems.theorem_1, trials=30)
_THEOREM_2 = partial(theorems.theorem_2, _CASES, representations=200, starts=3)
_THEOREM_3 = partial(theorems.theorem_3, _CASES, representations=200, starts=3)
_NECESSITY = partial(loss_class.necessity, starts=3)
_SAME_MINIMUM = partial(theorems.hardening_leaves_minimum, starts=2)
_HUCL = partial(theorems.hucl_minimum_below_etf, (1, 5), starts=3)
_BATCHES = partial(batch_bounds.batches, starts=3)
_REMARKS = partial(corollaries.remarks, starts=3)


def _claim(name: str, statement: str, where: str, published: str, check: Check) -> Claim:
    return Claim(f"theory-{name}", "theory", statement, where, published, check, on="computed")


THEORY: tuple[Claim, ...] = (
    _claim(
        "theorem-1", "Hard negatives never lower the loss: HSCL >= SCL and HUCL >= UCL for every representation.",
        "Theorem 1", "proved",
        _of(_THEOREM_1, _never_below(("HSCL - SCL, smallest", "HUCL - UCL, smallest"), "hardened less plain loss")),
    ),
    _claim(
        "theorem-2",
        "The SCL loss has the lower bound (11), whether or not anchors and positives are independent, and what reaches "
        "it is at Neural-Collapse.", "Theorem 2", "proved", _of(_THEOREM_2, _bound, _minimisers),
    ),
    _claim(
        "theorem-3",
        "The UCL loss has the lower bound (30) where anchors and positives are independent given the class, and what "
        "reaches it is at Neural-Collapse.", "Theorem 3", "proved", _of(_THEOREM_3, _bound, _minimisers),
    ),
    _claim(
        "necessity",
        "Strict convexity is what makes Neural-Collapse necessary: every minimum of InfoNCE is an ETF, the triplet "
        "loss has others.", "Theorem 2", "proved", _of(_NECESSITY, _strict, _triplet),
    ),
    _claim(
        "property-vi", "HSCL has the same minimum as SCL for every hardening function.", "Theorem 2 (vi)", "proved",
        _of(_SAME_MINIMUM, _same_minimum, _minimisers),
    ),
    _claim(
        "hucl", "For HUCL that is not so: elsewhere its loss is lower than at an ETF (β from 1 on, C = 4).",
        "Sec. 4.4", "said without numbers", _of(_HUCL, _lower_elsewhere),
    ),
    _claim(
        "batches", "Neural-Collapse also minimises the batched loss for a fixed partition into batches.",
        "Sec. 4.3, (28)-(29)", "claimed (P3)", _of(_BATCHES, _fixed_batches),
    ),
    _claim(
        "remark-2",
        "The bound of Theorem 2 also holds if only the mean squared norm of the class means is at most 1.", "Remark 2",
        "remarked (P17)", _of(_REMARKS, _remark_2("independent"), _remark_2("their anchors")),
    ),
    _claim(
        "no-dc", "Neural-Collapse excludes Dimensional-Collapse where d = C - 1.", "Sec. 5.3", "full rank C - 1",
        _of(_no_dimensional_collapse, _full),
    ),
    _claim(
        "decay", "Polynomial hardening decays more slowly than the exponential (both at 5).", "Sec. B.4",
        "a significantly slower rate", lambda e: judge(_slower(_table(_decay))),
    ),
)  # fmt: skip
