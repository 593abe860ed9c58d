"""The losses of other works beside the paper's: what each samples, what it has in common with ours, where it is least.

Everything is deterministic, in float64, on few points: C classes of three items each, which are one batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl.companion.representations import class_labels, random_representations
from hcl.descent import descend, value_and_gradient
from hcl.hardening import Exponential
from hcl.losses import contrastive_loss, simclr_loss
from hcl.minimise import fold, random_points
from hcl.models import unit_ball
from hcl.neighbours import debiased_loss, sincere_loss, spectral_loss, supcon_loss
from hcl.psi import InfoNCE, LogSumExp, Triplet
from hcl.sampling import Drawn, Exact
from hcl.shapes import shape_of

NUM_CLASSES, PER_CLASS, RESTARTS = 3, 3, 3
SHARE = (PER_CLASS - 1) / (NUM_CLASSES * PER_CLASS - 1)  # of the items besides the anchor that are of its class
HARDNESS = (0.0, 1.0, 2.0, 5.0)
MARGINS = (0.5, 2.0)  # below and above C / (C - 1), what an ETF parts classes by

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Neighbour:
    """A loss of another work.

    Attributes:
        name: in a table.
        negatives: which items it pushes from.
        psi: of Definition 1.
        loss: of (n, d) representations and (n,) labels.
    """

    name: str
    negatives: str
    psi: str
    loss: Loss


@dataclass(frozen=True)
class LogSum:
    """psi_k(v) = log sum_m exp(v_m): alpha = 0 in footnote 1 of Sec. 3.1."""

    def __call__(self, v: Tensor) -> Tensor:
        """Return it over the last dimension: (..., k) -> (...)."""
        return v.logsumexp(-1)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return log E exp(v), its limit k -> infinity less log k."""
        return (v + log_p).logsumexp(-1)


def triplet(margin: float) -> Loss:
    """Return the triplet loss of a margin, the mean over all triplets with a positive that is not the anchor."""
    return lambda z, labels: over_positives(
        z, labels, partial(contrastive_loss, supervised=True, sampling=Exact(), psi=Triplet(margin))
    )


def _robinson(beta: float) -> Loss:
    return partial(debiased_loss, collisions=0.0, hardening=Exponential(beta))


_ALL, _OTHERS, _ONCE = "all other items", "other classes", ", each once"
_LESS = f"{_ALL}, less a share of what positives bring"
NEIGHBOURS: tuple[Neighbour, ...] = (
    Neighbour("SupCon", _ALL + _ONCE, "log Σ exp", supcon_loss),
    Neighbour("SINCERE", _OTHERS + _ONCE, "log(1 + Σ exp)", sincere_loss),
    Neighbour("debiased, τ of the batch", _LESS, "log(1 + Q mean exp)", partial(debiased_loss, collisions=SHARE)),
    Neighbour("debiased, τ = 0.1", _LESS, "log(1 + Q mean exp)", partial(debiased_loss, collisions=0.1)),
    *(
        Neighbour(f"hard, τ = 0, β = {beta:g}", _ALL + ", tilted", "log(1 + Q mean exp)", _robinson(beta))
        for beta in HARDNESS
    ),
    *(Neighbour(f"triplet, margin {m:g}", _OTHERS, "max(v + margin, 0), k = 1", triplet(m)) for m in MARGINS),
    Neighbour("spectral", _ALL, "not of this form", spectral_loss),
)


def sampling_table() -> pd.DataFrame:
    """Return what each loss takes for negatives, and its psi; positives are all other items of the class."""
    rows = [{"loss": of.name, "negatives": of.negatives, "ψ": of.psi} for of in NEIGHBOURS]
    return pd.DataFrame(rows).set_index("loss")


def over_positives(z: Tensor, labels: Tensor, loss: Callable[..., Tensor]) -> Tensor:
    """Return the mean of a loss with given positives over each other item of an anchor's class in turn.

    Args:
        z: (n, d), classes of equal size one after the other.
        labels: (n,).
        loss: of z, labels and z_pos.
    """
    at = torch.arange(len(z)).view(int(labels.max()) + 1, -1)
    return torch.stack([loss(z, labels, z_pos=z[at.roll(by, 1).flatten()]) for by in range(1, at.shape[1])]).mean()


def _each_once(count: int, n: int) -> Drawn:
    """Return draws that take each of ``count`` equally likely negatives once."""
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return Drawn.from_uniforms(uniforms.repeat(n, 1, 1), per="anchor")


