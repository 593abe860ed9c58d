"""What is computed of the slips in Sections 3 and 4 and in Definition 7: P1 to P4, P7, P8, P11 to P13 and P17."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion.corollaries import remark_2_counterexample
from hcl.companion.representations import FIXED_BATCHES, class_labels, merged_pairs, neural_collapse
from hcl.exact import exact_loss, identical, independent
from hcl.geometry import class_means, simplex_etf
from hcl.hardening import Exponential
from hcl.losses import contrastive_loss
from hcl.psi import Triplet
from hcl.training.catalogue import CATALOGUE

Found = tuple[str, str]  # what was computed, in words, and the result

_C = CATALOGUE["cifar100"].num_classes


def batched_loss(z: Tensor, labels: Tensor, batches: Sequence[Sequence[int]]) -> Tensor:
    """Return the exact SCL loss of each batch of a data set (Sec. 4.3): (batches,)."""
    parts = [torch.tensor(batch) for batch in batches]
    return torch.stack([contrastive_loss(z[part], labels[part], supervised=True, k=None) for part in parts])


def pair_weights(labels: Tensor, batch_size: int) -> Tensor:
    """Return the weight of each (anchor, negative) pair in the SCL loss, a mean over all batches of a size: (n, n).

    Anchors of a batch weigh the same, and so do the items of other classes in it (P3).
    """
    batches = list(itertools.combinations(range(len(labels)), batch_size))
    total = torch.zeros(len(labels), len(labels), dtype=torch.float64)
    for batch in batches:
        part = torch.tensor(batch)
        other = (labels[part][:, None] != labels[part]).double()
        total[part[:, None], part] += other / other.sum(1, keepdim=True).clamp_min(1) / batch_size
    return total / len(batches)


def _collision() -> Found:
    labels = torch.arange(_C)
    share = float((labels[:, None] == labels).double().mean())
    return (
        f"share of equal labels among all C² pairs, C = {_C}; beside it 1/C²",
        f"{share:.4f}, not {1 / _C**2:.4f}",
    )


def _batch_weights() -> Found:
    z, labels = neural_collapse(4, 2)
    sizes = torch.tensor([len(batch) for batch in FIXED_BATCHES], dtype=torch.float64)
    losses = batched_loss(z, labels, FIXED_BATCHES)
    printed, meant = 1 / sizes, sizes / len(labels)
    return (
        "8 points of 4 classes in two batches of 4: sums of 1/n_b and of n_b/n; the loss of Neural-Collapse with the "
        "first, which is below the bound (29), and the bound",
        f"{printed.sum():.1f} and {meant.sum():.1f}; {printed @ losses:.5f} below {scl_lower_bound(4):.5f}",
    )


def _fixed_batches() -> Found:
    nc, labels = neural_collapse(4, 2)
    merged, _ = merged_pairs()
    every = list(itertools.combinations(range(8), 4))
    below, at = (float(batched_loss(z, labels, FIXED_BATCHES).mean()) for z in (merged, nc))
    above, least = (float(batched_loss(z, labels, every).mean()) for z in (merged, nc))
    weights = pair_weights(labels, 4)
    weights = weights[weights > 0]
    return (
        "C = 4, fixed batches of classes {1, 2} and {3, 4}: loss with 1, 3 sent to e and 2, 4 to -e, and at "
        "Neural-Collapse; the same two over all batches of 4 of the 8 points; number of (anchor, negative) pairs and "
        "their smallest and largest weight over these batches",
        f"{below:.5f} below {at:.5f}; {above:.5f} above {least:.5f}; {len(weights)} pairs, "
        f"1/{1 / weights.min():.0f} to 1/{1 / weights.max():.0f}",
    )


def _independence() -> Found:
    classes, per_class = 3, 4
    labels = class_labels(classes, per_class)
    z = simplex_etf(len(labels), len(labels) - 1)
    dependent = float(contrastive_loss(z, None, supervised=False, k=None, z_pos=z))
    free = float(contrastive_loss(z, labels, supervised=False, k=None))
    return (
        "C = 3 classes of 4 points on an ETF of 12: UCL loss where x⁺ = x, for which (a) to (d) hold and (e) does "
        "not; the bound of Theorem 3; the loss of the same representation under (e); all for k → ∞",
        f"{dependent:.4f} below {ucl_lower_bound(classes, None):.4f}; {free:.4f}",
    )


def _normaliser(beta: float = 10.0) -> Found:
    t = simplex_etf(_C, _C - 1) @ simplex_etf(_C, _C - 1).T
    weight = Exponential(beta).log_weight(t).exp()
    other = ~torch.eye(_C, dtype=torch.bool)
    collision = float(weight[~other].sum() / weight.sum())
    mass = float(weight[other].mean() / weight.mean())
    return (
        f"at Neural-Collapse, C = {_C}, β = {beta:g}: share of same-class negatives under HUCL, against 0 under HSCL; "
        "total probability of (5) if it were divided by the γ of (6)",
        f"{collision:.4f}; {mass:.4f}",
    )


def _triplet() -> Found:
    psi = Triplet(margin=1.5)
    bounds = scl_lower_bound(_C, 1, psi), ucl_lower_bound(_C, 1, psi)
    z, labels = neural_collapse(_C, 2)
    attained = [float(contrastive_loss(z, labels, supervised=s, k=None, psi=psi)) for s in (True, False)]
    return (
        f"bounds of Theorems 2 and 3 at k = 1 for InfoNCE, C = {_C}; for the triplet loss with margin {psi.margin:g}, "
        "and what an ETF has there",
        f"{scl_lower_bound(_C, 1):.4f}, {ucl_lower_bound(_C, 1):.4f}; {bounds[0]:.4f}, {bounds[1]:.4f}; "
        f"{attained[0]:.4f}, {attained[1]:.4f}",
    )


def _same_minimum() -> Found:
    z, labels = neural_collapse(_C, 2)
    own = [
        [
            float(contrastive_loss(z, labels, supervised=s, k=None, hardening=Exponential(beta)))
            for beta in (0, 2, 5, 10, 30)
        ]
        for s in (True, False)
    ]
    bound = scl_lower_bound(_C)
    farthest = max(abs(value - bound) for value in own[0])
    return (
        f"own loss at Neural-Collapse, k → ∞, C = {_C}, β = 0, 2, 5, 10, 30: largest distance of HSCL from its bound "
        f"{bound:.4f}; the five values of HUCL",
        f"{farthest:.0e}; " + ", ".join(f"{value:.4f}" for value in own[1]),
    )


def _no_example() -> Found:
    d = _C - 1
    inner = torch.linspace(-1 / d, 1, 201, dtype=torch.float64)  # below -1/(C-1) no unit vectors have it
    gram = torch.eye(_C, dtype=torch.float64) * (1 - inner[:, None, None]) + inner[:, None, None]
    ranks = torch.linalg.matrix_rank(gram, rtol=1e-9, hermitian=True)
    fit = [index for index, rank in enumerate(ranks.tolist()) if rank <= d]
    norms = [float(gram[index].sum().clamp_min(0).sqrt()) for index in fit]
    return (
        f"C = {_C}: of 201 values of r from -1/(C-1) to 1, how many have unit vectors in C - 1 dimensions; their r, "
        "ranks and norms of the sum; rank at r = 0",
        f"{len(fit)}: r = " + " and ".join(f"{float(inner[index]):.4f}" for index in fit) + ", rank "
        + " and ".join(str(int(ranks[index])) for index in fit) + ", sum "
        + " and ".join(f"{norm:.4f}" for norm in norms)
        + f"; {int(torch.linalg.matrix_rank(torch.eye(_C)))}",
    )  # fmt: skip


def _negatives_anchor() -> Found:
    z, labels = neural_collapse(_C, 2)
    negative = labels[:, None] != labels
    distance = torch.cdist(z, z)[negative]
    return (
        f"at Neural-Collapse, C = {_C}: share of (anchor, negative) pairs of SCL with f(x) = f(x⁻); their distance",
        f"{float((distance < 1e-6).double().mean()):.0f}; {float(distance.mean()):.4f}",
    )


def _remark_2(num_classes: int = 4) -> Found:
    z, labels = remark_2_counterexample(num_classes)
    norm = float(class_means(z, labels, num_classes).square().sum(1).mean())
    own, free = (float(exact_loss(z, kind(labels), supervised=True)) for kind in (identical, independent))
    return (
        f"C = {num_classes}, two items of a class at a vertex of an ETF, plus and minus a unit vector orthogonal to "
        "all means: mean squared norm of the class means; loss where every item is its own positive, and the bound "
        "(11); loss where positives are independent",
        f"{norm:.4f}; {own:.4f} below {scl_lower_bound(num_classes):.4f}; {free:.4f}",
    )


THEORY: Mapping[str, Callable[[], Found]] = {
    "P1": _collision,
    "P2": _batch_weights,
    "P3": _fixed_batches,
    "P4": _independence,
    "P7": _normaliser,
    "P8": _triplet,
    "P11": _same_minimum,
    "P12": _no_example,
    "P13": _negatives_anchor,
    "P17": _remark_2,
}
