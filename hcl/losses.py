"""The contrastive losses: Algorithm 1 of the paper (SCL, HSCL, UCL, HUCL) and the SimCLR loss (42)."""

from collections.abc import Callable
from functools import partial
from math import inf, log
from typing import Any, NamedTuple, Unpack, get_args

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from hcl import pairs
from hcl.choices import Reduction, one_of
from hcl.hardening import Hardening, Uniform
from hcl.inputs import Labels, at_least_float32, check_rows, check_temperature, whole_labels
from hcl.pairs import Pairs
from hcl.psi import InfoNCE, Psi, Triplet
from hcl.sampling import Drawn, Exact, Keywords, Sampling, chosen

__all__ = ["Drawn", "Exact", "InfoNCE", "Triplet", "contrastive_loss", "simclr_loss"]
_ALL = slice(None)  # of the anchors


def contrastive_loss(
    z: Tensor,
    labels: Labels | None,
    *,
    supervised: bool,
    hardening: Hardening | None = None,
    sampling: Sampling | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "anchor",
    z_pos: Tensor | None = None,
    exclude_self: bool = False,
    psi: Psi | None = None,
    rows: int | None = None,
    **keywords: Unpack[Keywords],
) -> Tensor:
    r"""Return the batch estimate of the SCL, HSCL, UCL or HUCL loss (Algorithm 1).

    For anchor i and each of its positives j, k negatives m are drawn with replacement with probabilities
    proportional to eta(z_i . z_m) over the allowed items of the batch, and

    .. math:: \ell_{ij} = \psi_k(z_i^\top z_{m_1} - z_i^\top z_j, \dots, z_i^\top z_{m_k} - z_i^\top z_j).

    Similarities and loss are computed in float32 at least, under autocast as outside. On an accelerator nothing waits
    and every shape is static; with the ``uniforms`` of `Drawn` or with `Exact` it compiles to a single graph, which can
    be captured. So degenerate batches are handled rather than raised on, and never give NaN:

    - where there is no negative at all (a supervised batch of a single class, or one item with ``exclude_self``) the
      loss and its gradient are 0 (D16);
    - an anchor whose weights are all 0 (`Polynomial` with every t <= -1, `Threshold` with none above it), for which
      gamma of eq. (6) is 0 and Definition 3 says nothing, takes its negatives uniformly (D12).

    NaN in ``z`` or ``z_pos`` gives NaN, whatever else there is, and never an error, so that training can see that it
    diverged (``loss.isfinite()``). An infinite entry gives NaN or infinity too, unless the loss has a finite limit
    there, as it may in one dimension with given positives.

    Args:
        z: (n, d) representations, already normalised.
        labels: (n,) classes, latent if unsupervised, where they choose the positives only (D5): a tensor of
            whole numbers on the device of ``z``, a list or a NumPy array; may be None if not supervised and ``z_pos``
            is given.
        supervised: negatives are the items of other classes (eq. 3, D3) if True, the whole batch, the anchor and its
            class included, if False (D4).
        hardening: eta; None is `Uniform`, the plain SCL and UCL losses.
        sampling: `Drawn` negatives, the default of 256 a pair, or `Exact`, their expectation.
        temperature: > 0, divides every inner product, that of psi and that of eta alike, as in the code of Robinson
            et al. and of H-SCL; 1 is the paper's. So ``Exponential(beta)`` weighs by exp(beta t / temperature): a
            ``beta`` quoted at temperature .5 elsewhere is the same ``beta`` at ``temperature=0.5`` here, and gives the
            hardened distribution of ``2 beta`` at temperature 1 (D11).
        reduction: ``"anchor"`` averages over the positives of an anchor, then over anchors (lines 27-29);
            ``"pair"`` over all pairs at once, as the official code does (D1).
        z_pos: (n, d) one given positive an anchor; None takes every item of the anchor's class, itself included (D5).
        exclude_self: drop the anchor from its own negatives (unsupervised).
        psi: contrastive loss function; None is `InfoNCE`.
        rows: anchors at a time, >= 1, whose similarities are computed once more for the gradient, so that what is kept
            is of the size of ``rows`` x n in place of n x n numbers: the same loss, for large batches. It takes
            `Exact`, ``Drawn(per="anchor")`` or given positives. None takes all at once.
        keywords: how ``sampling`` was said before it was there, refused beside it: ``k`` (None is `Exact`),
            ``negatives`` (``"per_pair"``, ``"per_anchor"``), ``max_positives``, ``generator`` and ``uniforms``, of
            `Drawn`, and ``detach_weights``, of `Exact`.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: for arguments of the wrong shape or value.
        TypeError: for a keyword that there is not.
    """
    sampling = chosen(sampling, keywords)
    _check_arguments(z, labels, supervised=supervised, reduction=reduction, z_pos=z_pos, temperature=temperature)
    check_rows(rows)
    labels = None if labels is None else whole_labels(labels, len(z), z.device)
    z_pos = None if z_pos is None else at_least_float32(z_pos)
    detach = isinstance(sampling, Drawn) or sampling.detach
    batch = _Batch(
        at_least_float32(z),
        labels,
        z_pos,
        supervised,
        exclude_self,
        hardening or Uniform(),
        temperature,
        reduction,
        detach,
    )
    psi = InfoNCE() if psi is None else psi
    if rows is None:
        return _summed(batch, _ALL, psi, sampling)
    return _by_rows(batch, psi, sampling, rows)


