"""What surrounds Theorems 1 to 3, as numbers: properties, condition (e), corollaries, remarks and Appendix A.

Every function is deterministic, in float64, and returns a table; "above the bound" is a difference, negative where
something goes below it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from hcl.bounds import scl_lower_bound
from hcl.companion.representations import class_labels
from hcl.companion.theorems import bound
from hcl.exact import Population, augmented, exact_loss, identical, independent, mixed
from hcl.geometry import class_means, simplex_etf
from hcl.minimise import fold, minimise, nc_metrics
from hcl.models import unit_sphere


def corollary_1(k: int = 3, levels: int = 4, trials: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return by how much tilting raises the mean of a function: Corollary 1 and the Harris inequality, exactly.

    Functions g and eta of k variables are random tables on a grid, non-decreasing along every axis; the variables are
    independent with a random law. The second row is what independence is for: of two variables exactly one is 1, g is
    the first and eta the second, and the mean falls.

    Args:
        k: number of variables.
        levels: values of each.
        trials: random triples of g, eta and the law.
        seed: of these.
    """
    generator = torch.Generator().manual_seed(seed)

    def monotone() -> Tensor:
        step, flat = torch.rand(2, *[levels] * k, generator=generator, dtype=torch.float64)
        table = step * (flat < 0.1)
        for axis in range(k):
            table = table.cumsum(axis)
        return table

    rises = []
    for _ in range(trials):
        p = torch.rand(levels, generator=generator, dtype=torch.float64)
        joint = torch.cartesian_prod(*[p / p.sum()] * k).view([levels] * k + [-1]).prod(-1)
        g, eta = monotone(), monotone() + 0.01
        rises.append(float((joint * g * eta).sum() / (joint * eta).sum() - (joint * g).sum()))
    one, other, half = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]), 0.5
    falls = float((half * one * other).sum() / (half * other).sum() - (half * one).sum())
    rows = {"independent variables": (min(rises), max(rises), trials), "dependent variables": (falls, falls, 1)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["smallest rise", "largest rise", "trials"])


