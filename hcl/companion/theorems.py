"""Theorems 1, 2 and 3 as numbers that could contradict them: exact losses of random, of built and of found f.

Every function is deterministic, in float64, and returns a table; "above the bound" is a difference that may not be
negative. Losses are those of `hcl.exact` over a few items a class.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion.report import SUPERVISION
from hcl.companion.representations import class_labels, random_representations
from hcl.exact import Eta, Population, exact_loss, identical, independent, separable
from hcl.geometry import simplex_etf
from hcl.hardening import Exponential, Hardening, Polynomial, Threshold
from hcl.losses import contrastive_loss
from hcl.minimise import fold, minimise, nc_metrics
from hcl.models import unit_sphere
from hcl.psi import HardestTriplet, InfoNCE, Psi

REACHED = 1e-9  # a minimum closer to its bound than this has reached it
HARDENINGS: Mapping[str, Hardening] = {
    "exponential, β = 2": Exponential(2), "exponential, β = 10": Exponential(10),
    "polynomial, ε = 5": Polynomial(5), "threshold, τ = 0.9": Threshold(0.9),
}  # fmt: skip
# Hardening functions of all k inner products at once (Definition 2): no product of functions of one.
JOINT: Mapping[str, Eta] = {
    "the largest: exp(10 max t)": lambda t: (10 * t.amax(-1)).exp(),
    "the smallest: exp(10 min t)": lambda t: (10 * t.amin(-1)).exp(),
    "a sum: Σ exp(5 t)": lambda t: (5 * t).exp().sum(-1),
    "a step: 10 if Σ t > 0, else 1": lambda t: 1 + 9 * (t.sum(-1) > 0).to(t.dtype),
}
EASIER: Mapping[str, Eta] = {"decreasing: exp(-5 Σ t)": lambda t: (-5 * t.sum(-1)).exp()}  # not a hardening function
CASES = ((3, 2), (4, 3), (5, 4), (4, 6))  # (C, d)


class Saturating:
    """psi_k(v) = tanh(mean v): non-decreasing and not convex, which Theorem 1 does not ask for."""

    def __call__(self, v: Tensor) -> Tensor:
        """Return it over the last dimension."""
        return v.mean(-1).tanh()

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return tanh of E v."""
        return (log_p.exp() * v).sum(-1).tanh()


MONOTONE: Mapping[str, Psi] = {
    "InfoNCE": InfoNCE(),
    "hardest triplet, margin 1": HardestTriplet(1),
    "tanh of the mean (not convex)": Saturating(),
}  # what Theorem 1 asks of psi


def bound(supervised: bool, num_classes: int, k: int | None, psi: Psi | None = None) -> float:
    """Return the bound of Theorem 2 (supervised) or 3."""
    return (scl_lower_bound if supervised else ucl_lower_bound)(num_classes, k, psi)


