"""The losses of Sec. 3 as exact expectations over a finite population, any number of representations at a time.

`hcl.losses` estimates them from a batch. Here nothing is estimated: the joint distribution of anchor and positive is
given. The k negatives are enumerated where that is affordable, for some ten items and three negatives; beyond that an
integral over one variable takes their place, to some 1e-12 (`hcl.psi.InfoNCE.mean_of_draws`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from hcl.hardening import Hardening
from hcl.psi import InfoNCE, OfDraws, Psi

Eta = Callable[[Tensor], Tensor]

_ENUMERATED = 20_000  # tuples of negatives at most


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


def independent(labels: Tensor, class_weights: Sequence[float] = ()) -> Population:
    """Return items whose positive is any item of the class: condition (e) of Theorem 3 holds.

    Args:
        labels: (n,) int64 class of each item.
        class_weights: lambda_y up to a factor, one for each class; none for items that are all equally likely. The
            items of a class share its probability evenly.

    Raises:
        ValueError: for weights that are not positive, or not one a class.
    """
    same = (labels[:, None] == labels).double()
    return Population(labels, same / same.sum(1, keepdim=True) * _items(labels, class_weights)[:, None])


def identical(labels: Tensor, class_weights: Sequence[float] = ()) -> Population:
    """Return items that are their own positives, as far from condition (e) as can be; see `independent`."""
    return Population(labels, _items(labels, class_weights).diag())


def mixed(labels: Tensor, share: float, class_weights: Sequence[float] = ()) -> Population:
    """Return items that are their own positives with probability ``share``, else have `independent` ones."""
    own, any_other = (of(labels, class_weights).pairs for of in (identical, independent))
    return Population(labels, share * own + (1 - share) * any_other)


def _items(labels: Tensor, class_weights: Sequence[float]) -> Tensor:
    """Return the probability of each item: (n,)."""
    counts = labels.bincount().double()
    weights = torch.tensor(class_weights, dtype=torch.float64) if len(class_weights) else counts
    if weights.shape != counts.shape or not bool((weights > 0).all()):
        raise ValueError(f"class_weights must be {len(counts)} positive numbers, one a class, got {class_weights}.")
    return (weights / counts / weights.sum())[labels]


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
    collisions: float | None = None,
) -> Tensor:
    """Return the SCL, HSCL, UCL or HUCL loss (Definitions 1, 3 and 4), an expectation without any sampling.

    Args:
        z: (..., n, d) representations of the items, any number of them at a time.
        population: the items.
        supervised: negatives of other classes (eq. 3) if True, of the whole population (eq. 4) if False.
        k: number of negatives; None is the limit k -> infinity. All n^k tuples are enumerated where these are few;
            where they are not, an integral takes their place, which asks for a psi that has one (`OfDraws`) and for
            hardening that is separable.
        psi: contrastive loss function; None is `InfoNCE`.
        eta: hardening function (..., k) -> (...) of all k arguments, separable or not; for finite ``k``.
        hardening: a separable one, by a factor of it; for any ``k``.
        collisions: probability that an unsupervised negative is of the anchor's class, before hardening, in place of
            that class's own: in a batch it is larger (D4, D43).

    Returns:
        The loss of each representation: (...).

    Raises:
        ValueError: if ``k < 1``, or too large for what is asked; if ``eta`` is given with ``k=None`` or with
            ``hardening``; if ``collisions`` is no probability or given with ``supervised``; or if gamma, the
            normaliser of Definitions 3 and 4, is not in (0, infinity) for some anchor.
    """
    if k is not None and k < 1:
        raise ValueError(f"k must be >= 1, or None for the limit, got {k}.")
    if eta is not None and (k is None or hardening is not None):
        raise ValueError("eta needs a finite k and excludes hardening: pass k, or a separable hardening alone.")
    psi = InfoNCE() if psi is None else psi
    p = _negatives(population, supervised, collisions)
    s = z @ z.mT
    i, j = population.pairs.nonzero(as_tuple=True)
    if k is None or (eta is None and len(p) ** k > _ENUMERATED):
        log_p = p.log().expand_as(s)
        if hardening is not None:
            log_p = log_p + hardening.log_weight(s)
            _check_gamma(log_p.logsumexp(-1).exp())
            log_p = log_p.log_softmax(-1)
        v, log_p = s[..., i, :] - s[..., i, j, None], log_p[..., i, :]
        values = psi.expectation(v, log_p) if k is None else _of_draws(psi).mean_of_draws(v, log_p, k)
        return values @ population.pairs[i, j]
    if len(p) ** k > 100 * _ENUMERATED:
        raise ValueError(f"{len(p)}^{k} tuples of negatives are too many: pass a smaller k, or separable hardening.")
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


def _negatives(population: Population, supervised: bool, collisions: float | None) -> Tensor:
    """Return the law of a negative of each anchor, before hardening: (anchor, negative)."""
    same = population.labels[:, None] == population.labels
    if collisions is not None and (supervised or not 0 <= collisions < 1):
        raise ValueError(f"collisions must be in [0, 1), of unsupervised negatives, got {collisions!r}.")
    own, others = (torch.where(these, population.items, 0) for these in (same, ~same))
    share = 0.0 if supervised else collisions
    if share is None:
        return own + others
    if not bool((~same).any(1).all()):
        raise ValueError("A supervised population needs two classes: there is no negative for some anchor.")
    return share * own / own.sum(1, keepdim=True) + (1 - share) * others / others.sum(1, keepdim=True)


def _of_draws(psi: Psi) -> OfDraws:
    if not isinstance(psi, OfDraws):
        raise ValueError(f"{psi} has no form for so many negatives: pass a smaller k, None for the limit, or InfoNCE.")
    return psi


def _check_gamma(gamma: Tensor) -> None:
    if not bool(((gamma > 0) & (gamma < inf)).all()):
        raise ValueError("gamma is not in (0, infinity) for some anchor: its negatives all weigh 0 (Definition 3).")
