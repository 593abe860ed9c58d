"""Tables of what minimises the losses, each number computed from kept points, beside what theory says of it."""

from collections.abc import Sequence
from math import e, factorial

import pandas as pd
import torch

from hcl import hucl
from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion.minimisers import Answer, answers
from hcl.explore import Problem
from hcl.geometry import simplex_etf
from hcl.psi import InfoNCE
from hcl.shapes import Shape


def etf_loss(problem: Problem) -> float:
    """Return the loss of a problem at the ETF, in as many dimensions as that takes."""
    c = problem.num_classes
    return float(problem.loss(simplex_etf(c, c - 1)[problem.labels]))


def best_shrunken_etf(num_classes: int, beta: float, k: int | None) -> tuple[float, float]:
    """Return the least HUCL loss of an ETF shrunk to some radius, and that radius.

    Args:
        num_classes: C.
        beta: hardness.
        k: number of negatives; None is the limit, for which `hcl.hucl` has a closed form.
    """
    from scipy.optimize import minimize_scalar

    share = torch.tensor([1 / num_classes, 1 - 1 / num_classes], dtype=torch.float64).log()

    def loss(square: float) -> float:
        t = torch.tensor([square, -square / (num_classes - 1)], dtype=torch.float64)
        log_p = (share + beta * t).log_softmax(-1)
        psi = InfoNCE()
        return float(psi.expectation(t - square, log_p) if k is None else psi.mean_of_draws(t - square, log_p, k))

    found = minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    inside, edge = float(found.fun), loss(1.0)
    return (edge, 1.0) if edge <= inside else (inside, float(found.x) ** 0.5)


def hucl_table() -> pd.DataFrame:
    """Return the least HUCL losses found, k -> infinity, beside the ETF's and the bound of `hcl.hucl`."""
    rows = [
        {
            "C": a.problem.num_classes, "β": a.beta, "ETF": etf_loss(a.problem), "lowest found": a.loss,
            "below the ETF": etf_loss(a.problem) - a.loss,
            "above the bound": a.loss - hucl.hucl_lower_bound(a.problem.num_classes, a.beta),
            "radius": a.shape.radius, "off a shrunken ETF": a.shape.from_shrunken_etf, **_search(a),
        }
        for a in answers("hucl")
    ]  # fmt: skip
    return _indexed(rows, ["C", "β"])


def finite_table() -> pd.DataFrame:
    """Return the same for finite k, beside the best of all shrunken ETFs at that k."""
    rows = []
    for a in answers("finite"):
        c, k = a.problem.num_classes, a.problem.k
        best, radius = best_shrunken_etf(c, a.beta, k)
        rows.append(
            {
                "C": c, "β": a.beta, "k": str(k), "ETF": etf_loss(a.problem), "lowest found": a.loss,
                "below the ETF": etf_loss(a.problem) - a.loss, "above the best shrunken ETF": a.loss - best,
                "radius": a.shape.radius, "its radius": radius, "off a shrunken ETF": a.shape.from_shrunken_etf,
                **_search(a),
            }
        )  # fmt: skip
    return _indexed(rows, ["C", "β", "k"])


def sphere_table() -> pd.DataFrame:
    """Return the least HUCL losses found on the unit sphere, in C - 1 dimensions and in C."""
    rows = [
        {
            "C": a.problem.num_classes, "β": a.beta, "d": a.problem.dim, "lowest found": a.loss,
            "above the bound": a.loss - hucl.hucl_lower_bound(a.problem.num_classes, a.beta),
            "norm of the mean": a.shape.centre, "inner products": written(a.shape), **_search(a),
        }
        for a in answers("sphere")
    ]  # fmt: skip
    return _indexed(rows, ["C", "d", "β"])


def polynomial_table() -> pd.DataFrame:
    """Return the least HUCL losses found with polynomial hardening, in C - 1 dimensions and in C."""
    rows = [
        {
            "C": a.problem.num_classes, "d": a.problem.dim, "ε": a.beta, "ETF": etf_loss(a.problem),
            "lowest found": a.loss, "below the ETF": etf_loss(a.problem) - a.loss,
            "above the bound": a.loss - hucl.polynomial_lower_bound(a.problem.num_classes, a.beta),
            "shape": body(a.shape, a.problem.dim), "least norm": a.shape.norms[-1][0],
            "norm of the mean": a.shape.centre, "inner products": written(a.shape),
            "off a shrunken ETF": a.shape.from_shrunken_etf, **_search(a),
        }
        for a in answers("polynomial")
    ]  # fmt: skip
    return _indexed(rows, ["C", "d", "ε"])


def few_table() -> pd.DataFrame:
    """Return the minimisers in fewer than C - 1 dimensions, with how far their loss is above that of an ETF."""
    rows = []
    for a in answers("few"):
        least = (scl_lower_bound if a.problem.supervised else ucl_lower_bound)(a.problem.num_classes, None)
        if a.beta:
            least = hucl.hucl_lower_bound(a.problem.num_classes, a.beta)
        rows.append(
            {
                "C": a.problem.num_classes, "d": a.problem.dim, "loss": a.method, "lowest found": a.loss,
                "above d = C − 1": a.loss - least, "shape": body(a.shape, a.problem.dim), "norm": a.shape.norms[-1][0],
                "inner products": written(a.shape), **_search(a),
            }
        )  # fmt: skip
    return _indexed(rows, ["loss", "C", "d"])