class _Batch(NamedTuple):
    """The arguments of a loss that say what its anchors, positives and negatives are."""

    z: Tensor
    labels: Tensor | None
    z_pos: Tensor | None
    supervised: bool
    exclude_self: bool
    hardening: Hardening
    temperature: float
    reduction: Reduction
    detach: bool
    number: Tensor | None = None  # of all pairs, where it cannot be told from the anchors at hand


def _summed(batch: _Batch, at: slice, psi: Psi, sampling: Sampling) -> Tensor:
    """Return what some anchors bring to the loss."""
    of = _pairs(batch, at)
    return pairs.exact(of, psi) if isinstance(sampling, Exact) else pairs.drawn(of, psi, sampling)


def _pairs(batch: _Batch, at: slice) -> Pairs:
    z, labels = batch.z, batch.labels
    anchors, z_pos = (z, batch.z_pos) if at == _ALL else (z[at], None if batch.z_pos is None else batch.z_pos[at])
    s = _over(_similarities(anchors, z), batch.temperature)
    same = None if labels is None else labels[at, None] == labels[None, :]
    allowed = ~same if batch.supervised and same is not None else torch.ones_like(s, dtype=torch.bool)
    if batch.exclude_self:
        place = torch.arange(len(z), device=s.device)
        allowed = allowed & (place[at, None] != place[None, :])
    usable = allowed[0].any()  # each item has a negative, or none has
    log_p = _log_probabilities(s.detach() if batch.detach else s, allowed | ~usable, batch.hardening)

    if z_pos is None:
        assert same is not None
        s_pos, positive = s, same
    else:
        s_pos = _over((anchors * z_pos).sum(1, keepdim=True), batch.temperature)  # (r, 1)
        positive = torch.ones_like(s_pos, dtype=torch.bool)
    counts = positive.sum(1)
    if batch.reduction == "anchor":
        total = len(z) * counts.to(s.dtype)
    else:
        number = counts.sum() if batch.number is None else batch.number
        total = number.to(s.dtype).expand(len(s))
    return Pairs(s, log_p, s_pos, positive, counts, usable / total, given=z_pos is not None)


def _by_rows(batch: _Batch, psi: Psi, sampling: Sampling, rows: int) -> Tensor:
    """Return the loss, some anchors after the other, whose similarities are computed again for the gradient."""
    n, uniforms = len(batch.z), None
    parts = _parts(n, rows)
    if isinstance(sampling, Drawn):
        if sampling.per == "pair" and batch.z_pos is None:
            raise ValueError(
                "rows needs negatives drawn once an anchor, or their expectation: k for each pair are more than n x n "
                'numbers. Take sampling=Drawn(per="anchor") or Exact().'
            )
        pairs.check_uniforms(sampling, n, one_set=True)
        uniforms = pairs.uniforms_of(sampling, batch.z, sets=1)
    labels = batch.labels if batch.z_pos is None and batch.reduction == "pair" else None
    number = (
        torch.tensor(n) if labels is None else torch.stack([(labels[at, None] == labels).sum() for at in parts]).sum()
    )
    batch = batch._replace(number=number)
    loss = batch.z.new_zeros(())
    for at in parts:
        draw = sampling if uniforms is None else Drawn.from_uniforms(uniforms[at], per="anchor")
        loss = loss + _again(_summed, batch, at, psi, draw)
    return loss


