"""Claims of Awasthi, Dikkala and Kamath (2022) on the number of negatives, and what this project adds on rare classes.

What needs no run is judged by exact expectations, by representations at random and by kept points
(`hcl.companion.negatives`), whose losses and gradients are computed again.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from hcl.companion import indistinguishable
from hcl.companion import negatives_tables as tables
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.compare import compare
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.limits import Limits
from hcl.companion.verdicts import Part, Verdict, both, judge
from hcl.downstream import JENSEN_GAP
from hcl.explore import STATIONARY

Table = Any  # a data frame, of whose values the stubs of pandas know too little

_EQUAL = 1e-8  # of two losses
_SAME = 1e-4  # of two inner products
_SPREAD = 1e-3  # within a class: what is below is a point
_RISE = 1e-6  # of a downstream loss: what is below is none

_table = cache(lambda compute: compute())


def _holds(name: str, text: str, holds: bool) -> Part:
    return Part(name, text, "holds" if holds else "fails")


def _computed(compute: Callable[[], pd.DataFrame], *parts: Callable[[Table], list[Part]]) -> Check:
    return lambda _: judge([part for of in parts for part in of(_table(compute))])


def stationary(table: Table) -> list[Part]:
    """Return whether all points of a table are minima as far as gradients tell."""
    worst = float(table["gradient"].max())
    return [_holds("projected gradient", f"at most {worst:.1g} at {len(table)} minima", worst < STATIONARY)]


def _lemma(table: Table) -> list[Part]:
    return [
        _holds(
            "mean loss of a class merged at one of its items", f"{loss}, k = {k}, ρ = {rho}: less in {row['lower']} of "
            f"{row['trials']} cases", row["lower"] == row["trials"] and row["merged lower"] == row["of"],
        )
        for (loss, k, rho), row in table.iterrows()
    ]  # fmt: skip


def _lemma_of_all() -> pd.DataFrame:
    return pd.concat([_table(indistinguishable.lemma_table), indistinguishable.lemma_table(indistinguishable.OTHERS)])


def _points(table: Table) -> list[Part]:
    worst = float(table["within class"].max())
    return [_holds("distance within classes", f"at most {worst:.1g} in {len(table)} cases", worst < _SPREAD)]


def _etf(table: Table) -> list[Part]:
    parts = []
    for (c, d), rows in table.groupby(["C", "d"]):
        off, above = float(rows["off an ETF"].max()), float((rows["loss"] - rows["of the ETF"]).abs().max())
        text = f"C = {c}, d = {d}: at most {off:.0e} off, loss within {above:.0e}"
        parts.append(_holds("minimiser against the ETF", text, off < _SAME and above < _EQUAL))
    return parts


def _never_rises(table: Table) -> list[Part]:
    rises = tables.falls(table)
    proved = float(table["proved to"].max())
    return [
        _holds(
            "downstream loss from one k to the next", f"rises by at most {max(rises.max(), 0):.1g} in {len(rises)} cases",
            float(rises.max()) < _RISE,
        ),
        Part("downstream loss", f"proved to be least to {proved:.0e}", "shown"),
    ]  # fmt: skip


def _trade_off(_: object) -> Verdict:
    counts = (16, 64, 256, 512)
    table = tables.counts_table((1.0,) * 10, counts)
    late = table[table["all classes seen"] > 0.98]
    rises = bool((np.diff(table["all classes seen"]) >= 0).all() and (np.diff(table["collisions"]) > 0).all())
    text = ", ".join(
        f"k = {k}: {row['all classes seen']:.3f} and {row['collisions']:.1f}" for k, row in table.iterrows()
    )
    name = "chance that all of 10 classes are seen, and mean number of collisions"
    return judge([_holds(name, text, rises and len(late) > 1)])


def _alpha(_: object) -> Verdict:
    parts = []
    for c in (3, 10):
        table = tables.growth_table(c)
        least, eta = int(table["α"].idxmin()), c / (c - 1)
        last = float(table["factor to the next"].iloc[-1])
        falls = bool((table["factor to the next"].loc[: least - 1] < 1).all()) and least > 1
        text = f"C = {c}: least at k = {least}, in the end {last:.4f} times as large with each k, η = {eta:.4f}"
        parts.append(_holds("α(k)", text, falls and abs(last - eta) < 1e-3))
    return judge(parts)


def _bounded(_: object) -> Verdict:
    parts = []
    for name, question, ratio in (("equal classes", "balanced", 1.0), ("10 to 1", "tail", 10.0)):
        table = tables.bounds_table(question, 10, ratio)
        fits = bool((table["downstream loss"] <= table["α (loss − τ)"]).all())
        row = table.iloc[-1]
        text = f"{name}, k = {table.index[-1]}: {row['downstream loss']:.3f} against {row['α (loss − τ)']:.1e}"
        parts.append(_holds("downstream loss against its bound", text, fits))
    return judge(parts)


def _within(_: object) -> Verdict:
    table = tables.bounds_table("balanced", 10)
    inside = (table["from"] <= table["class means"]) & (table["downstream loss"] <= table["to"])
    width = table["to"] - table["from"]
    shrinks = bool((np.diff(width) < 0).all()) and float(width.iloc[-1]) < 2 * JENSEN_GAP + 0.05
    first, last = float(width.iloc[0]), float(width.iloc[-1])
    return judge(
        [
            _holds("loss within the interval", f"at {int(inside.sum())} of {len(table)} numbers k", bool(inside.all())),
            _holds("width", f"{first:.2f} at k = 1, {last:.2f} at k = {table.index[-1]}", shrinks),
        ]
    )


def _separations(table: Table) -> list[Part]:
    parts = []
    for ratio, rows in table.groupby("ratio"):
        worst = float(rows["follows"].max())
        text = f"{ratio:g} to 1: {rows['follows'].min():.2f} to {worst:.2f}"
        parts.append(_holds("rank correlation of inner product and weight of pairs", text, worst < -0.9))
    return parts


def _merging(table: Table) -> list[Part]:
    parts = []
    for ratio, rows in table.groupby("ratio"):
        together = [int(k) for (_, k), row in rows.iterrows() if row["clusters"] < 3]
        apart = [int(k) for (_, k), row in rows.iterrows() if row["clusters"] == 3]
        if together:
            said = f"one point up to k = {max(together)}" + (f", apart from k = {min(apart)}" if apart else "")
            right = not apart or max(together) < min(apart)
            parts.append(_holds("the two rare classes", f"{ratio:g} to 1: {said}", right))
    return parts


def _nearer(table: Table) -> list[Part]:
    steps = tables.falls(table, "rare with rare")
    worst = float(steps.max())
    return [_holds("inner product of the two rare classes", f"rises by at most {max(worst, 0):.1g}", worst < _SAME)]


def _parting_counts(_: object) -> Verdict:
    table = _table(tables.frequent_table)
    rows = table[table["clusters"] < 3]
    lost = float((1 - rows["accuracy"]).max()) if len(rows) else 0.0
    kept = float(table[table["clusters"] == 3]["accuracy"].min())
    return judge(
        [
            _holds("accuracy, classes apart", f"at least {kept:.3f}", kept > 1 - 1e-9),
            _holds("accuracy lost, rare classes merged", f"up to {lost:.3f}", lost > 0),
        ]
    )


# Of runs


def _called(setting: Setting) -> str:
    classes = "balanced" if setting.spec.imbalance == 1 else f"{setting.spec.imbalance:g} to 1"
    return f"{classes}, k = {setting.spec.k}"


def _of_classes(e: Evidence, balanced: bool) -> list[Setting]:
    ratios = {setting.spec.imbalance for setting in e.settings}
    wanted = tuple(ratio for ratio in ratios if (ratio == 1) == balanced)
    return sorted(e.select(imbalance=wanted), key=lambda setting: setting.spec.k or 0) if wanted else []


def with_k(settings: Sequence[Setting], measure: str, limits: Limits, slack: float, *, rises: bool) -> list[Part]:
    """Return whether a measure gets no worse from the fewest negatives to more.

    Args:
        settings: by rising k.
        measure: column of the histories.
        limits: constants.
        slack: as much worse is none.
        rises: whether more is worse.
    """
    if len(settings) < 2:
        return []
    first, parts, sign = settings[0], [], -1 if rises else 1
    for setting in settings[1:]:
        state, why = compare([(sign, setting), (-sign, first)], measure, -slack, limits)
        numbers = [f"{s.mean(measure):.3f}" if s.runs else "–" for s in (setting, first)]
        text = f"{_called(setting)}: {numbers[0]} (k = {first.spec.k}: {numbers[1]})"
        parts.append(Part(measure.replace("_", " "), text, state, why))
    return parts


def _no_worse(measure: str, balanced: bool, *, rises: bool) -> Check:
    def check(e: Evidence) -> Verdict:
        slack = e.limits.slight_accuracy
        return judge(with_k(_of_classes(e, balanced), measure, e.limits, slack, rises=rises))

    return check


def _equiangular(e: Evidence) -> Verdict:
    parts = []
    for setting in _of_classes(e, True):
        state, why = compare([(-1, setting)], "equal_inner_product_cosine", -e.limits.nearly_zero, e.limits)
        fitted, not_fitted = compare([(-1, setting)], "spread", -e.limits.within_class, e.limits)
        value = f"{setting.mean('equal_inner_product_cosine'):.3f}" if setting.runs else "–"
        at = Part("cosines of class means, mean distance from −1/(C−1)", f"{_called(setting)}: {value}", state, why)
        parts.append(both(at, Part("", "", "unsettled" if fitted == "fails" else fitted, not_fitted)))
    return judge(parts)


def cosines(means: np.ndarray) -> np.ndarray:
    """Return the cosine similarities of class means: (C, d) -> (C, C)."""
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit @ unit.T


def _rarer_nearer(e: Evidence) -> Verdict:
    parts = []
    for setting in _of_classes(e, False):
        name = "rank correlation of cosine and weight of pairs"
        if not setting.runs:
            parts.append(Part(name, f"{_called(setting)}: –", "waiting", f"still to be made: {_called(setting)}"))
            continue
        found = []
        for run in setting.runs:
            shares = run.spec.class_sizes([10**9] * run.spec.num_classes) if run.spec.num_train else None
            weights = shares or [
                run.spec.imbalance ** (-c / (run.spec.num_classes - 1)) for c in range(run.spec.num_classes)
            ]
            found.append(tables.follows(tables.as_tensor(cosines(run.arrays["means"])), weights))
        text = f"{_called(setting)}: {min(found):.2f} to {max(found):.2f}"
        parts.append(_holds(name, text, max(found) < -0.3))
    return judge(parts)


def _claim(figure: str, name: str, statement: str, where: str, published: str, check: Check, **more: Any) -> Claim:
    return Claim(f"{figure}-{name}", figure, statement, where, published, check, **{"on": "computed", **more})


_LEMMA, _BALANCED, _UNEQUAL = "Lemma 1", "balanced class distribution", "unbalanced class distributions"
_EARLIER, _SHOWN = "earlier bounds", "experiments, CIFAR-10 and CIFAR-100"

NEGATIVES: tuple[Claim, ...] = (
    _claim(
        "negatives", "lemma",
        "Merging a class at one of its items lowers the loss on average, whatever k: the optimal representation is "
        "latent-indistinguishable (logistic loss).", _LEMMA, "proved", _computed(indistinguishable.lemma_table, _lemma),
    ),
    _claim(
        "negatives", "lemma-convex", "The same by the same construction for every strictly convex loss.", _LEMMA,
        "stated", _computed(_lemma_of_all, _lemma),
    ),
    _claim(
        "negatives", "etf", "Balanced classes: for any k the optimal representation is the simplex ETF (d >= C - 1).",
        _BALANCED, "proved", _computed(tables.balanced_table, stationary, _etf),
    ),
    _claim(
        "negatives", "constant", "Balanced classes: the downstream loss of the optimal representation does not grow "
        "with k.", _BALANCED, "proved", _computed(tables.balanced_table, stationary, _never_rises),
    ),
    _claim(
        "negatives", "trade-off", "As k grows first the coverage of all classes increases, then the collisions.",
        _EARLIER, "said of earlier work", _trade_off,
    ),
    _claim(
        "negatives", "alpha", "The factor α(k, ρ) of the earlier bound first falls with k, then grows exponentially, "
        "with η = 1 + 1/(C - 1).", _EARLIER, "η^k / k", _alpha,
    ),
    _claim(
        "negatives", "bounded", "The downstream loss is at most α(k, ρ) (contrastive loss − τ(k)).", _EARLIER,
        "proved by Saunshi et al. and Ash et al.", _bounded,
    ),
    _claim(
        "negatives", "interval", "The downstream loss lies within an interval around the contrastive loss whose width "
        "falls with k to a constant.", _EARLIER, "proved by Bao et al. and Nozawa and Sato", _within,
    ),
    _claim(
        "negatives_unbalanced", "points", "Unbalanced classes: the optimal representation is latent-indistinguishable.",
        _UNEQUAL, "proved", _computed(tables.frequent_table, stationary, _points),
    ),
    _claim(
        "negatives_unbalanced", "separations",
        "Unbalanced classes: the separations of the optimal representation are determined by the class distribution "
        "(rarer classes are nearer to each other).", _UNEQUAL, "stated",
        _computed(tables.tail_table, stationary, _separations),
    ),
    *(
        _claim(
            "negatives_unbalanced", f"conjecture-{name}",
            f"Conjecture: the downstream loss of the optimal representation does not grow with k, {of}.",
            f"{_UNEQUAL}; open directions", "conjectured", _computed(compute, stationary, _never_rises),
        )
        for name, of, compute in (
            ("frequent", "one of three classes more frequent", tables.frequent_table),
            ("tail", "ten classes with weights that fall by equal factors", tables.tail_table),
            ("random", "class distributions at random", tables.random_table),
        )
    ),
    _claim(
        "negatives_images", "etf",
        "Balanced classes of real images: cosine similarities of class means are those of an ETF for every k.", _SHOWN,
        "plots of cosine similarities", _equiangular, on="settled",
    ),
    *(
        _claim(
            "negatives_images", f"{measure}-{'balanced' if balanced else 'unbalanced'}",
            f"{'Balanced' if balanced else 'Unbalanced'} classes of real images: {text} with more negatives.",
            "main conclusion", "more negatives need not be harmful", _no_worse(column, balanced, rises=rises),
            on="settled",
        )
        for balanced in (True, False)
        for measure, column, rises, text in (
            ("loss", "downstream_loss", True, "the downstream loss does not grow"),
            ("accuracy", "ncc_accuracy", False, "the downstream accuracy does not fall"),
        )
    ),
    _claim(
        "negatives_images", "unbalanced",
        "Unbalanced classes of real images: separations follow the class distribution (rarer classes are nearer).",
        _SHOWN, "stated", _rarer_nearer, on="settled",
    ),
)  # fmt: skip

OURS: tuple[Claim, ...] = (
    _claim(
        "negatives_merging", "merge",
        "Too few negatives merge rare classes, more part them: the number it takes grows with the imbalance.",
        _UNEQUAL, "not asked", _computed(tables.frequent_table, stationary, _merging),
    ),
    _claim(
        "negatives_merging", "nearer", "With every further negative rare classes are farther apart, or no nearer.",
        _UNEQUAL, "not asked", _computed(tables.frequent_table, stationary, _nearer),
    ),
    _claim(
        "negatives_merging", "accuracy", "It is few negatives that cost downstream accuracy, where they merge classes.",
        _UNEQUAL, "not asked", _parting_counts,
    ),
    _claim(
        "negatives_merging", "few", "In fewer than C - 1 dimensions too the downstream loss of the minimiser does not "
        "grow with k (balanced).", _BALANCED, "d >= C - 1 only", _computed(tables.few_table, stationary, _never_rises),
    ),
)  # fmt: skip
