r"""The downstream loss of a representation, L_sup, and what two bounds know of it from the contrastive loss.

The setting is that of Awasthi, Dikkala and Kamath (2022): classes with probabilities rho, anchor and positive
independent given the class, features on the unit sphere, and the contrastive loss
:math:`\log(1 + \sum_{i=1}^k e^{v_i})`, without 1/k, which is `hcl.psi.LogSumExp` with ``alpha=1``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import e, exp, inf, log, log1p, sinh, tanh

import torch
from torch import Tensor

from hcl.coverage import batches_to_cover, shares
from hcl.descent import descend, value_and_gradient
from hcl.geometry import class_means
from hcl.models import unit_sphere

# Largest log E e^X - E X of a variable in [-1, 1]: of one with two values, where sinh(1) is its mean of e^X.
JENSEN_GAP = log(sinh(1)) + 1 / tanh(1) - 1


@dataclass(frozen=True)
class Downstream:
    """The least loss of a linear classifier with unit weights.

    Attributes:
        loss: L_sup(f), at ``weights``.
        weights: (C, d) w_c, of norm 1.
        bound: no weights of norm 1 or less have a lower loss than this: what is proved of the search.
    """

    loss: float
    weights: Tensor
    bound: float

    @property
    def certain(self) -> bool:
        """Whether the search is proved to have ended at the least loss, to 1e-6."""
        return self.loss - self.bound < 1e-6


def classifier_loss(z: Tensor, labels: Tensor, w: Tensor, items: Tensor | None = None) -> Tensor:
    r"""Return the loss of a linear classifier on representations.

    .. math:: E_{x, c} \log\Bigl(1 + \sum_{c' \ne c} e^{f(x)^\top (w_{c'} - w_c)}\Bigr)

    Args:
        z: (n, d) representations f(x).
        labels: (n,) int64 classes c.
        w: (..., C, d) a vector for each class.
        items: (n,) their probabilities; None is equal ones.

    Returns:
        The loss of each w: (...).
    """
    s = z @ w.mT  # (..., n, C)
    own = s.gather(-1, labels[:, None].expand(*s.shape[:-1], 1))[..., 0]
    values = s.logsumexp(-1) - own
    return values.mean(-1) if items is None else values @ items


def downstream_loss(
    z: Tensor, labels: Tensor, items: Tensor | None = None, *, starts: int = 4, steps: int = 1000
) -> Downstream:
    r"""Return L_sup(f), the infimum of `classifier_loss` over weights of norm 1, and a proof of how near it is.

    The loss is convex in w. So for weights in the unit ball it is at least
    :math:`L(w) - \sum_c (\|\nabla_c\| + \nabla_c^\top w_c)`, which is L(w) itself where each gradient points straight
    inwards: then no weights on the sphere, or in it, are better.

    Args:
        z: (n, d) representations.
        labels: (n,) int64 classes, each of 0 to C - 1 present.
        items: (n,) probabilities; None is equal ones.
        starts: of the search, >= 1: from the class means, and from random weights.
        steps: of each, at most.
    """
    z = z.double()
    num_classes, dim = int(labels.max()) + 1, z.shape[1]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(starts, num_classes, dim, generator=generator, dtype=torch.float64)
    x[0] = 1e-3 * x[0] + class_means(z, labels, num_classes).cpu()
    x = x.to(z.device)

    def loss(x: Tensor) -> Tensor:
        return classifier_loss(z, labels, unit_sphere(x.unflatten(1, (num_classes, dim))), items)

    ends = unit_sphere(descend(loss, x.flatten(1), steps=steps, tolerance=1e-9).unflatten(1, (num_classes, dim)))
    values, gradients = value_and_gradient(lambda w: classifier_loss(z, labels, w, items), ends)
    slack = (gradients.norm(dim=-1) + (gradients * ends).sum(-1)).sum(-1)
    best = int(values.argmin())
    return Downstream(float(values[best]), ends[best], float((values - slack).max()))


def mean_classifier_loss(z: Tensor, labels: Tensor, items: Tensor | None = None) -> float:
    """Return `classifier_loss` of the class means, whose norms may be less than 1.

    Args:
        z: (n, d) representations.
        labels: (n,) int64 classes, each of 0 to C - 1 present.
        items: (n,) probabilities; None is equal ones.
    """
    if items is None:
        items = z.new_full((len(z),), 1 / len(z))
    one_hot = torch.nn.functional.one_hot(labels).to(z) * items[:, None]
    return float(classifier_loss(z, labels, (one_hot / one_hot.sum(0)).T @ z, items))


def etf_downstream_loss(num_classes: int) -> float:
    r"""Return the least L_sup of equally likely classes, that of an ETF: :math:`\log(1 + (C-1) e^{-C/(C-1)})`.

    By Jensen's inequality it is at least that of the mean of :math:`f(x)^\top (w_{c'} - w_c)`, which is at least
    -C/(C - 1) for unit vectors.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be >= 2, got {num_classes}.")
    return log1p((num_classes - 1) * exp(-num_classes / (num_classes - 1)))


def growth(class_weights: Sequence[float], k: int) -> float:
    r"""Return alpha(k, rho), the factor of a bound of L_sup that grows without limit in k.

    .. math:: L_{sup} \le \alpha(k, \rho)\, \bigl(L^{(k)} - \tau(k)\bigr), \qquad
        \alpha(k, \rho) = \max_c \frac{E[M_c]}{(1 - \rho_c)^k}

    with M_c the number of sets of k negatives of other classes than c until all of these have been in one
    (`hcl.coverage.batches_to_cover`) and tau that of `collision_floor`. A bound of the form of Saunshi et al. (2019)
    and Ash et al. (2021), derived for this project. By Jensen's inequality the contrastive loss is not lower with class
    means in place of positives and negatives. Sets with collisions bring at least tau. Sets without any, of which M_c
    cover all classes, bring together at least the downstream loss, as log(1 + a) + log(1 + b) >= log(1 + a + b); their
    number is a stopping time, so the mean of the sum is E[M_c] times that of one (Wald). L_sup is here
    `mean_classifier_loss`; where each class is one point the least over unit weights is no larger.

    Args:
        class_weights: rho up to a factor.
        k: number of negatives, >= 1.
    """
    rho = shares(class_weights)
    others = [rho[:c] + rho[c + 1 :] for c in range(len(rho))]
    known = {share: batches_to_cover(rest, k) for share, rest in zip(rho, others, strict=True)}
    exponents = {share: -k * log1p(-share) for share in known}
    return max(known[share] * exp(exponent) if exponent < 700 else inf for share, exponent in exponents.items())


def collision_floor(class_weights: Sequence[float], k: int) -> float:
    r"""Return tau(k) = E log(1 + b), b the number of negatives of the anchor's class: what collisions cost in any case.

    Args:
        class_weights: rho up to a factor.
        k: number of negatives, >= 1.
    """
    from scipy.stats import binom  # takes seconds: only where it is needed

    b = torch.arange(k + 1)
    log1p = torch.log1p(b.double()).numpy()
    return float(sum(share * (binom.pmf(b.numpy(), k, share) @ log1p) for share in shares(class_weights)))


def interval(class_weights: Sequence[float], k: int) -> tuple[float, float]:
    r"""Return between which numbers L_sup - L^(k) lies for any representation on the unit sphere.

    .. math:: -\log\bigl(\rho_{max} (k + 1)\bigr) - g - \log\Bigl(1 + \frac{e^2 - 1}{k + 1}\Bigr)
        \le L_{sup} - L^{(k)} \le -\log\bigl(\rho_{min} (k + 1)\bigr) + g

    with g = `JENSEN_GAP`. Bounds of the form of Nozawa and Sato (2021) and Bao et al. (2022), derived for this project:
    for equally likely classes their distance is 2g + log(1 + O(1/k)), which falls with k. Both losses are the mean of
    -f(x).mu_c plus that of the logarithm of a sum, over the classes or over the positive and k negatives, of
    exponentials of numbers in [-1, 1]. Jensen's inequality bounds each from one side by its mean, and what it can be
    off by, g, from the other. L_sup is here `mean_classifier_loss`, for the upper bound also the least over unit
    weights if each class is one point.

    Args:
        class_weights: rho up to a factor.
        k: number of negatives, >= 1.
    """
    rho = shares(class_weights)
    low = -log(max(rho) * (k + 1)) - JENSEN_GAP - log(1 + (e**2 - 1) / (k + 1))
    return low, -log(min(rho) * (k + 1)) + JENSEN_GAP