def weights_table() -> pd.DataFrame:
    """Return the minimisers for three classes of which one is more frequent, by how much."""
    rows = []
    for a in answers("weights"):
        frequent, rare, other = a.z.unflatten(0, (3, -1)).mean(1)
        rows.append(
            {
                "loss": a.method, "ratio": a.problem.class_weights[0], "lowest found": a.loss,
                "rare with rare": float(rare @ other), "frequent with rare": float(frequent @ rare),
                "norm, frequent": float(frequent.norm()), "norm, rare": float(rare.norm()),
                "clusters": a.shape.clusters, "within class": a.shape.within_class, **_search(a),
            }
        )  # fmt: skip
    return _indexed(rows, ["loss", "ratio"])


def merging_ratio(supervised: bool) -> float:
    """Return from which weight of the third on two rare classes at one point, opposite to it, gain nothing by parting.

    Three classes in the plane, InfoNCE, k -> infinity. At angles +-theta from that point the loss changes by a multiple
    of theta^2: negatives of the other rare class get farther away, those of the frequent one nearer.

    Args:
        supervised: SCL, or UCL.
    """
    from scipy.optimize import brentq

    def gain(r: float) -> float:
        rare, frequent = (e * (r + 2) + r / e, 2 * e + 2 / e) if supervised else (
            e * (r + 4) + r / e, 2 * e * (r + 1) + 2 / e
        )  # fmt: skip
        return 2 * (r / (2 * e) - 2 * e) / rare + r / e / frequent

    return float(brentq(gain, 1, 100))


def positives_table() -> pd.DataFrame:
    """Return the minimisers for three classes by the share of positives that are their own anchors."""
    rows = [
        {
            "loss": a.method, "items": a.problem.per_class, "d": a.problem.dim, "share": a.problem.own_positives,
            "above the bound": a.loss - (scl_lower_bound if a.problem.supervised else ucl_lower_bound)(3, None),
            "within class": a.shape.within_class, "radius of the means": a.shape.radius,
            "means off an ETF of it": a.shape.from_shrunken_etf, **_search(a),
        }
        for a in answers("positives")
    ]  # fmt: skip
    return _indexed(rows, ["loss", "items", "d", "share"])


def etf_of_all_items() -> tuple[float, float]:
    """Return how far the points where all positives are their anchors are from an ETF of all items, and their loss."""
    ucl = [a for a in answers("positives") if not a.problem.supervised]
    (a,) = (a for a in ucl if a.problem.own_positives == 1 and a.problem.dim == 5)
    gram, etf = a.z @ a.z.mT, simplex_etf(len(a.z), len(a.z) - 1)
    return float((gram - etf @ etf.mT).abs().max()), a.loss - ucl_lower_bound(len(a.z), None)


def written(shape: Shape) -> str:
    """Return the distinct inner products in a few words, with the numbers of pairs where there are several."""
    if len(shape.inner_products) > 4:
        return f"{len(shape.inner_products)} different"
    several = len(shape.inner_products) > 1
    return ", ".join(f"{t + 0.0:.3f}{f' ({n})' if several else ''}" for t, n in _rounded(shape.inner_products))


def body(shape: Shape, dim: int) -> str:
    """Return what a shape is called, by what is characteristic of it; by its symmetry where it has no name."""
    count = sum(number for _, number in shape.norms)
    products = [round(t / shape.norms[0][0] ** 2, 3) for t, _ in shape.inner_products]
    if shape.clusters < count:
        return f"{shape.clusters} points: classes merge"
    if len(shape.norms) == len(products) == 1:  # a regular simplex
        radius = shape.norms[0][0]
        if shape.from_shrunken_etf > 1e-3:
            return "regular simplex off the centre"
        return "ETF" if radius > 0.9999 else f"ETF of radius {radius:.4f}"
    if len(shape.norms) == 1 and products == [-1, 0]:
        return {2: "square", 3: "octahedron"}.get(dim, f"cross-polytope of {dim} axes")
    if dim == 2 and shape.symmetry == 2 * count:
        return {5: "regular pentagon", 6: "regular hexagon", 7: "regular heptagon"}.get(count, f"regular {count}-gon")
    named = {(5, 12): "triangular bipyramid", (8, 16): "square antiprism", (12, 120): "icosahedron"}
    return named.get((count, shape.symmetry), "no regular body")


def full_symmetry(num_classes: int) -> int:
    """Return the number of symmetries of an ETF, C!."""
    return factorial(num_classes)


def _rounded(products: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    return [(round(t, 3), n) for t, n in products]


def _search(a: Answer) -> dict[str, object]:
    return {
        "symmetry": a.shape.symmetry, "gradient": a.gradient,
        "stationary": f"{a.converged} of {a.restarts}", "same loss": f"{a.reached} of {a.restarts}",
    }  # fmt: skip


def _indexed(rows: list[dict[str, object]], index: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows).set_index(index)
