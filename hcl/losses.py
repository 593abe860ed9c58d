"""The contrastive losses: Algorithm 1 of the paper (SCL, HSCL, UCL, HUCL) and the SimCLR loss (42)."""

from math import inf, log
from typing import get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl import draws
from hcl.choices import Negatives, Reduction, one_of
from hcl.hardening import Hardening, Uniform
from hcl.psi import InfoNCE, Psi, Triplet, log_mean_exp

__all__ = ["InfoNCE", "Triplet", "contrastive_loss", "simclr_loss"]


def contrastive_loss(
    z: Tensor,
    labels: Tensor | None,
    *,
    supervised: bool,
    hardening: Hardening | None = None,
    k: int | None = 256,
    reduction: Reduction = "anchor",
    negatives: Negatives = "per_pair",
    z_pos: Tensor | None = None,
    exclude_self: bool = False,
    detach_weights: bool = True,
    psi: Psi | None = None,
    max_positives: int | None = None,
    generator: torch.Generator | None = None,
    uniforms: Tensor | None = None,
) -> Tensor:
    r"""Return the batch estimate of the SCL, HSCL, UCL or HUCL loss (Algorithm 1).

    For anchor i and each of its positives j, k negatives m are drawn with replacement with probabilities
    proportional to eta(z_i . z_m) over the allowed items of the batch, and

    .. math:: \ell_{ij} = \psi_k(z_i^\top z_{m_1} - z_i^\top z_j, \dots, z_i^\top z_{m_k} - z_i^\top z_j).

    Similarities and loss are computed in float32 at least. On an accelerator nothing waits and every shape is static;
    with ``uniforms`` or ``k=None`` it compiles to a single graph, which can be captured. So degenerate batches are
    handled rather than raised on, and never give NaN:

    - where there is no negative at all (a supervised batch of a single class, or one item with ``exclude_self``) the
      loss and its gradient are 0 (D16);
    - an anchor whose weights are all 0 (`Polynomial` with every t <= -1, `Threshold` with none above it), for which
      gamma of eq. (6) is 0 and Definition 3 says nothing, takes its negatives uniformly (D12).

    Args:
        z: (n, d) representations, already normalised.
        labels: (n,) int64 classes, latent in the unsupervised setting, where they choose the positives only (D5);
            may be None if not supervised and ``z_pos`` is given.
        supervised: negatives are the items of other classes (eq. 3, D3) if True, the whole batch, the anchor and its
            class included, if False (D4).
        hardening: eta; None is `Uniform`, the plain SCL and UCL losses.
        k: number of negatives, >= 1; None takes the expectation under the tilted distribution in their place, the
            k -> infinity loss (D8).
        reduction: ``"anchor"`` averages over the positives of an anchor, then over anchors (lines 27-29);
            ``"pair"`` over all pairs at once, as the official code does (D1).
        negatives: ``"per_pair"`` draws afresh for every pair (line 20), ``"per_anchor"`` once an anchor (D2): the
            same expectation, far fewer draws.
        z_pos: (n, d) one given positive an anchor; None takes every item of the anchor's class, itself included (D5).
        exclude_self: drop the anchor from its own negatives (unsupervised).
        detach_weights: no gradient through the hardened distribution, as in the official code (D6); False needs
            ``k=None``.
        psi: contrastive loss function; None is `InfoNCE`.
        max_positives: draws kept an anchor with ``"per_pair"``. Pairs are drawn independently as long as no class has
            more items in the batch; beyond that they share draws, which leaves the expectation as it is. None
            counts on a CPU and takes n, the most there can be, on an accelerator.
        generator: source of the draws, on the device of ``z``; None uses PyTorch's global one.
        uniforms: (n, sets, k) numbers, uniform in [0, 1), in place of the generator's: what a compiled or captured step
            passes in. ``sets`` is 1 with ``"per_anchor"`` or a given ``z_pos``, else ``max_positives``, which must then
            be given. None draws them from the generator; but on a CPU, if ``max_positives`` is None, each anchor makes
            just the draws that its own positives need (`hcl.draws`), which is several times faster.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: for arguments of the wrong shape or value.
    """
    _check_arguments(z, labels, supervised=supervised, k=k, reduction=reduction, negatives=negatives, z_pos=z_pos)
    one_set = negatives == "per_anchor" or z_pos is not None or k is None
    _check_draws(z, k, max_positives, one_set=one_set, detach_weights=detach_weights, uniforms=uniforms)
    z = _at_least_float32(z)
    psi = InfoNCE() if psi is None else psi
    s = _similarities(z)
    n = len(z)

    same = None if labels is None else labels[:, None] == labels[None, :]
    allowed = ~same if supervised and same is not None else torch.ones_like(s, dtype=torch.bool)
    if exclude_self:
        allowed = allowed & ~torch.eye(n, dtype=torch.bool, device=s.device)
    usable = allowed[0].any()  # each item has a negative, or none has
    log_p = _log_probabilities(s.detach() if detach_weights else s, allowed | ~usable, hardening or Uniform())

    if z_pos is None:
        assert same is not None
        s_pos, positive = s, same
    else:
        s_pos = (z * _at_least_float32(z_pos)).sum(1, keepdim=True)  # (n, 1)
        positive = torch.ones_like(s_pos, dtype=torch.bool)
    count = positive.sum(1)
    weight = usable / (n * count.to(s.dtype) if reduction == "anchor" else count.sum().to(s.dtype).expand(n))

    sets, set_of = (1, torch.zeros_like(count)) if one_set else _draw_sets(positive, max_positives)
    ragged = z_pos is None and isinstance(psi, InfoNCE) and _may_be_ragged(s)
    own_draws = ragged and uniforms is None and max_positives is None and sets > 1
    if k is not None and uniforms is None and not own_draws:
        uniforms = torch.rand(n, sets, k, dtype=s.dtype, device=s.device, generator=generator)

    if isinstance(psi, InfoNCE):
        # log mean exp(s - a) = log mean exp(s) - a: one number a draw set, whatever the number of its pairs.
        if k is None:
            level = (log_p + s).logsumexp(1, keepdim=True)
        elif uniforms is None:
            level = draws.log_mean_exp_of_draws(s, log_p.exp(), count, k, generator)
        else:
            level = log_mean_exp(_drawn(s, log_p, uniforms))
        if ragged:
            i, j = positive.nonzero(as_tuple=True)
            return (weight[i] * F.softplus(level[i, set_of[j]] - s_pos[i, j])).sum()
        pair = F.softplus((level if sets == 1 else level.index_select(1, set_of)) - s_pos)
    elif uniforms is None:
        pair = psi.expectation(s[:, None, :] - s_pos[..., None], log_p[:, None, :])
    else:
        s_neg = _drawn(s, log_p, uniforms)
        pair = psi((s_neg if sets == 1 else s_neg.index_select(1, set_of)) - s_pos[..., None])
    return (weight[:, None] * positive * pair).sum()