@cache
def identities(num_classes: int = 4, per_class: int = 3, trials: int = 20) -> pd.DataFrame:
    """Return how far losses of other works are from those of this library with certain parameters.

    Returns:
        A row an identity: the largest difference over random representations, and that to what is not it.
    """
    labels = class_labels(num_classes, per_class)
    n, other = len(labels), (num_classes - 1) * per_class
    share, scl = (per_class - 1) / (n - 1), partial(contrastive_loss, supervised=True)
    images, beta = torch.arange(n // 2).repeat(2), Exponential(2)
    ucl = partial(contrastive_loss, supervised=False, exclude_self=True, psi=LogSum(), sampling=_each_once(n - 1, n))
    sincere = partial(scl, psi=LogSumExp(1.0), sampling=_each_once(other, n))

    def of_views(z: Tensor) -> Tensor:
        return simclr_loss(z[: n // 2], z[n // 2 :], hardening=beta, detach_weights=False)

    cases: dict[str, tuple[Loss, Loss, Loss]] = {
        "SupCon is UCL": (
            supcon_loss, partial(over_positives, loss=ucl),
            partial(over_positives, loss=partial(scl, psi=LogSum(), sampling=_each_once(other, n))),
        ),
        "SINCERE is SCL": (
            sincere_loss, partial(over_positives, loss=sincere),
            partial(over_positives, loss=partial(sincere, supervised=False, sampling=_each_once(n, n))),
        ),
        "debiased is SCL": (
            partial(debiased_loss, collisions=share, weight=1),
            partial(over_positives, loss=partial(scl, sampling=Exact())),
            partial(debiased_loss, collisions=0, weight=1),
        ),
        "hard is HUCL": (
            lambda z, _: debiased_loss(z, images, collisions=0, hardening=beta, pool="others"),
            lambda z, _: of_views(z),
            lambda z, _: debiased_loss(z, images, collisions=0, pool="others"),
        ),
        "debiased and hard is HSCL": (
            partial(debiased_loss, collisions=share, hardening=beta, weight=1),
            partial(over_positives, loss=partial(scl, hardening=beta, sampling=Exact())),
            partial(debiased_loss, collisions=share, weight=1),
        ),
    }  # fmt: skip
    points = [F.normalize(z, dim=-1) for z in random_representations(trials, labels, num_classes - 1, 0)]

    def farthest(one: Loss, other: Loss) -> float:
        return max(float((one(z, labels) - other(z, labels)).abs()) for z in points)

    rows = [
        {"identity": name, "difference": farthest(one, same), "difference to another": farthest(one, not_it)}
        for name, (one, same, not_it) in cases.items()
    ]
    return pd.DataFrame(rows).set_index("identity")


@cache
def forms() -> pd.DataFrame:
    """Return losses of two representations whose differences z . z^- - z . z^+ are the same.

    Returns:
        A row a loss, with the similarities to positives and negatives in the names of the columns.
    """
    labels, cases = class_labels(2, 3), ((0.6, 0.1), (0.4, -0.1))

    def points(near: float, far: float) -> Tensor:
        same = labels[:, None] == labels
        gram = (far + (near - far) * same.double()).fill_diagonal_(1)
        return torch.linalg.cholesky(gram)

    losses: dict[str, Loss] = {
        "InfoNCE": lambda z, y: over_positives(
            z, y, partial(contrastive_loss, supervised=True, sampling=Exact(), psi=InfoNCE())
        ),
        "triplet": triplet(1.0), "SupCon": supcon_loss, "SINCERE": sincere_loss, "spectral": spectral_loss,
    }  # fmt: skip
    rows = [
        {"loss": name, **{f"{near:g} and {far:g}": float(loss(points(near, far), labels)) for near, far in cases}}
        for name, loss in losses.items()
    ]
    return pd.DataFrame(rows).set_index("loss")


@cache
def minima(restarts: int = RESTARTS, num_classes: int = NUM_CLASSES, per_class: int = PER_CLASS) -> pd.DataFrame:
    """Return where each loss is least in the unit ball, searched for by descent on the points from random starts.

    Returns:
        A row a loss and dimension: the least loss, the norm of its projected gradient, how far its class means are from
        an ETF and from the nearest ETF of any radius, that radius, the distance within classes, and how many starts
        ended at it.
    """
    labels = class_labels(num_classes, per_class)
    rows = [_least(of, labels, d, restarts) for of in NEIGHBOURS for d in (num_classes - 1, num_classes)]
    return pd.DataFrame(rows).set_index(["loss", "d"])


def _least(of: Neighbour, labels: Tensor, d: int, restarts: int) -> dict[str, object]:
    n = len(labels)

    def loss(z: Tensor) -> Tensor:
        return torch.stack([of.loss(one, labels) for one in z])

    starts = random_points(restarts, n, d, torch.Generator().manual_seed(0)).flatten(1)
    ends = descend(lambda x: loss(fold(x.unflatten(1, (n, d)))), starts, steps=200, tolerance=1e-9)
    z = fold(ends.unflatten(1, (n, d)))
    values, gradient = value_and_gradient(loss, z)
    at = int(values.argmin())
    shape = shape_of(z[at], labels)
    return {
        "loss": of.name, "d": d, "least": float(values[at]),
        "gradient": float((z - unit_ball(z - gradient))[at].norm()), "off an ETF": shape.from_etf,
        "radius": shape.radius, "off an ETF of it": shape.from_shrunken_etf, "within class": shape.within_class,
        "starts": int((values < values[at] + 1e-7).sum()),
    }  # fmt: skip
