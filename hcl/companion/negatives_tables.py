"""Tables of what more negatives do to the minimiser, each number computed from kept points, beside what bounds say."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hcl import coverage
from hcl.bounds import ucl_lower_bound
from hcl.companion.minimisers import Answer
from hcl.companion.negatives import answers
from hcl.companion.numbers import number
from hcl.downstream import collision_floor, downstream_loss, etf_downstream_loss, growth, interval, mean_classifier_loss
from hcl.psi import LogSumExp

_TIE = 1e-6  # of two scores


def accuracy(z: Tensor, labels: Tensor, w: Tensor, items: Tensor) -> float:
    """Return the share of items that a linear classifier gets right, those with several best classes in part.

    Args:
        z: (n, d) representations.
        labels: (n,) int64.
        w: (C, d) a vector for each class.
        items: (n,) probabilities.
    """
    scores = z @ w.mT
    best = scores >= scores.amax(1, keepdim=True) - _TIE
    right = best.gather(1, labels[:, None])[:, 0].double() / best.sum(1)
    return float(right @ items)


@cache
def _measured(question: str) -> tuple[tuple[Answer, dict[str, float]], ...]:
    """Return the answers to a question, each with what all tables have of it."""
    rows = []
    for a in answers(question):
        items = a.problem.population.items
        found = downstream_loss(a.z, a.problem.labels, items)
        row = {
            "loss": a.loss, "downstream loss": found.loss, "proved to": max(found.loss - found.bound, 0.0),
            "accuracy": accuracy(a.z, a.problem.labels, found.weights, items), "clusters": a.shape.clusters,
            "within class": a.shape.within_class, "gradient": a.gradient, "same loss": a.reached,
        }  # fmt: skip
        rows.append((a, row))
    return tuple(rows)


def balanced_table() -> pd.DataFrame:
    """Return the minimisers for equally likely classes by k, beside the ETF."""
    rows = []
    for a, row in _measured("balanced"):
        c, k = a.problem.num_classes, a.problem.k
        more = {
            "of the ETF": ucl_lower_bound(c, k, LogSumExp(1.0)), "off an ETF": a.shape.from_etf,
            "its downstream loss": etf_downstream_loss(c),
        }  # fmt: skip
        rows.append({"C": c, "d": a.problem.dim, "k": k, **row, **more})
    return pd.DataFrame(rows).set_index(["C", "d", "k"])


def few_table() -> pd.DataFrame:
    """Return the same in fewer than C - 1 dimensions, where there is no ETF."""
    rows = [{"C": a.problem.num_classes, "d": a.problem.dim, "k": a.problem.k, **row} for a, row in _measured("few")]
    return pd.DataFrame(rows).set_index(["C", "d", "k"])


def frequent_table() -> pd.DataFrame:
    """Return the minimisers for three classes of which one is more frequent, by how much and by k."""
    rows = []
    for a, row in _measured("frequent"):
        frequent, rare, other = a.z.unflatten(0, (3, -1)).mean(1)
        more = {"rare with rare": float(rare @ other), "frequent with rare": float(frequent @ rare)}
        rows.append({"ratio": a.problem.class_weights[0], "k": a.problem.k, **more, **row})
    return pd.DataFrame(rows).set_index(["ratio", "k"])


def tail_table() -> pd.DataFrame:
    """Return the minimisers for ten classes whose weights fall by equal factors, by their ratio and by k."""
    rows = []
    for a, row in _measured("tail"):
        gram = a.z @ a.z.mT
        more = {
            "the two most frequent": float(gram[0, 1]), "the two rarest": float(gram[-2, -1]),
            "most frequent with rarest": float(gram[0, -1]), "follows": follows(gram, a.problem.class_weights),
        }  # fmt: skip
        rows.append({"ratio": round(1 / a.problem.class_weights[-1], 6), "k": a.problem.k, **more, **row})
    return pd.DataFrame(rows).set_index(["ratio", "k"])


def random_table() -> pd.DataFrame:
    """Return the minimisers for class distributions at random, by k; the index has their number and weights."""
    rows = [
        {
            "number": at // 4, "rho": " ".join(f"{share:.3f}" for share in coverage.shares(a.problem.class_weights)),
            "k": a.problem.k, **row, "follows": follows(a.z @ a.z.mT, a.problem.class_weights),
        }
        for at, (a, row) in enumerate(_measured("random"))
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index(["number", "rho", "k"])


def by_distribution(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each random class distribution: the downstream loss by k, and what is largest over k.

    Args:
        table: of `random_table`.
    """
    losses = table["downstream loss"].unstack("k")
    groups = table.groupby(level=["number", "rho"])
    more = {
        "accuracy": groups["accuracy"].min(), "follows": groups["follows"].max(), "gradient": groups["gradient"].max(),
    }  # fmt: skip
    wide = losses.rename(columns=lambda k: f"k = {k}").assign(**more)
    return wide.droplevel("number")