def simclr_loss(
    z: Tensor,
    z_pos: Tensor,
    labels: Tensor | None = None,
    *,
    hardening: Hardening | None = None,
    weight: float | None = None,
    detach_weights: bool = True,
) -> Tensor:
    r"""Return the SimCLR loss, eq. (42): the InfoNCE loss for k -> infinity with a weight Q on the negatives.

    All 2n views are anchors, each with the other view of its image as positive. Negatives are the 2n - 2 views of
    other images or, with ``labels``, those of them in another class (D14).

    Args:
        z: (n, d) first views, already normalised.
        z_pos: (n, d) second views.
        labels: (n,) classes for the supervised setting; None for the unsupervised one.
        hardening: eta; None is `Uniform`.
        weight: Q >= 0; None is the number of views - 2, that is 2n - 2 (D13).
        detach_weights: no gradient through the hardened distribution (D6).

    Returns:
        The loss, a scalar; 0 where there is no negative at all.

    Raises:
        ValueError: if shapes do not fit or ``weight`` is negative.
    """
    if z.shape != z_pos.shape or z.ndim != 2:
        raise ValueError(f"z and z_pos must both be (n, d), got {tuple(z.shape)} and {tuple(z_pos.shape)}.")
    if labels is not None and labels.shape != z.shape[:1]:
        raise ValueError(f"labels must be ({len(z)},), one for an image, got {tuple(labels.shape)}.")
    weight = 2 * len(z) - 2 if weight is None else weight
    if not weight >= 0:
        raise ValueError(f"weight (Q of eq. 42) must be >= 0, got {weight}.")
    views = _at_least_float32(torch.cat([z, z_pos]))
    image = torch.arange(len(z), device=z.device).repeat(2)
    s = _similarities(views)
    allowed = image[:, None] != image[None, :]
    if labels is not None:
        allowed = allowed & (labels.repeat(2)[:, None] != labels.repeat(2)[None, :])
    usable = allowed[0].any()  # each view has a negative, or none has
    log_p = _log_probabilities(s.detach() if detach_weights else s, allowed | ~usable, hardening or Uniform())
    s_pos = (views * views.roll(len(z), 0)).sum(1)
    log_q = log(weight) if weight > 0 else -inf
    loss = F.softplus(log_q + (log_p + s).logsumexp(1) - s_pos)
    return loss.mean() * usable


