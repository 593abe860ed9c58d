"""H-SCL anchor by anchor: one negative's law under each method, as means over a finite set (k to infinity).

Of "Supervised Contrastive Learning with Hard Negative Samples" (Jiang, Nguyen, Ishwar, Aeron, arXiv 2209.00078). The
text that this project has of it lost its formulas: what is said here is derived from the rest, and not its wording. Let
g be the inner product of an anchor with a negative over the temperature, and eta the hardening function. H-UCL draws a
negative with probability proportional to eta(g) p(x^-), H-SCL does so among those of other classes, and *Hcol*, the
hard collisions, among those of the anchor's own. With w, the probability that H-UCL's negative is of the own class,

    p_HUCL = (1 - w) p_HSCL + w p_Hcol.
"""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl.hardening import Hardening, Uniform
from hcl.inputs import check_temperature
from hcl.losses import _log_probabilities


@dataclass(frozen=True)
class Anchors:
    """What each of r anchors sees of its negatives, all of shape (r,).

    Attributes:
        ucl: log E[e^g] over all negatives.
        scl: the same over those of other classes.
        hucl: over all, hardened.
        hscl: over those of other classes, hardened.
        hcol: over those of the anchor's class, hardened; -inf where there is none.
        collisions: w, the probability that a hardened negative is of the anchor's class.
    """

    ucl: Tensor
    scl: Tensor
    hucl: Tensor
    hscl: Tensor
    hcol: Tensor
    collisions: Tensor

    @property
    def assumption(self) -> Tensor:
        """Where Assumption 1 holds, in the form in which it decides: w = 0, or E_HSCL[e^g] <= E_Hcol[e^g].

        Hard negatives of the own class are, in the mean of e^g, at least as near as those of other classes. It holds if
        and only if the anchor's term of the H-SCL loss is at most that of the H-UCL loss.
        """
        return (self.collisions == 0) | (self.hscl <= self.hcol)

    @property
    def above_ucl(self) -> Tensor:
        """Where the anchor's term of the H-SCL loss is at least that of the UCL loss: E_HSCL[e^g] >= E[e^g]."""
        return self.hscl >= self.ucl


def seen(g: Tensor, same: Tensor, allowed: Tensor, hardening: Hardening | None = None) -> Anchors:
    """Return what anchors see of their negatives.

    Where all weights of a law are 0, as with a threshold that nothing reaches, it is uniform, as in the losses (D12).

    Args:
        g: (r, n) inner products over the temperature.
        same: (r, n) bool, whether a negative is of the anchor's class.
        allowed: (r, n) bool, the negatives of each anchor; some of another class each.
        hardening: eta; None is `hcl.hardening.Uniform`.
    """
    hardening = hardening or Uniform()
    others, own = allowed & ~same, allowed & same
    hard = _log_probabilities(g, allowed, hardening)
    return Anchors(
        ucl=_mean(g, _log_probabilities(g, allowed, Uniform()), allowed),
        scl=_mean(g, _log_probabilities(g, others, Uniform()), others),
        hucl=_mean(g, hard, allowed),
        hscl=_mean(g, _log_probabilities(g, others, hardening), others),
        hcol=_mean(g, _log_probabilities(g, own, hardening), own),
        collisions=torch.where(own, hard, -inf).logsumexp(1).exp(),
    )


def of_views(
    z: Tensor, z_pos: Tensor, labels: Tensor, *, hardening: Hardening | None = None, temperature: float = 1.0
) -> tuple[Anchors, Tensor]:
    """Return what all 2n views of a batch see, without themselves and their other views, and their g with these.

    Args:
        z: (n, d) first views.
        z_pos: (n, d) second views.
        labels: (n,) classes.
        hardening: see `seen`.
        temperature: > 0, divides every inner product; .5 in H-SCL, whose beta is then the beta here (D11).

    Returns:
        `Anchors` of 2n, and (2n,) g of each with its positive.

    Raises:
        ValueError: for a temperature that is not > 0.
    """
    check_temperature(temperature)
    views, classes = torch.cat([z, z_pos]), labels.repeat(2)
    image = torch.arange(len(views), device=z.device) % len(z)
    g = views @ views.T / temperature
    found = seen(g, classes[:, None] == classes, image[:, None] != image, hardening)
    return found, (views * views.roll(len(z), 0)).sum(1) / temperature


def term(log_mean: Tensor, g_pos: Tensor, weight: float) -> Tensor:
    """Return an anchor's term of a loss for k to infinity, log(1 + Q e^(-g(x, x+)) E[e^g]).

    Args:
        log_mean: (r,) one of `Anchors`' log E[e^g].
        g_pos: (r,) g of anchor and positive.
        weight: Q > 0; H-SCL's is the number of views less 2, that of `hcl.losses.simclr_loss`.
    """
    return F.softplus(log_mean.new_tensor(weight).log() + log_mean - g_pos)


def changed(p: Tensor, rho: Tensor) -> Tensor:
    """Return the law p' = rho p / E_p[rho], under which E'[s] = E_p[rho s] / E_p[rho] (Proposition 1).

    Args:
        p: (..., n) probabilities, summing to 1.
        rho: (..., n), at least 0.

    Raises:
        ValueError: if E_p[rho] is not in (0, infinity).
    """
    alpha = (p * rho).sum(-1, keepdim=True)
    if not bool(((alpha > 0) & (alpha < inf)).all()) or bool((rho < 0).any()):
        raise ValueError("rho must be at least 0 with a mean in (0, infinity): there is no law to change to.")
    return rho * p / alpha


def _mean(g: Tensor, log_p: Tensor, of: Tensor) -> Tensor:
    """Return log E[e^g]; -inf where the law is of nothing."""
    return torch.where(of, log_p + g, -inf).logsumexp(1)
