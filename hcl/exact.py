"""The losses of Sec. 3 as exact expectations over a finite population, any number of representations at a time.

`hcl.losses` estimates them from a batch. Here nothing is estimated: the joint distribution of anchor and positive is
given, and the k negatives are enumerated. That is affordable for some ten items and three negatives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from hcl.hardening import Hardening
from hcl.psi import InfoNCE, Psi

Eta = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Population:
    """Finitely many items with classes, and how anchor and positive are drawn: p(y, x, x+) of eqs. (2) and (4).

    Negatives have the law of an anchor, condition (c) of Theorems 2 and 3.

    Attributes:
        labels: (n,) int64 class of each item.
        pairs: (n, n) probability of each (anchor, positive), of one class, summing to 1, rows as columns.

    Raises:
        ValueError: if ``pairs`` is no such distribution.
    """

    labels: Tensor
    pairs: Tensor

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.pairs.shape != (n, n) or not bool((self.pairs >= 0).all() and (self.pairs.sum() - 1).abs() < 1e-9):
            raise ValueError(
                f"pairs must be ({n}, {n}) probabilities summing to 1, got {tuple(self.pairs.shape)} "
                f"with sum {float(self.pairs.sum()):.10g}."
            )
        if bool((self.pairs.sum(0) - self.pairs.sum(1)).abs().max() > 1e-9):
            raise ValueError("pairs must have equal marginals: anchor and positive have one law (condition (c)).")
        if bool((self.pairs[self.labels[:, None] != self.labels] > 0).any()):
            raise ValueError("pairs must be 0 for items of two classes: anchor and positive share their label.")

    @property
    def items(self) -> Tensor:
        """Return the probability of each item, lambda_y s(x|y): (n,)."""
        return self.pairs.sum(1)


def independent(labels: Tensor) -> Population:
    """Return equally likely items whose positive is any item of the class: condition (e) of Theorem 3 holds."""
    same = (labels[:, None] == labels).double()
    return Population(labels, same / same.sum(1, keepdim=True) / len(labels))


def identical(labels: Tensor) -> Population:
    """Return equally likely items that are their own positives: as far from condition (e) as can be."""
    return Population(labels, torch.eye(len(labels), dtype=torch.float64) / len(labels))


def mixed(labels: Tensor, share: float) -> Population:
    """Return items that are their own positives with probability ``share``, else have `independent` ones."""
    return Population(labels, share * identical(labels).pairs + (1 - share) * independent(labels).pairs)


def augmented(labels: Tensor, augment: Tensor) -> Population:
    """Return the views of equally likely references, two independent ones making a pair: Fig. 1 and Appendix A.

    Args:
        labels: (n,) class of each view.
        augment: (references, n) probability of each view of a reference, of one class, rows summing to 1.
    """
    return Population(labels, augment.T @ augment / len(augment))


def separable(hardening: Hardening) -> Eta:
    """Return the hardening function of k arguments that is the product of one of a single argument."""
    return lambda t: hardening.log_weight(t).sum(-1).exp()


def exact_loss(
    z: Tensor,
    population: Population,
    *,
    supervised: bool,
    k: int | None = None,
    psi: Psi | None = None,
    eta: Eta | None = None,
    hardening: Hardening | None = None,
) -> Tensor:
    """Return the SCL, HSCL, UCL or HUCL loss (Definitions 1, 3 and 4), an expectation without any sampling.

    Args:
        z: (..., n, d) representations of the items, any number of them at a time.
        population: the items.
        supervised: negatives of other classes (eq. 3) if True, of the whole population (eq. 4) if False.
        k: number of negatives, all n^k tuples of which are enumerated; None is the limit k -> infinity.
        psi: contrastive loss function; None is `InfoNCE`.
        eta: hardening function (..., k) -> (...) of all k arguments, separable or not; for finite ``k``.
        hardening: a separable one, by a factor of it; for any ``k``.

    Returns:
        The loss of each representation: (...).

    Raises:
        ValueError: if ``k < 1``, if ``eta`` is given with ``k=None`` or with ``hardening``, or if gamma, the
            normaliser of Definitions 3 and 4, is not in (0, infinity) for some anchor.
    """
    if k is not None and k < 1:
        raise ValueError(f"k must be >= 1, or None for the limit, got {k}.")
    if eta is not None and (k is None or hardening is not None):
        raise ValueError("eta needs a finite k and excludes hardening: pass k, or a separable hardening alone.")
    psi = InfoNCE() if psi is None else psi
    allowed = (
        population.labels[:, None] != population.labels
        if supervised
        else torch.ones_like(population.pairs, dtype=torch.bool)
    )
    if not bool(allowed.any(1).all()):
        raise ValueError("A supervised population needs two classes: there is no negative for some anchor.")
    p = torch.where(allowed, population.items, 0)  # (anchor, negative)
    p = p / p.sum(1, keepdim=True)
    s = z @ z.mT
    i, j = population.pairs.nonzero(as_tuple=True)
    if k is None:
        log_p = p.log().expand_as(s)
        if hardening is not None:
            log_p = log_p + hardening.log_weight(s)
            _check_gamma(log_p.logsumexp(-1).exp())
            log_p = log_p.log_softmax(-1)
        values = psi.expectation(s[..., i, :] - s[..., i, j, None], log_p[..., i, :])
        return values @ population.pairs[i, j]
    if hardening is not None:
        eta = separable(hardening)
    index = torch.cartesian_prod(*[torch.arange(len(p))] * k).view(-1, k)  # (n^k, k)
    tuples = p[:, index].prod(-1)  # (anchor, n^k)
    t = s[..., index]  # (..., anchor, n^k, k)
    if eta is not None:
        weight = eta(t) * tuples
        gamma = weight.sum(-1, keepdim=True)
        _check_gamma(gamma)
        tuples = weight / gamma
    values = psi(t[..., i, :, :] - s[..., i, j, None, None])
    return (tuples[..., i, :] * values).sum(-1) @ population.pairs[i, j]


def _check_gamma(gamma: Tensor) -> None:
    if not bool(((gamma > 0) & (gamma < inf)).all()):
        raise ValueError("gamma is not in (0, infinity) for some anchor: its negatives all weigh 0 (Definition 3).")
