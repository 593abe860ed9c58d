"""What an Algorithm 1 loss sums over, for the anchors of a batch or for some of them: drawn, or its expectation."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl import draws
from hcl.psi import InfoNCE, OfLevel, Psi, log_mean_exp
from hcl.sampling import Drawn


class Pairs(NamedTuple):
    """The pairs of r anchors, all n of a batch or some, with their positives, and what the anchors draw from.

    Attributes:
        s: (r, n) similarities.
        log_p: (r, n) log of the negative distribution of each anchor.
        s_pos: (r, n) or (r, 1) similarities to the positives.
        positive: which of them are.
        counts: (r,) number of positives.
        weight: (r,) of each of them in the loss.
        given: whether positives were given, one an anchor.
    """

    s: Tensor
    log_p: Tensor
    s_pos: Tensor
    positive: Tensor
    counts: Tensor
    weight: Tensor
    given: bool


def exact(of: Pairs, psi: Psi) -> Tensor:
    """Return what the anchors bring to the loss in expectation over their negatives (k -> infinity, D8)."""
    if not isinstance(psi, InfoNCE):
        return _sum(of, psi.expectation(of.s[:, None, :] - of.s_pos[..., None], of.log_p[:, None, :]))
    level = (of.log_p + of.s).logsumexp(1, keepdim=True)
    if not of.given and _may_be_ragged(of.s):
        return _ragged_sum(of, level, _first_set(of), F.softplus)
    return _sum(of, F.softplus(level - of.s_pos))


def drawn(of: Pairs, psi: Psi, draw: Drawn) -> Tensor:
    """Return what the anchors bring to the loss with drawn negatives (lines 18-29 of Algorithm 1)."""
    one_set = draw.per == "anchor" or of.given
    check_uniforms(draw, len(of.s), one_set=one_set)
    sets, set_of = (1, _first_set(of)) if one_set else _draw_sets(of.positive, draw.max_positives)
    ragged = not of.given and isinstance(psi, OfLevel) and _may_be_ragged(of.s)
    own_draws = ragged and draw.uniforms is None and draw.max_positives is None and sets > 1
    uniforms = None if own_draws else uniforms_of(draw, of.s, sets)

    if not isinstance(psi, OfLevel):
        assert uniforms is not None
        s_neg = _taken(of.s, of.log_p, uniforms)
        return _sum(of, psi((s_neg if sets == 1 else s_neg.index_select(1, set_of)) - of.s_pos[..., None]))
    # log mean exp(s - a) = log mean exp(s) - a: one number a draw set, whatever the number of its pairs.
    if uniforms is None:
        level = draws.log_mean_exp_of_draws(of.s, of.log_p.exp(), of.counts, draw.k, draw.generator)
    else:
        level = log_mean_exp(_taken(of.s, of.log_p, uniforms))
    value = partial(psi.of_level, k=draw.k)
    if ragged:
        return _ragged_sum(of, level, set_of, value)
    return _sum(of, value((level if sets == 1 else level.index_select(1, set_of)) - of.s_pos))


def _sum(of: Pairs, pair: Tensor) -> Tensor:
    return (of.weight[:, None] * of.positive * pair).sum()


def _ragged_sum(of: Pairs, level: Tensor, set_of: Tensor, value: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the loss from the positive pairs alone, whose number follows from the data."""
    i, j = of.positive.nonzero(as_tuple=True)
    return (of.weight[i] * value(level[i, set_of[j]] - of.s_pos[i, j])).sum()


def _may_be_ragged(s: Tensor) -> bool:
    """Return whether shapes may follow from the data, s is finite, and exp(s) is far from the ends of its range."""
    return draws.eager_on_cpu(s) and bool(s.detach().amax() - s.detach().amin() < 80)


def _first_set(of: Pairs) -> Tensor:
    """Return which set of draws the pairs with each positive use where an anchor has one: (n,)."""
    return of.counts.new_zeros(of.s.shape[1])


def _draw_sets(same: Tensor, max_positives: int | None) -> tuple[int, Tensor]:
    """Return the number of draw sets an anchor and (n,) which of them the pair with positive j uses."""
    if max_positives is None:
        max_positives = int(same.sum(1).max()) if same.device.type == "cpu" else len(same)
    rank = same.tril(-1).sum(1)  # items of the same class before j: its number among the positives of any anchor
    return max_positives, rank % max_positives


def uniforms_of(draw: Drawn, like: Tensor, sets: int) -> Tensor:
    """Return the uniform numbers that are given, or fresh ones: (n, sets, k)."""
    if draw.uniforms is not None:
        return draw.uniforms
    return torch.rand((len(like), sets, draw.k), dtype=like.dtype, device=like.device, generator=draw.generator)


def _taken(s: Tensor, log_p: Tensor, uniforms: Tensor) -> Tensor:
    """Return the drawn similarities: (n, sets, k)."""
    return s.gather(1, draws.invert(log_p.exp(), uniforms).flatten(1)).view(uniforms.shape)


def check_uniforms(draw: Drawn, n: int, *, one_set: bool) -> None:
    """Refuse given uniform numbers that are not of the shape of the draws.

    Raises:
        ValueError: if they are not.
    """
    if draw.uniforms is None:
        return
    sets = 1 if one_set else draw.max_positives
    if sets is None:
        raise ValueError("uniforms needs k and, if pairs have draws of their own, max_positives: they are its shape.")
    if draw.uniforms.shape != (n, sets, draw.k):
        raise ValueError(f"uniforms must be {(n, sets, draw.k)}, got {tuple(draw.uniforms.shape)}.")