def theorem_1_limit(num_classes: int = 10, per_class: int = 20, trials: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return plain and hardened losses of random representations for k -> infinity, one row each.

    Returns:
        Columns supervision, hardening, plain and hardened.
    """
    labels = class_labels(num_classes, per_class)
    rows = []
    for z in random_representations(trials, labels, num_classes - 1, seed):
        for supervised in (True, False):
            plain = float(contrastive_loss(z, labels, supervised=supervised, k=None))
            for name, hardening in HARDENINGS.items():
                hard = float(contrastive_loss(z, labels, supervised=supervised, k=None, hardening=hardening))
                rows.append([SUPERVISION[0 if supervised else 1], name, plain, hard])
    return pd.DataFrame(rows, columns=["supervision", "hardening", "plain", "hardened"])


def theorem_1(
    k: int = 3, num_classes: int = 3, trials: int = 200, seed: int = 0, etas: Mapping[str, Eta] | None = None
) -> pd.DataFrame:
    """Return by how much hardening raises the loss at finite k, all n^k tuples of negatives enumerated.

    Theorem 1 asks that psi is non-decreasing in each argument and that eta is a hardening function: non-negative and
    non-decreasing in each of its k arguments (Definition 2), with gamma in (0, infinity) for every anchor (Definitions
    3, 4). Neither has to be separable, and psi need not be convex.

    Args:
        k: number of negatives.
        num_classes: C, of two items each, in C - 1 dimensions.
        trials: random representations.
        seed: of these.
        etas: functions (..., k) -> (...) by name; None is `JOINT` and a separable one.

    Returns:
        One row a psi and eta: columns psi, hardening, and for HSCL and HUCL the smallest and largest difference.
    """
    etas = {"separable: exp(5 Σ t)": separable(Exponential(5)), **JOINT} if etas is None else etas
    labels = class_labels(num_classes, 2)
    population = independent(labels)
    z = random_representations(trials, labels, num_classes - 1, seed)
    rows = []
    for psi_name, psi in MONOTONE.items():
        for eta_name, eta in etas.items():
            row: dict[str, object] = {"psi": psi_name, "hardening": eta_name}
            for supervised, method in ((True, "HSCL - SCL"), (False, "HUCL - UCL")):
                hard, plain = (
                    exact_loss(z, population, supervised=supervised, k=k, psi=psi, eta=e) for e in (eta, None)
                )
                row[f"{method}, smallest"] = float((hard - plain).min())
                row[f"{method}, largest"] = float((hard - plain).max())
            rows.append(row)
    return pd.DataFrame(rows)


def theorem_2(
    cases: Sequence[tuple[int, int]] = CASES, representations: int = 1000, starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return how far above the bound (11) SCL is, of positives that are independent of their anchors or equal to them.

    Args:
        cases: (C, d) of the populations, of two items a class.
        representations: random ones of each case.
        starts: of the descent in each.
        seed: of both.

    Returns:
        One row a case, positives and k: see `above_bound`.
    """
    kinds = {"independent": independent, "their anchors": identical}
    rows = [
        {"positives": name, **above_bound(True, kind, c, d, k, representations, starts, seed)}
        for name, kind in kinds.items()
        for c, d in cases
        for k in (2, None)
    ]
    return pd.DataFrame(rows).set_index(["positives", "C", "d", "k"])


def theorem_3(
    cases: Sequence[tuple[int, int]] = CASES, representations: int = 1000, starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return how far above the bound (30) UCL is, of positives independent of their anchors given the class.

    Args and returns as in `theorem_2`.
    """
    rows = [
        above_bound(False, independent, c, d, k, representations, starts, seed) for c, d in cases for k in (2, None)
    ]
    return pd.DataFrame(rows).set_index(["C", "d", "k"])


def above_bound(
    supervised: bool,
    kind: Callable[[Tensor], Population],
    num_classes: int,
    d: int,
    k: int | None,
    representations: int,
    starts: int,
    seed: int,
    psi: Psi | None = None,
) -> dict[str, object]:
    """Return what random and found representations have above the bound.

    ``NC metric`` is the largest of the metrics of Neural-Collapse over the minima that reached the bound.
    """
    labels = class_labels(num_classes, 2)
    loss = partial(exact_loss, population=kind(labels), supervised=supervised, k=k, psi=psi)
    least = bound(supervised, num_classes, k, psi)
    lowest = float(loss(random_representations(representations, labels, d, seed)).min())
    found = minimise(loss, len(labels), d, starts=starts, seed=seed)
    reached = found.within(least, REACHED)
    return {
        "C": num_classes,
        "d": d,
        "k": "∞" if k is None else str(k),
        "bound": least,
        "lowest random, above": lowest - least,
        "lowest found, above": float(found.losses.min()) - least,
        "starts that reach it": f"{len(reached)} of {starts}",
        "NC metric": max(nc_metrics(reached, labels).values()),
    }


def too_few_dimensions(
    cases: Sequence[tuple[int, int]] = ((4, 2), (5, 3)), starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return how far the least losses found stay above their bounds where d < C - 1: property (iii)."""
    rows = []
    for c, d in cases:
        row: dict[str, float] = {"C": c, "d": d}
        for supervised, method in ((True, "SCL"), (False, "UCL")):
            loss = partial(exact_loss, population=independent(class_labels(c, 2)), supervised=supervised)
            found = minimise(loss, 2 * c, d, starts=starts, seed=seed)
            row[f"{method}, lowest found, above"] = float(found.losses.min()) - bound(supervised, c, None)
        rows.append(row)
    return pd.DataFrame(rows).set_index(["C", "d"])


def hardening_leaves_minimum(num_classes: int = 4, starts: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return how far above the SCL bound HSCL is at an ETF and at minima found: property (vi) of Theorem 2.

    Args:
        num_classes: C >= 3 (at C = 2 an ETF has inner products -1, to which a polynomial gives no weight at all), of
            two items each, in C - 1 dimensions.
        starts: of each descent.
        seed: of these.

    Returns:
        One row a hardening function, those of `HARDENINGS` but the step that a descent cannot follow for k -> infinity,
        those of `JOINT` at k = 2: ``ETF, above``, ``lowest found, above``, ``starts that reach it``, ``NC metric``.
    """
    labels = class_labels(num_classes, 2)
    plain = partial(exact_loss, population=independent(labels), supervised=True)
    etf = simplex_etf(num_classes, num_classes - 1)[labels]
    least = bound(True, num_classes, None)  # of InfoNCE, the same for every k
    losses = {
        f"{name}, k → ∞": partial(plain, hardening=hardening)
        for name, hardening in {**HARDENINGS, "exponential, β = 30": Exponential(30)}.items()
        if not isinstance(hardening, Threshold)
    }
    losses |= {f"{name}, k = 2": partial(plain, k=2, eta=eta) for name, eta in JOINT.items()}
    rows = []
    for name, loss in losses.items():
        found = minimise(loss, len(labels), num_classes - 1, starts=starts, seed=seed)
        reached = found.within(least, REACHED)
        rows.append(
            {
                "hardening": name,
                "ETF, above": float(loss(etf)) - least,
                "lowest found, above": float(found.losses.min()) - least,
                "starts that reach it": f"{len(reached)} of {starts}",
                "NC metric": max(nc_metrics(reached, labels).values()),
            }
        )
    return pd.DataFrame(rows).set_index("hardening")


def shrunken_etf_loss(num_classes: int, beta: float) -> tuple[float, float]:
    """Return the least HUCL loss, k -> infinity, of an ETF shrunk to some radius, and that radius.

    Its inner products are r^2 within a class and -r^2/(C-1) between classes.
    """
    square = torch.linspace(0, 1, 20001, dtype=torch.float64)
    t = torch.stack([square, -square / (num_classes - 1)], -1)
    share = torch.tensor([1 / num_classes, 1 - 1 / num_classes], dtype=torch.float64)
    log_p = (share.log() + Exponential(beta).log_weight(t)).log_softmax(-1)
    losses = InfoNCE().expectation(t - square[:, None], log_p)
    return float(losses.min()), float(square[losses.argmin()].sqrt())


def hucl_minimum_below_etf(
    betas: Sequence[float] = (0, 0.5, 1, 2, 5, 10), num_classes: int = 4, starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return the HUCL loss at an ETF and the least found elsewhere, k -> infinity, by hardness.

    Args:
        betas: of exponential hardening.
        num_classes: C, of two items each, in C - 1 dimensions.
        starts: of each descent.
        seed: of these.

    Returns:
        One row a beta: ``ETF``, ``lowest found``, ``below the ETF`` (their difference), ``best shrunken ETF`` and its
        ``radius`` (`shrunken_etf_loss`), the metrics of Neural-Collapse of the lowest one found, the lowest found among
        unit vectors, and the norm of the mean of its class means (D33).
    """
    labels = class_labels(num_classes, 2)
    etf = simplex_etf(num_classes, num_classes - 1)[labels]
    rows = []
    for beta in betas:
        hardening = Exponential(beta)
        loss = partial(exact_loss, population=independent(labels), supervised=False, hardening=hardening)
        at_etf = float(loss(etf))
        found, sphere = (
            minimise(loss, len(labels), num_classes - 1, starts=starts, seed=seed, normalise=onto, steps=100)
            for onto in (fold, unit_sphere)
        )
        least = float(found.losses.min())
        shrunken, radius = shrunken_etf_loss(num_classes, beta)
        rows.append(
            {
                "β": f"{beta:g}", "ETF": at_etf, "lowest found": least, "below the ETF": at_etf - least,
                "best shrunken ETF": shrunken, "radius": radius, **nc_metrics(found.best[None], labels),
                "lowest on the sphere": float(sphere.losses.min()),
                "its zero-sum, of the mean": nc_metrics(sphere.best[None], labels)["zero_sum"] / num_classes,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("β")
