r"""Losses that stand beside the paper's: SupCon, SINCERE, debiased, importance-weighted hard negatives, spectral.

Of an anchor i, P(i) are the *other* items of its label and N(i) those of other labels. Labels are classes, or, where
two views of an image make a pair, the numbers of the images, each twice: then P(i) is the other view. t is the
temperature and s_ij = z_i . z_j / t. Each loss is the mean over all anchors of the mean over P(i); an anchor without
positives brings 0.

The triplet loss has no function here: it is `hcl.losses.contrastive_loss` with ``psi=Triplet(margin)``. FaceNet's (F.
Schroff, D. Kalenichenko and J. Philbin, CVPR 2015), of squared distances on the sphere, is twice that with half its
margin, as ``|a - p|^2 - |a - n|^2 = 2 (a . n - a . p)``.
"""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl import pairs
from hcl.choices import one_of
from hcl.hardening import Hardening, Uniform
from hcl.inputs import Labels, check_temperature, in_full_precision, whole_labels
from hcl.losses import _log_probabilities
from hcl.pairs import Pairs
from hcl.psi import InfoNCE

__all__ = ["debiased_loss", "sincere_loss", "spectral_loss", "supcon_loss"]

Pool = Literal["all", "others"]


class _Items(NamedTuple):
    """A batch.

    Attributes:
        s: (n, n) similarities over the temperature.
        positive: which items are in P(i).
        others: which are in N(i).
        others_than_self: which are not the anchor.
        counts: (n,) size of P(i).
        weight: (n,) of each positive in the mean of means, 0 where there is none.
    """

    s: Tensor
    positive: Tensor
    others: Tensor
    others_than_self: Tensor
    counts: Tensor
    weight: Tensor


def _items(z: Tensor, labels: Labels, temperature: float) -> _Items:
    if z.ndim != 2 or len(z) == 0:
        raise ValueError(f"z must be (n, d) with n >= 1, got shape {tuple(z.shape)}.")
    check_temperature(temperature)
    labels = whole_labels(labels, len(z), z.device)
    same = labels[:, None] == labels
    rest = ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = same & rest
    counts = positive.sum(1)
    weight = (counts > 0) / (len(z) * counts.clamp_min(1).to(z.dtype))
    return _Items(z @ z.T / temperature, positive, ~same, rest, counts, weight)


@in_full_precision
def supcon_loss(z: Tensor, labels: Labels, *, temperature: float = 1.0) -> Tensor:
    r"""Return the supervised contrastive loss of Khosla et al. (2020), eq. 2, L_out.

    .. math:: \ell_i = \frac{1}{|P(i)|} \sum_{p \in P(i)} \log \sum_{a \ne i} e^{s_{ia} - s_{ip}}.

    An anchor is pushed from all other items, those of its class among them. That is the sampling of UCL, with each
    item taken once, and psi the logarithm of the sum, alpha = 0 in footnote 1 of Sec. 3.1. With two views and
    the numbers of images for labels it is NT-Xent (T. Chen et al., 2020, eq. 1).

    Args:
        z: (n, d) representations, already normalised.
        labels: (n,) as `hcl.losses.contrastive_loss` takes them.
        temperature: > 0, t.

    Returns:
        The loss, a scalar; 0 where no anchor has a positive.

    Raises:
        ValueError: for arguments of the wrong shape or value.
    """
    of = _items(z, labels, temperature)
    level = _level(of.s, of.others_than_self)
    return (of.weight[:, None] * of.positive * (level - of.s)).sum()


@in_full_precision
def sincere_loss(z: Tensor, labels: Labels, *, temperature: float = 1.0) -> Tensor:
    r"""Return the SINCERE loss of Feeney and Hughes (2023), SupCon with the anchor's class out of the negatives.

    .. math:: \ell_i = \frac{1}{|P(i)|} \sum_{p \in P(i)} \log\Bigl(1 + \sum_{a \in N(i)} e^{s_{ia} - s_{ip}}\Bigr).

    That is SCL with ``LogSumExp(alpha=1)`` and each of the other classes' items drawn once. With two views and the
    numbers of images for labels it is `hcl.losses.simclr_loss`.

    Args:
        z: (n, d) representations, already normalised.
        labels: (n,) as `hcl.losses.contrastive_loss` takes them.
        temperature: > 0, t.

    Returns:
        The loss, a scalar; 0 where there is a single label, or no anchor has a positive.

    Raises:
        ValueError: for arguments of the wrong shape or value.
    """
    of = _items(z, labels, temperature)
    usable = of.others[0].any()  # each item has a negative, or none has
    once = torch.zeros_like(of.s).masked_fill(~(of.others | ~usable), -torch.inf)
    return pairs.exact(Pairs(of.s, once, of.s, of.positive, of.counts, of.weight * usable, given=False), InfoNCE())


