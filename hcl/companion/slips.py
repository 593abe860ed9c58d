"""Slips of the paper's text, P1 to P16 of the Fidelity page, each with a number computed by the library."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd
import torch
from torch import Tensor

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion.published import TABLE_1, TABLE_1_THEORY
from hcl.geometry import class_means, simplex_etf, unit_norm
from hcl.hardening import Exponential
from hcl.losses import contrastive_loss, simclr_loss
from hcl.psi import Triplet
from hcl.training.data import NUM_CLASSES

_C = NUM_CLASSES["cifar100"]


@dataclass(frozen=True)
class Slip:
    """What the paper prints and what it should.

    Attributes:
        place: in the paper.
        printed: there, in brief.
        correct: what it should say.
        check: what was computed, in words.
        number: the result.
    """

    place: str
    printed: str
    correct: str
    check: str
    number: str


def slips() -> pd.DataFrame:
    """Return the slips P1 to P16, one row each with the attributes of `Slip`; every number is computed here."""
    return pd.DataFrame({name: asdict(slip()) for name, slip in SLIPS.items()}).T.rename_axis("slip")


def neural_collapse(num_classes: int, per_class: int) -> tuple[Tensor, Tensor]:
    """Return representations at Neural-Collapse (Definition 6) in d = C - 1, with their labels."""
    labels = torch.arange(num_classes).repeat_interleave(per_class)
    return simplex_etf(num_classes, num_classes - 1)[labels], labels


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


def _collision() -> Slip:
    labels = torch.arange(_C)
    share = float((labels[:, None] == labels).double().mean())
    return Slip(
        "Sec. 4.4, below Theorem 3",
        "a negative is of the anchor's class with probability 1/C²",
        "1/C: both labels are uniform and independent",
        f"share of equal labels among all C² pairs, C = {_C}; beside it 1/C²",
        f"{share:.4f}, not {1 / _C**2:.4f}",
    )


def _batch_weights() -> Slip:
    z, labels = neural_collapse(4, 2)
    batches = [(0, 1, 2, 3), (4, 5, 6, 7)]
    sizes = torch.tensor([len(batch) for batch in batches], dtype=torch.float64)
    losses = batched_loss(z, labels, batches)
    printed, meant = 1 / sizes, sizes / len(labels)
    return Slip(
        "Sec. 4.3, definition of the batched loss and (26)-(28)",
        "batches weigh 1/n_b",
        "n_b/n: Jensen's inequality in (27) needs weights that sum to 1",
        "8 points of 4 classes in two batches of 4: sums of 1/n_b and of n_b/n; the loss of Neural-Collapse with the "
        "first, which is below the bound (29), and the bound",
        f"{printed.sum():.1f} and {meant.sum():.1f}; {printed @ losses:.5f} below {scl_lower_bound(4):.5f}",
    )


def _fixed_batches() -> Slip:
    nc, labels = neural_collapse(4, 2)
    e = torch.eye(3, dtype=torch.float64)[0]
    merged = torch.stack([e, -e, e, -e])[labels]
    fixed, every = [(0, 1, 2, 3), (4, 5, 6, 7)], list(itertools.combinations(range(8), 4))
    below, at = (float(batched_loss(z, labels, fixed).mean()) for z in (merged, nc))
    above, least = (float(batched_loss(z, labels, every).mean()) for z in (merged, nc))
    weights = pair_weights(labels, 4)
    weights = weights[weights > 0]
    return Slip(
        "Sec. 4.3, (28)-(29)",
        "Neural-Collapse minimises the batched loss for any fixed partition into batches",
        "it does for the mean over uniformly random batches, as reshuffling gives",
        "C = 4, fixed batches of classes {1, 2} and {3, 4}: loss with 1, 3 sent to e and 2, 4 to -e, and at "
        "Neural-Collapse; the same two over all batches of 4 of the 8 points; number of (anchor, negative) pairs and "
        "their smallest and largest weight over these batches",
        f"{below:.5f} below {at:.5f}; {above:.5f} above {least:.5f}; {len(weights)} pairs, "
        f"1/{1 / weights.min():.0f} to 1/{1 / weights.max():.0f}",
    )


def _independence() -> Slip:
    classes, per_class = 3, 4
    labels = torch.arange(classes).repeat_interleave(per_class)
    z = simplex_etf(len(labels), len(labels) - 1)
    dependent = float(contrastive_loss(z, None, supervised=False, k=None, z_pos=z))
    independent = float(contrastive_loss(z, labels, supervised=False, k=None))
    return Slip(
        "Sec. 4.4, proof of and text below Theorem 3",
        "x and x⁺ independent given the class is condition (d)",
        "it is (e); (d) is r = λ",
        "C = 3 classes of 4 points on an ETF of 12: UCL loss where x⁺ = x, for which (a) to (d) hold and (e) does "
        "not; the bound of Theorem 3; the loss of the same representation under (e); all for k → ∞",
        f"{dependent:.4f} below {ucl_lower_bound(classes, None):.4f}; {independent:.4f}",
    )


def _definition() -> Slip:
    rank = int(torch.linalg.matrix_rank(simplex_etf(_C, _C - 1)))
    return Slip(
        "Sec. 5, choice of d",
        "d = C - 1 to observe Neural-Collapse (Definition 5)",
        "Definition 6; Definition 5 is the ETF",
        f"the citation was read; rank of an ETF of C = {_C} vertices, which needs d = C - 1",
        str(rank),
    )


def _equation() -> Slip:
    z, labels = neural_collapse(_C, 1)
    values = [float(simclr_loss(z, z, labels, weight=weight)) for weight in (2 * 512 - 2, 512 - 2, 1)]
    return Slip(
        "Sec. B.5, caption of Fig. 12",
        "SimCLR loss (Eq. 44)",
        "(42), the last numbered equation",
        f"the citation was read; value of (42) at Neural-Collapse for C = {_C} and Q = 1022, 510 and 1 (D13)",
        ", ".join(f"{value:.4f}" for value in values),
    )


def _normaliser(beta: float = 10.0) -> Slip:
    t = simplex_etf(_C, _C - 1) @ simplex_etf(_C, _C - 1).T
    weight = Exponential(beta).log_weight(t).exp()
    other = ~torch.eye(_C, dtype=torch.bool)
    collision = float(weight[~other].sum() / weight.sum())
    mass = float(weight[other].mean() / weight.mean())
    return Slip(
        "Sec. 4.1, below (10)",
        "γ(x, y, f), of HSCL, is defined in (6)",
        "above Definition 3, without a number; (6) is γ(x, f), of HUCL, which counts negatives of the anchor's class",
        f"at Neural-Collapse, C = {_C}, β = {beta:g}: share of same-class negatives under HUCL, against 0 under HSCL; "
        "total probability of (5) if it were divided by the γ of (6)",
        f"{collision:.4f}; {mass:.4f}",
    )


def _triplet() -> Slip:
    psi = Triplet(margin=1.5)
    bounds = scl_lower_bound(_C, 1, psi), ucl_lower_bound(_C, 1, psi)
    z, labels = neural_collapse(_C, 2)
    attained = [float(contrastive_loss(z, labels, supervised=s, k=None, psi=psi)) for s in (True, False)]
    return Slip(
        "Sec. 3, notation",
        "k > 1",
        "k ≥ 1: the triplet loss, named in Sec. 3.1, has k = 1",
        f"bounds of Theorems 2 and 3 at k = 1 for InfoNCE, C = {_C}; for the triplet loss with margin {psi.margin:g}, "
        "and what an ETF has there",
        f"{scl_lower_bound(_C, 1):.4f}, {ucl_lower_bound(_C, 1):.4f}; {bounds[0]:.4f}, {bounds[1]:.4f}; "
        f"{attained[0]:.4f}, {attained[1]:.4f}",
    )


def _hardware() -> Slip:
    sold = {"A100": (40, 80), "V100": (16, 32)}  # GB, NVIDIA's data sheets: nothing to compute
    return Slip(
        "Sec. 5",
        "NVIDIA A100 32 GB",
        "not known: an A100 of 40 GB or a V100 of 32 GB (D25)",
        "not computable here: GB with which the two were sold",
        "; ".join(f"{name}: {' or '.join(map(str, memory))}" for name, memory in sold.items()),
    )


def _images() -> Slip:
    train, validation, test = (NUM_CLASSES["tinyimagenet"] * each for each in (500, 50, 50))
    total = train + validation + test
    return Slip(
        "Sec. B.1",
        "Tiny-ImageNet: 120000 images, against 50000 in CIFAR",
        "100000 against 50000: training images in both (D23)",
        "classes × images of a class: all splits of Tiny-ImageNet; its training split",
        f"{total:,}; {train:,}",
    )


def _same_minimum() -> Slip:
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
    return Slip(
        "Sec. 5.2, text on Table 1",
        "SCL and HSCL have the same least loss for all β > 0",
        "no slip: right as it stands, Theorem 2 (vi); of UCL and HUCL it is not said, and not so (Sec. 4.4)",
        f"own loss at Neural-Collapse, k → ∞, C = {_C}, β = 0, 2, 5, 10, 30: largest distance of HSCL from its bound "
        f"{bound:.4f}; the five values of HUCL",
        f"{farthest:.0e}; " + ", ".join(f"{value:.4f}" for value in own[1]),
    )


def _no_example() -> Slip:
    d = _C - 1
    inner = torch.linspace(-1 / d, 1, 201, dtype=torch.float64)  # below -1/(C-1) no unit vectors have it
    gram = torch.eye(_C, dtype=torch.float64) * (1 - inner[:, None, None]) + inner[:, None, None]
    ranks = torch.linalg.matrix_rank(gram, rtol=1e-9, hermitian=True)
    fit = [index for index, rank in enumerate(ranks.tolist()) if rank <= d]
    norms = [float(gram[index].sum().clamp_min(0).sqrt()) for index in fit]
    return Slip(
        "Sec. 5.3, below Definition 7",
        "for d = C - 1, class means of full rank, equal inner products and unit norm may still not sum to zero",
        "for d = C - 1 there are none: the rank leaves the inner product r = -1/(C-1), an ETF, which sums to zero by "
        "Theorem 2 (i), or r = 1, a single point. Other full-rank means show what the example is to show",
        f"C = {_C}: of 201 values of r from -1/(C-1) to 1, how many have unit vectors in C - 1 dimensions; their r, "
        "ranks and norms of the sum; rank at r = 0",
        f"{len(fit)}: r = " + " and ".join(f"{float(inner[index]):.4f}" for index in fit) + ", rank "
        + " and ".join(str(int(ranks[index])) for index in fit) + ", sum "
        + " and ".join(f"{norm:.4f}" for norm in norms)
        + f"; {int(torch.linalg.matrix_rank(torch.eye(_C)))}",
    )  # fmt: skip


def _negatives_anchor() -> Slip:
    z, labels = neural_collapse(_C, 2)
    negative = labels[:, None] != labels
    distance = torch.cdist(z, z)[negative]
    return Slip(
        "Sec. 4.2, Theorem 2 (iv)",
        "f(x) = f(x_i⁻) = μ_j with probability 1 given y_i⁻ = j",
        "f(x_i⁻) = μ_j, as Theorem 3 (iv) has it: x is of another class, and its f is elsewhere",
        f"at Neural-Collapse, C = {_C}: share of (anchor, negative) pairs of SCL with f(x) = f(x⁻); their distance",
        f"{float((distance < 1e-6).double().mean()):.0f}; {float(distance.mean()):.4f}",
    )


def _features_and_means() -> Slip:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(_C).repeat_interleave(500)
    noise = torch.randn(len(labels), _C - 1, generator=generator, dtype=torch.float64) / (_C - 1) ** 0.5
    z = torch.nn.functional.normalize(simplex_etf(_C, _C - 1)[labels] + noise)
    means = class_means(z, labels, _C)
    return Slip(
        "Sec. B.5, last sentence",
        "the unit-norm metric shows that representations lie within the ball rather than on its surface",
        "it shows that of the class means: items of a class on the sphere, but not at one point, have a mean within",
        f"{len(labels):,} items on the unit sphere around an ETF of C = {_C}: largest distance of a norm from 1; "
        "unit-norm metric of the class means",
        f"{float((z.norm(dim=1) - 1).abs().max()):.0e}; {float(unit_norm(means)):.4f}",
    )


def _batch_32() -> Slip:
    rows = [(b, (b - 1) / _C, (1 - 1 / _C) ** (b - 1)) for b in (64, 32)]
    return Slip(
        "Sec. 5.6",
        "with batches of 32, NC is no longer observed",
        "it is with HSCL, β = 30, as Sec. B.3 says; not in HUCL",
        f"not computable, two sentences against each other; what batches of 64 and 32 leave an anchor, C = {_C}: other "
        "items of its class, and share of anchors without any (D5)",
        "; ".join(f"B = {b}: {others:.2f}, {none:.0%}" for b, others, none in rows),
    )


def _invariably() -> Slip:
    printed = list(TABLE_1.values())
    worse = sum(later > earlier for earlier, later in itertools.pairwise(printed))
    return Slip(
        "Sec. 5.2, below Table 1",
        "in the supervised settings increased hardness invariably leads to improved results",
        "not by the losses of Table 1, which rise from β = 0 to 2 and from 5 to 30; hardened ones, though, that do not "
        "measure how far Neural-Collapse is (D44)",
        f"Table 1 less its bound {TABLE_1_THEORY:.4f}, β = 0, 2, 5, 10, 30; steps to more hardness at which it rises",
        ", ".join(f"{value - TABLE_1_THEORY:.4f}" for value in printed) + f"; {worse} of {len(printed) - 1}",
    )


SLIPS: Mapping[str, Callable[[], Slip]] = {
    "P1": _collision,
    "P2": _batch_weights,
    "P3": _fixed_batches,
    "P4": _independence,
    "P5": _definition,
    "P6": _equation,
    "P7": _normaliser,
    "P8": _triplet,
    "P9": _hardware,
    "P10": _images,
    "P11": _same_minimum,
    "P12": _no_example,
    "P13": _negatives_anchor,
    "P14": _features_and_means,
    "P15": _batch_32,
    "P16": _invariably,
}
