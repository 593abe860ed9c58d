"""The contrastive losses: Algorithm 1 of the paper (SCL, HSCL, UCL, HUCL) and the SimCLR loss (42)."""

from math import inf, log
from typing import NamedTuple, Unpack, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl import draws
from hcl.choices import Reduction, one_of
from hcl.hardening import Hardening, Uniform
from hcl.inputs import Labels, at_least_float32, check_temperature, whole_labels
from hcl.psi import InfoNCE, Psi, Triplet, log_mean_exp
from hcl.sampling import Drawn, Exact, Keywords, Sampling, chosen

__all__ = ["Drawn", "Exact", "InfoNCE", "Triplet", "contrastive_loss", "simclr_loss"]


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
    labels = None if labels is None else whole_labels(labels, len(z), z.device)
    z = at_least_float32(z)
    s = _over(_similarities(z), temperature)
    same = None if labels is None else labels[:, None] == labels[None, :]
    allowed = ~same if supervised and same is not None else torch.ones_like(s, dtype=torch.bool)
    if exclude_self:
        allowed = allowed & ~torch.eye(len(z), dtype=torch.bool, device=s.device)
    usable = allowed[0].any()  # each item has a negative, or none has
    frozen = s.detach() if isinstance(sampling, Drawn) or sampling.detach else s
    log_p = _log_probabilities(frozen, allowed | ~usable, hardening or Uniform())

    if z_pos is None:
        assert same is not None
        s_pos, positive = s, same
    else:
        s_pos = _over((z * at_least_float32(z_pos)).sum(1, keepdim=True), temperature)  # (n, 1)
        positive = torch.ones_like(s_pos, dtype=torch.bool)
    counts = positive.sum(1)
    total = len(z) * counts.to(s.dtype) if reduction == "anchor" else counts.sum().to(s.dtype).expand(len(z))
    pairs = _Pairs(s, log_p, s_pos, positive, counts, usable / total, given=z_pos is not None)
    psi = InfoNCE() if psi is None else psi
    if isinstance(sampling, Exact):
        return _exact(pairs, psi)
    return _drawn(pairs, psi, sampling)


class _Pairs(NamedTuple):
    """What is summed over: the pairs of anchor and positive, and what the anchors draw from.

    Attributes:
        s: (n, n) similarities.
        log_p: (n, n) log of the negative distribution of each anchor.
        s_pos: (n, n) or (n, 1) similarities to the positives.
        positive: which of them are.
        counts: (n,) number of positives.
        weight: (n,) of each of them in the loss.
        given: whether positives were given, one an anchor.
    """

    s: Tensor
    log_p: Tensor
    s_pos: Tensor
    positive: Tensor
    counts: Tensor
    weight: Tensor
    given: bool


def _exact(of: _Pairs, psi: Psi) -> Tensor:
    if not isinstance(psi, InfoNCE):
        return _sum(of, psi.expectation(of.s[:, None, :] - of.s_pos[..., None], of.log_p[:, None, :]))
    level = (of.log_p + of.s).logsumexp(1, keepdim=True)
    if not of.given and _may_be_ragged(of.s):
        return _ragged_sum(of, level, torch.zeros_like(of.counts))
    return _sum(of, F.softplus(level - of.s_pos))


def _drawn(of: _Pairs, psi: Psi, draw: Drawn) -> Tensor:
    one_set = draw.per == "anchor" or of.given
    _check_uniforms(draw, len(of.s), one_set=one_set)
    sets, set_of = (1, torch.zeros_like(of.counts)) if one_set else _draw_sets(of.positive, draw.max_positives)
    infonce = isinstance(psi, InfoNCE)
    ragged = not of.given and infonce and _may_be_ragged(of.s)
    uniforms = draw.uniforms
    own_draws = ragged and uniforms is None and draw.max_positives is None and sets > 1
    if uniforms is None and not own_draws:
        shape = (len(of.s), sets, draw.k)
        uniforms = torch.rand(shape, dtype=of.s.dtype, device=of.s.device, generator=draw.generator)

    if not infonce:
        assert uniforms is not None
        s_neg = _taken(of.s, of.log_p, uniforms)
        return _sum(of, psi((s_neg if sets == 1 else s_neg.index_select(1, set_of)) - of.s_pos[..., None]))
    # log mean exp(s - a) = log mean exp(s) - a: one number a draw set, whatever the number of its pairs.
    if uniforms is None:
        level = draws.log_mean_exp_of_draws(of.s, of.log_p.exp(), of.counts, draw.k, draw.generator)
    else:
        level = log_mean_exp(_taken(of.s, of.log_p, uniforms))
    if ragged:
        return _ragged_sum(of, level, set_of)
    return _sum(of, F.softplus((level if sets == 1 else level.index_select(1, set_of)) - of.s_pos))