@in_full_precision
def debiased_loss(
    z: Tensor,
    labels: Labels,
    *,
    collisions: float,
    hardening: Hardening | None = None,
    temperature: float = 1.0,
    weight: float | None = None,
    pool: Pool = "all",
    detach_weights: bool = False,
) -> Tensor:
    r"""Return the debiased contrastive loss of Chuang et al. (2020), with hard negatives of Robinson et al. (2021).

    Negatives u are drawn from a pool in which a share tau of items is of the anchor's class. What these bring is taken
    off again, as far as positives tell (Chuang et al., Sec. 3):

    .. math::
        \ell_i = \frac{1}{|P(i)|} \sum_{p \in P(i)} \log\bigl(1 + Q\, g_i\, e^{-s_{ip}}\bigr), \qquad
        g_i = \max\Bigl\{\frac{E_u e^{s_{iu}} - \tau E_{v \in P(i)} e^{s_{iv}}}{1 - \tau},\; e^{-1/t}\Bigr\}.

    With ``hardening`` both means are of the tilted distributions, ``Exponential(beta)`` being that of Robinson et al.
    As in their code the gradient goes through the weights. Where ``collisions`` is 0, labels number the
    images and the pool is ``"others"``, it is `hcl.losses.simclr_loss` with ``detach_weights=False``.

    Args:
        z: (n, d) representations, already normalised, in the unit ball: the floor of g takes s >= -1/t for granted.
        labels: (n,) as `hcl.losses.contrastive_loss` takes them.
        collisions: tau, 0 <= tau < 1. Where it is the very share of the anchor's label in the pool, g is the mean over
            N(i) for balanced labels: no label of a negative is needed to leave it out.
        hardening: eta; None is `hcl.hardening.Uniform`, the debiased loss.
        temperature: > 0, t; divides the inner products of the hardening too (D11).
        weight: Q >= 0; None is the size of the pool, as in their codes.
        pool: negatives are all items but the anchor, or ``"others"``, those of other labels (the codes of both works,
            where labels number the images).
        detach_weights: no gradient through the hardened distribution.

    Returns:
        The loss, a scalar; 0 where the pool is empty, or no anchor has a positive.

    Raises:
        ValueError: for arguments of the wrong shape or value.
    """
    if not 0 <= collisions < 1:
        raise ValueError(f"collisions (tau) must be in [0, 1), got {collisions!r}.")
    if weight is not None and not weight >= 0:
        raise ValueError(f"weight (Q) must be >= 0, got {weight!r}.")
    one_of("pool", pool, get_args(Pool))
    of = _items(z, labels, temperature)
    drawn = of.others_than_self if pool == "all" else of.others
    hardening, weighed = hardening or Uniform(), of.s.detach() if detach_weights else of.s
    rest = of.s.masked_fill(~of.others_than_self, -torch.inf)
    shift = rest.detach().amax(1)  # nothing overflows
    shift = torch.where(shift == -torch.inf, 0, shift)
    near = (rest - shift[:, None]).exp()
    mean, own = ((_probabilities(hardening, weighed, these) * near).sum(1) for these in (drawn, of.positive))
    g = (mean - collisions * own) / (1 - collisions)
    level = (g.clamp_min(torch.finfo(g.dtype).tiny).log() + shift).clamp_min(-1 / temperature)
    size = drawn.sum(1).to(z.dtype) if weight is None else torch.full_like(shift, weight)
    level = torch.where(drawn.any(1), size, 0).log() + level
    return (of.weight[:, None] * of.positive * F.softplus(level[:, None] - of.s)).sum()


@in_full_precision
def spectral_loss(z: Tensor, labels: Labels) -> Tensor:
    r"""Return the spectral contrastive loss of HaoChen et al. (2021).

    .. math:: \frac{1}{n} \sum_i \Bigl(-\frac{2}{|P(i)|} \sum_{p \in P(i)} z_i^\top z_p
        + \frac{1}{n - 1} \sum_{a \ne i} (z_i^\top z_a)^2\Bigr).

    The square makes it no function of differences of similarities: it is not of the form (1). There is no temperature.

    Args:
        z: (n, d) representations. Theirs are free, not normalised; any are taken.
        labels: (n,) as `hcl.losses.contrastive_loss` takes them.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: for arguments of the wrong shape.
    """
    of = _items(z, labels, 1.0)
    near = (of.weight[:, None] * of.positive * of.s).sum()
    return (of.s.square() * of.others_than_self).sum() / (len(z) * max(len(z) - 1, 1)) - 2 * near


def _level(s: Tensor, allowed: Tensor) -> Tensor:
    """Return log of the sum of exponentials over what is allowed; over all, where nothing is: (n, 1)."""
    return s.masked_fill(~(allowed | ~allowed.any(1, keepdim=True)), -torch.inf).logsumexp(1, keepdim=True)


def _probabilities(hardening: Hardening, s: Tensor, allowed: Tensor) -> Tensor:
    """Return the hardened distribution over what is allowed; over all, where nothing is: (n, n)."""
    return _log_probabilities(s, allowed | ~allowed.any(1, keepdim=True), hardening).exp()