def properties(num_classes: int = 4, starts: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return properties (i) to (v) of Theorems 2 and 3 at the least loss that descent finds for SCL and for UCL.

    The last row shows what disjoint supports are for: where one item belongs to two classes the bound is not reached.
    """
    labels = class_labels(num_classes, 2)
    d = num_classes - 1
    shared = torch.arange(len(labels)) - (torch.arange(len(labels)) >= 2).long()  # items 1 and 2 are one
    table = {}
    for supervised, method in ((True, "SCL"), (False, "UCL")):
        least = bound(supervised, num_classes, None)
        loss = partial(exact_loss, population=independent(labels), supervised=supervised)
        z = minimise(loss, len(labels), d, starts=starts, seed=seed).best

        def loss_of_shared(points: Tensor, loss: Callable[[Tensor], Tensor] = loss) -> Tensor:
            return loss(points[..., shared, :])

        overlap = minimise(loss_of_shared, len(labels) - 1, d, starts=starts, seed=seed)
        means = class_means(z, labels, num_classes)
        metrics = nc_metrics(z[None], labels)
        table[method] = {
            "loss above the bound": float(loss(z)) - least,
            "(13) mean over pairs of |μ_j · μ_l + 1/(C-1)|": metrics["equal_inner_product"],
            "(i) norm of the sum of the class means": metrics["zero_sum"],
            "(ii) mean distance of their norms from 1": metrics["unit_norm"],
            "(iii) rank of the class means, C - 1 = " + str(d): int(torch.linalg.matrix_rank(means, rtol=1e-4)),
            "(iv) mean distance of an item from its class mean": metrics["within_class"],
            "(v) least distance between items of two classes": float(
                torch.cdist(z, z)[labels[:, None] != labels].min()
            ),
            "(v) violated, one item in two classes: loss above the bound": float(overlap.losses.min()) - least,
        }
    return pd.DataFrame(table).rename_axis("property")


def dependence(
    shares: Sequence[float] = (0, 0.25, 0.5, 0.75, 1), num_classes: int = 3, starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return the least losses found as more and more items are their own positives: condition (e) of Theorem 3.

    Args:
        shares: probabilities that the positive is the anchor; otherwise it is any item of the class.
        num_classes: C, of two items each.
        starts: of each descent.
        seed: of these.

    Returns:
        One row a share: how far the least SCL and UCL losses found (k -> infinity) are above their bounds, in C - 1
        dimensions and, for UCL, also in one less than the number of items; and what UCL has at an ETF of all items.
    """
    labels = class_labels(num_classes, 2)
    spread = simplex_etf(len(labels), len(labels) - 1)
    rows = []
    for share in shares:
        population = mixed(labels, share)

        def above(supervised: bool, d: int, population: Population = population) -> float:
            loss = partial(exact_loss, population=population, supervised=supervised)
            found = minimise(loss, len(labels), d, starts=starts, seed=seed)
            return float(found.losses.min()) - bound(supervised, num_classes, None)

        rows.append(
            {
                "share": f"{share:g}",
                "SCL, d = C - 1": above(True, num_classes - 1),
                "UCL, d = C - 1": above(False, num_classes - 1),
                "UCL, d = items - 1": above(False, len(labels) - 1),
                "UCL, ETF of all items": float(exact_loss(spread, population, supervised=False))
                - bound(False, num_classes, None),
            }
        )
    return pd.DataFrame(rows).set_index("share")


def mean_norm_at_most_one(points: Tensor) -> Tensor:
    """Return representations, two items a class, whose class means have a mean squared norm of 1 at most (Remark 2)."""
    means = points.unflatten(-2, (-1, 2)).mean(-2)
    return points / means.square().sum(-1).mean(-1).sqrt().clamp_min(1)[..., None, None]


def remark_2_counterexample(num_classes: int = 4, radius: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return class means at an ETF, two items a class at mu_y ± r u_y, the u_y orthonormal and orthogonal to all means.

    Where items are their own positives the SCL loss is log(1 + exp(-C/(C-1) - r^2)), below (11) for every r > 0, though
    the mean squared norm of the class means is 1.

    Returns:
        (2 C, 2 C - 1) representations and (2 C,) labels.
    """
    labels = class_labels(num_classes, 2)
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(num_classes)
    offset = radius * sign[:, None] * torch.eye(num_classes, dtype=torch.float64)[labels]
    return torch.cat([simplex_etf(num_classes, num_classes - 1)[labels], offset], 1), labels


def remarks(num_classes: int = 4, starts: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return what Remarks 1 and 2 come to: least losses found above the bounds under other constraints.

    Remark 1 is the unit sphere. Remark 2 asks no more than that the squared norms of the class means are at most 1 on
    average; its last row is `remark_2_counterexample`.
    """
    labels = class_labels(num_classes, 2)
    rows = []
    cases: tuple[tuple[str, Callable[[Tensor], Tensor], Callable[[Tensor], Population], bool], ...] = (
        ("unit ball", fold, independent, True),
        ("Remark 1: unit sphere", unit_sphere, independent, True),
        ("Remark 1: unit sphere", unit_sphere, independent, False),
        ("Remark 2: mean norm", mean_norm_at_most_one, independent, True),
        ("Remark 2: mean norm", mean_norm_at_most_one, identical, True),
    )
    for name, normalise, kind, supervised in cases:
        loss = partial(exact_loss, population=kind(labels), supervised=supervised)
        found = minimise(loss, len(labels), num_classes - 1, starts=starts, seed=seed, normalise=normalise, steps=200)
        above = float(found.losses.min()) - bound(supervised, num_classes, None)
        positives = "independent" if kind is independent else "their anchors"
        rows.append([name, "SCL" if supervised else "UCL", positives, above])
    z, labels = remark_2_counterexample(num_classes)
    below = float(exact_loss(z, identical(labels), supervised=True)) - scl_lower_bound(num_classes)
    rows.append(["Remark 2: ETF means, items off them", "SCL", "their anchors", below])
    columns = ["constraint", "method", "positives", "lowest, above"]
    return pd.DataFrame(rows, columns=columns).set_index(["constraint", "method", "positives"])


@dataclass(frozen=True)
class Augmentation:
    """What Appendix A says of views of a common reference, and what follows for the bounds.

    Attributes:
        marginals_apart: largest difference between the laws of an anchor, of a positive, and of a random view of a
            random reference, given the class: 0 says that condition (c) holds.
        dependence: largest difference between the joint law of a pair given the class and the product of its marginals.
        scl_above: least SCL loss found above the bound of Theorem 2, k -> infinity.
        ucl_above: the same of UCL and Theorem 3, which does not apply.
    """

    marginals_apart: float
    dependence: float
    scl_above: float
    ucl_above: float


def appendix_a(
    num_classes: int = 3, references: int = 2, views: int = 2, starts: int = 20, seed: int = 0
) -> Augmentation:
    """Return the check of Appendix A on random augmentations.

    Each class has equally likely references. A reference has views of its own and one that it shares with all others of
    the class, each of a random probability. A pair is two independent views of one reference.

    Args:
        num_classes: C.
        references: of each class.
        views: of its own of each reference.
        starts: of the descents.
        seed: of augmentations and starts.
    """
    generator = torch.Generator().manual_seed(seed)
    each = references * views + 1
    labels = class_labels(num_classes, each)
    augment = torch.zeros(num_classes * references, len(labels), dtype=torch.float64)
    for row in range(len(augment)):
        first = row // references * each
        own = [first + row % references * views + view for view in range(views)] + [first + each - 1]
        law = torch.rand(len(own), generator=generator, dtype=torch.float64)
        augment[row, own] = law / law.sum()
    population = augmented(labels, augment)
    view = augment.mean(0)  # a random view of a random reference
    apart = max(float((population.pairs.sum(axis) - view).abs().max()) for axis in (0, 1)) * num_classes
    product = num_classes * view[:, None] * view * (labels[:, None] == labels)
    gap = float((population.pairs - product).abs().max()) * num_classes
    least = []
    for supervised in (True, False):
        loss = partial(exact_loss, population=population, supervised=supervised)
        found = minimise(loss, len(labels), len(labels) - 1, starts=starts, seed=seed)
        least.append(float(found.losses.min()) - bound(supervised, num_classes, None))
    return Augmentation(apart, gap, *least)
