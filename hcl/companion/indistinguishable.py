"""Lemma 1 of Awasthi, Dikkala and Kamath (2022) by its own construction: a class is merged at one of its items.

For a class c* and one of its items x*, f_{x*} is f but that it maps all items of c* to f(x*). Over x* drawn from the
class, the mean loss of f_{x*} is to be less than that of f. Losses are exact (`hcl.exact`), representations random.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl.exact import exact_loss, independent
from hcl.psi import LogSumExp, MeanExp, Psi


@dataclass(frozen=True)
class ExpOfSum:
    """psi_k(v) = exp(scale * sum_m v_m) + mean_m exp(v_m): strictly convex, increasing and symmetric, as Lemma 1 asks.

    Made for this project. Its first term is convex in the sum of the arguments, where log(1 + sum exp) is concave in
    the sum of their exponentials: that is what merging a class needs.

    Attributes:
        scale: > 0.
    """

    scale: float = 3.0

    def __call__(self, v: Tensor) -> Tensor:
        """Return exp(scale * sum) + mean exp over the last dimension: (..., k) -> (...)."""
        return (self.scale * v.sum(-1)).exp() + v.exp().mean(-1)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Refuse: it has no limit k -> infinity."""
        raise ValueError("exp of a sum has no limit in k: pass a finite k.")


@dataclass(frozen=True)
class Case:
    """What Lemma 1 is tried on.

    Attributes:
        loss: what psi is called.
        psi: contrastive loss function.
        k: number of negatives.
        class_weights: rho up to a factor.
        dim: of the representations.
        per_class: items of each class, equally likely.
    """

    loss: str
    psi: Psi
    k: int
    class_weights: tuple[float, ...]
    dim: int = 3
    per_class: int = 3


_WEIGHTS = ((1.0, 1.0, 1.0), (6.0, 2.0, 1.0))
LOGISTIC = tuple(
    Case("log(1 + sum)", LogSumExp(1.0), k, rho, per_class=3 if k <= 2 else 2)
    for k in (1, 2, 16, 512)
    for rho in _WEIGHTS
)
OTHERS = (
    *(Case("mean exp", MeanExp(), k, rho) for k in (1, 2) for rho in _WEIGHTS),
    *(Case("exp(3 sum) + mean exp", ExpOfSum(), 2, rho) for rho in _WEIGHTS),
)


def merged(z: Tensor, labels: Tensor, c: int) -> Tensor:
    """Return f_{x*} for each item x* of a class.

    Args:
        z: (..., n, d) representations.
        labels: (n,) int64.
        c: the class.

    Returns:
        (..., items of the class, n, d).
    """
    own = (labels == c).nonzero()[:, 0]
    at_each = z[..., own, None, :]  # (..., items, 1, d)
    return torch.where((labels == c)[:, None], at_each, z[..., None, :, :])


def lemma_table(cases: Sequence[Case] = LOGISTIC, trials: int = 30, seed: int = 0) -> pd.DataFrame:
    """Return how often merging a class lowers the loss, of random representations on the sphere.

    Args:
        cases: to try.
        trials: representations of each.
        seed: of these.

    Returns:
        Columns trials (representations times classes), lower (those where the mean over x* is), least gain (the
        smallest share of the loss that is gained; negative where it is lost), and merged lower (representations whose
        loss is less once all classes are merged one after the other, each at its best item); the index is loss, k, rho.
    """
    rows = []
    for case in cases:
        count = len(case.class_weights)
        labels = torch.arange(count).repeat_interleave(case.per_class)
        population = independent(labels, case.class_weights)
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(trials, len(labels), case.dim, generator=generator, dtype=torch.float64)
        z = F.normalize(z, dim=-1)

        def loss(z: Tensor, case: Case = case, population=population) -> Tensor:  # type: ignore[no-untyped-def]
            return exact_loss(z, population, supervised=False, k=case.k, psi=case.psi)

        before = loss(z)
        gains = torch.stack([1 - loss(merged(z, labels, c)).mean(1) / before for c in range(count)])
        whole = z
        for c in range(count):
            options = merged(whole, labels, c)
            best = loss(options).argmin(1)
            whole = options[torch.arange(trials), best]
        rows.append(
            {
                "loss": case.loss, "k": str(case.k), "rho": " : ".join(f"{w:g}" for w in case.class_weights),
                "trials": gains.numel(), "lower": int((gains > 0).sum()), "least gain": float(gains.min()),
                "merged lower": int((loss(whole) < before).sum()), "of": trials,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index(["loss", "k", "rho"])