def _at_least_float32(z: Tensor) -> Tensor:
    return z if z.dtype == torch.float64 else z.float()


def _similarities(z: Tensor) -> Tensor:
    """Return z_i . z_j in the precision of ``z``, also where the caller trains under autocast: (n, n)."""
    with torch.autocast(z.device.type, enabled=False):
        return z @ z.T


def _may_be_ragged(s: Tensor) -> bool:
    """Return whether shapes may follow from the data, s is finite, and exp(s) is far from the ends of its range."""
    return draws.eager_on_cpu(s) and bool(s.detach().amax() - s.detach().amin() < 80)


def _log_probabilities(s: Tensor, allowed: Tensor, hardening: Hardening) -> Tensor:
    """Return log of the hardened negative distribution of each anchor over the batch (eq. 5 and 7): (n, n)."""
    log_weight = hardening.log_weight(s).masked_fill(~allowed, -inf)
    dead = log_weight.amax(1, keepdim=True) == -inf
    return log_weight.masked_fill(dead & allowed, 0).log_softmax(1)


def _draw_sets(same: Tensor, max_positives: int | None) -> tuple[int, Tensor]:
    """Return the number of draw sets an anchor and (n,) which of them the pair with positive j uses."""
    if max_positives is None:
        max_positives = int(same.sum(1).max()) if same.device.type == "cpu" else len(same)
    rank = same.tril(-1).sum(1)  # items of the same class before j: its number among the positives of any anchor
    return max_positives, rank % max_positives


def _drawn(s: Tensor, log_p: Tensor, uniforms: Tensor) -> Tensor:
    """Return the drawn similarities: (n, sets, k)."""
    return s.gather(1, draws.invert(log_p.exp(), uniforms).flatten(1)).view(uniforms.shape)


def _check_arguments(
    z: Tensor,
    labels: Tensor | None,
    *,
    supervised: bool,
    k: int | None,
    reduction: str,
    negatives: str,
    z_pos: Tensor | None,
) -> None:
    if z.ndim != 2 or len(z) == 0:
        raise ValueError(f"z must be (n, d) with n >= 1, got shape {tuple(z.shape)}.")
    if labels is None and (supervised or z_pos is None):
        raise ValueError("labels may be None only with supervised=False and a given z_pos.")
    if labels is not None and labels.shape != z.shape[:1]:
        raise ValueError(f"labels must be ({len(z)},) to match z, got shape {tuple(labels.shape)}.")
    if z_pos is not None and z_pos.shape != z.shape:
        raise ValueError(f"z_pos must have the shape of z, {tuple(z.shape)}, got {tuple(z_pos.shape)}.")
    if k is not None and k < 1:
        raise ValueError(f"k must be >= 1, or None for the exact expectation, got {k}.")
    one_of("reduction", reduction, get_args(Reduction))
    one_of("negatives", negatives, get_args(Negatives))


def _check_draws(
    z: Tensor,
    k: int | None,
    max_positives: int | None,
    *,
    one_set: bool,
    detach_weights: bool,
    uniforms: Tensor | None,
) -> None:
    if not detach_weights and k is not None:
        raise ValueError("detach_weights=False needs k=None: a drawn index has no gradient in the weights.")
    if max_positives is not None and max_positives < 1:
        raise ValueError(f"max_positives must be >= 1, or None, got {max_positives}.")
    if uniforms is None:
        return
    sets = 1 if one_set else max_positives
    if k is None or sets is None:
        raise ValueError("uniforms needs k and, if pairs have draws of their own, max_positives: they are its shape.")
    if uniforms.shape != (len(z), sets, k):
        raise ValueError(f"uniforms must be {(len(z), sets, k)}, got {tuple(uniforms.shape)}.")