def _sum(of: _Pairs, pair: Tensor) -> Tensor:
    return (of.weight[:, None] * of.positive * pair).sum()


def _ragged_sum(of: _Pairs, level: Tensor, set_of: Tensor) -> Tensor:
    """Return the loss from the positive pairs alone, whose number follows from the data."""
    i, j = of.positive.nonzero(as_tuple=True)
    return (of.weight[i] * F.softplus(level[i, set_of[j]] - of.s_pos[i, j])).sum()


def simclr_loss(
    z: Tensor,
    z_pos: Tensor,
    labels: Labels | None = None,
    *,
    hardening: Hardening | None = None,
    temperature: float = 1.0,
    weight: float | None = None,
    detach_weights: bool = True,
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

    Returns:
        The loss, a scalar; 0 where there is no negative at all, NaN if anything in the views is NaN.

    Raises:
        ValueError: if shapes do not fit or ``weight`` is negative.
    """
    if z.shape != z_pos.shape or z.ndim != 2:
        raise ValueError(f"z and z_pos must both be (n, d), got {tuple(z.shape)} and {tuple(z_pos.shape)}.")
    labels = None if labels is None else whole_labels(labels, len(z), z.device)
    check_temperature(temperature)
    weight = 2 * len(z) - 2 if weight is None else weight
    if not weight >= 0:
        raise ValueError(f"weight (Q of eq. 42) must be >= 0, got {weight}.")
    views = at_least_float32(torch.cat([z, z_pos]))
    image = torch.arange(len(z), device=z.device).repeat(2)
    s = _over(_similarities(views), temperature)
    allowed = image[:, None] != image[None, :]
    if labels is not None:
        allowed = allowed & (labels.repeat(2)[:, None] != labels.repeat(2)[None, :])
    usable = allowed[0].any()  # each view has a negative, or none has
    log_p = _log_probabilities(s.detach() if detach_weights else s, allowed | ~usable, hardening or Uniform())
    s_pos = _over((views * views.roll(len(z), 0)).sum(1), temperature)
    log_q = log(weight) if weight > 0 else -inf
    loss = F.softplus(log_q + (log_p + s).logsumexp(1) - s_pos)
    return loss.mean() * usable


def _similarities(z: Tensor) -> Tensor:
    """Return z_i . z_j in the precision of ``z``, also where the caller trains under autocast: (n, n)."""
    with torch.autocast(z.device.type, enabled=False):
        return z @ z.T


def _over(s: Tensor, temperature: float) -> Tensor:
    return s if temperature == 1 else s / temperature


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


def _taken(s: Tensor, log_p: Tensor, uniforms: Tensor) -> Tensor:
    """Return the drawn similarities: (n, sets, k)."""
    return s.gather(1, draws.invert(log_p.exp(), uniforms).flatten(1)).view(uniforms.shape)


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


def _check_uniforms(draw: Drawn, n: int, *, one_set: bool) -> None:
    if draw.uniforms is None:
        return
    sets = 1 if one_set else draw.max_positives
    if sets is None:
        raise ValueError("uniforms needs k and, if pairs have draws of their own, max_positives: they are its shape.")
    if draw.uniforms.shape != (n, sets, draw.k):
        raise ValueError(f"uniforms must be {(n, sets, draw.k)}, got {tuple(draw.uniforms.shape)}.")