def follows(gram: Tensor, class_weights: Sequence[float]) -> float:
    """Return how the inner products of pairs of classes follow their weights: -1 where rarer pairs are always nearer.

    It is Spearman's rank correlation of the inner products with the sums of the two weights.

    Args:
        gram: (C, C) inner products of the class means, of one item a class.
        class_weights: of the classes.
    """
    from scipy.stats import spearmanr

    weights = torch.tensor(class_weights, dtype=torch.float64)
    i, j = torch.triu_indices(len(weights), len(weights), 1)
    return float(spearmanr((weights[i] + weights[j]).numpy(), gram[i, j].numpy()).statistic)


def as_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a tensor in float64."""
    return torch.from_numpy(array).double()


def falls(table: pd.DataFrame, column: str = "downstream loss") -> pd.Series:
    """Return the largest rise of a column from one k to the next, of each group of rows that differ in k only.

    Args:
        table: whose last index is k, rising within groups.
        column: of it.
    """
    groups = list(range(table.index.nlevels - 1))
    return table.groupby(level=groups)[column].apply(lambda of: float(of.diff().max()))


def bounds_table(question: str, num_classes: int, ratio: float = 1.0) -> pd.DataFrame:
    """Return the two losses of the minimisers by k, and what the two bounds make of the contrastive one.

    Args:
        question: ``"balanced"``, ``"frequent"`` or ``"tail"``.
        num_classes: C.
        ratio: of the largest weight to the least.
    """
    rows = []
    for a, row in _measured(question):
        weights = a.problem.class_weights or (1.0,) * a.problem.num_classes
        spare = question == "balanced" and a.problem.dim >= num_classes
        if a.problem.num_classes != num_classes or spare or abs(max(weights) / min(weights) - ratio) > 1e-6:
            continue
        k = a.problem.k or 0
        alpha, tau, (low, high) = growth(weights, k), collision_floor(weights, k), interval(weights, k)
        mean = mean_classifier_loss(a.z, a.problem.labels, a.problem.population.items)
        rows.append(
            {
                "k": k, "contrastive loss": a.loss, "downstream loss": row["downstream loss"], "class means": mean,
                "α": alpha, "τ": tau, "α (loss − τ)": alpha * (a.loss - tau), "from": a.loss + low, "to": a.loss + high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("k")


def written(table: pd.DataFrame) -> pd.DataFrame:
    """Return a `bounds_table` for people: what grows beyond all measure as text, to three digits."""
    large = ("α", "α (loss − τ)")
    return table.assign(**{name: [number(value, ".3g") for value in table[name]] for name in large})


def growth_table(num_classes: int, most: int = 128) -> pd.DataFrame:
    """Return alpha(k) of equally likely classes and its factor from each k to the next.

    Args:
        num_classes: C.
        most: largest k.
    """
    alphas = [growth((1.0,) * num_classes, k) for k in range(1, most + 2)]
    rows = [{"k": k, "α": a, "factor to the next": b / a} for k, (a, b) in enumerate(pairwise(alphas), 1)]
    return pd.DataFrame(rows).set_index("k")


def counts_table(class_weights: Sequence[float], counts: Sequence[int]) -> pd.DataFrame:
    """Return collisions and coverage by k, exact.

    Args:
        class_weights: rho up to a factor.
        counts: values of k.
    """
    rows = [
        {
            "k": k, "some collision": coverage.collided(class_weights, k),
            "collisions": coverage.collisions(class_weights, k), "classes seen": coverage.seen(class_weights, k),
            "all classes seen": coverage.covered(class_weights, k),
        }
        for k in counts
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("k")