def simclr_loss(
    z: Tensor,
    z_pos: Tensor,
    labels: Labels | None = None,
    *,
    hardening: Hardening | None = None,
    temperature: float = 1.0,
    weight: float | None = None,
    detach_weights: bool = True,
    rows: int | None = None,
) -> Tensor:
    r"""Return the SimCLR loss, eq. (42): the InfoNCE loss for k -> infinity with a weight Q on the negatives.

    All 2n views are anchors, each with the other view of its image as positive. Negatives are the 2n - 2 views of
    other images or, with ``labels``, those of them in another class (D14).

    Args:
        z: (n, d) first views, already normalised.
        z_pos: (n, d) second views.
        labels: (n,) classes if supervised, as in `contrastive_loss`; None if not.
        hardening: eta; None is `Uniform`.
        temperature: > 0, divides every inner product, as in `contrastive_loss`; 1 is the paper's (D11).
        weight: Q >= 0; None is the number of views - 2, that is 2n - 2 (D13).
        detach_weights: no gradient through the hardened distribution (D6).
        rows: views at a time, as in `contrastive_loss`; None takes all at once.

    Returns:
        The loss, a scalar; 0 where there is no negative at all, NaN if anything in the views is NaN.

    Raises:
        ValueError: if shapes do not fit or ``weight`` is negative.
    """
    if z.shape != z_pos.shape or z.ndim != 2:
        raise ValueError(f"z and z_pos must both be (n, d), got {tuple(z.shape)} and {tuple(z_pos.shape)}.")
    labels = None if labels is None else whole_labels(labels, len(z), z.device)
    check_temperature(temperature)
    check_rows(rows)
    weight = 2 * len(z) - 2 if weight is None else weight
    if not weight >= 0:
        raise ValueError(f"weight (Q of eq. 42) must be >= 0, got {weight}.")
    views = at_least_float32(torch.cat([z, z_pos]))
    labels = None if labels is None else labels.repeat(2)
    part = partial(_simclr_part, views, labels, hardening or Uniform(), temperature, weight, detach_weights)
    if rows is None:
        return part(_ALL).mean()
    return torch.stack([_again(part, at).sum() for at in _parts(len(views), rows)]).sum() / len(views)


def _simclr_part(
    views: Tensor,
    labels: Tensor | None,
    hardening: Hardening,
    temperature: float,
    weight: float,
    detach: bool,
    at: slice,
) -> Tensor:
    """Return the losses of some views: (r,)."""
    image = torch.arange(len(views), device=views.device) % (len(views) // 2)
    s = _over(_similarities(views if at == _ALL else views[at], views), temperature)
    allowed = image[at, None] != image[None, :]
    if labels is not None:
        allowed = allowed & (labels[at, None] != labels[None, :])
    usable = allowed[0].any()  # each view has a negative, or none has
    log_p = _log_probabilities(s.detach() if detach else s, allowed | ~usable, hardening)
    s_pos = _over((views * views.roll(len(views) // 2, 0)).sum(1)[at], temperature)
    log_q = log(weight) if weight > 0 else -inf
    return F.softplus(log_q + (log_p + s).logsumexp(1) - s_pos) * usable


def _parts(n: int, rows: int) -> list[slice]:
    return [slice(first, first + rows) for first in range(0, n, rows)]


def _again(part: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Return what a function gives, of which nothing is kept: its gradient calls it once more."""
    value: Tensor = checkpoint(part, *arguments, use_reentrant=False, preserve_rng_state=False)
    return value


def _similarities(anchors: Tensor, z: Tensor) -> Tensor:
    """Return z_i . z_j in the precision of ``z``, also where the caller trains under autocast: (r, n)."""
    with torch.autocast(z.device.type, enabled=False):
        return anchors @ z.T


def _over(s: Tensor, temperature: float) -> Tensor:
    return s if temperature == 1 else s / temperature


def _log_probabilities(s: Tensor, allowed: Tensor, hardening: Hardening) -> Tensor:
    """Return log of the hardened negative distribution of each anchor over the batch (eq. 5 and 7): (n, n)."""
    log_weight = hardening.log_weight(s).masked_fill(~allowed, -inf)
    dead = log_weight.amax(1, keepdim=True) == -inf
    return log_weight.masked_fill(dead & allowed, 0).log_softmax(1)


def _check_arguments(
    z: Tensor,
    labels: Labels | None,
    *,
    supervised: bool,
    reduction: str,
    z_pos: Tensor | None,
    temperature: float,
) -> None:
    if z.ndim != 2 or len(z) == 0:
        raise ValueError(f"z must be (n, d) with n >= 1, got shape {tuple(z.shape)}.")
    if labels is None and (supervised or z_pos is None):
        raise ValueError("labels may be None only with supervised=False and a given z_pos.")
    if z_pos is not None and z_pos.shape != z.shape:
        raise ValueError(f"z_pos must have the shape of z, {tuple(z.shape)}, got {tuple(z_pos.shape)}.")
    check_temperature(temperature)
    one_of("reduction", reduction, get_args(Reduction))
