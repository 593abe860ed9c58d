"""Contrastive loss functions psi_k of Definition 1: convex and non-decreasing in each of k arguments."""

from dataclasses import dataclass
from math import isfinite, log
from typing import Protocol

from torch import Tensor
from torch.nn import functional as F


class Psi(Protocol):
    """What the losses and bounds ask of a contrastive loss function (symmetric in its arguments)."""

    def __call__(self, v: Tensor) -> Tensor:
        """Return psi_k over the last dimension: (..., k) -> (...)."""
        ...

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return its value for negatives distributed as ``log_p``: (..., n), (..., n) -> (...)."""
        ...


def log_mean_exp(t: Tensor) -> Tensor:
    """Return log of the mean of exp over the last dimension: (..., k) -> (...)."""
    return t.logsumexp(-1) - log(t.shape[-1])


@dataclass(frozen=True)
class InfoNCE:
    """psi_k(v) = log(1 + mean_m exp(v_m)), line 22 of Algorithm 1.

    The footnote of Sec. 3.1 writes log(alpha + sum_m exp(v_m)): with alpha = k that is this plus log k (D10).
    """

    def __call__(self, v: Tensor) -> Tensor:
        """Return log(1 + mean exp) over the last dimension, in log space (D9)."""
        return F.softplus(log_mean_exp(v))

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return log(1 + E exp(v)), the limit k -> infinity."""
        return F.softplus((v + log_p).logsumexp(-1))


@dataclass(frozen=True)
class Triplet:
    """psi_1(v) = max(v + margin, 0), the triplet loss with one negative (Sec. 3.1, P8).

    Attributes:
        margin: the alpha of the paper, > 0.

    Raises:
        ValueError: if ``margin`` is not a finite number > 0; when called, if there is not exactly one negative.
    """

    margin: float

    def __post_init__(self) -> None:
        if not (isfinite(self.margin) and self.margin > 0):
            raise ValueError(f"margin must be a finite number > 0, got {self.margin!r}.")

    def __call__(self, v: Tensor) -> Tensor:
        """Return max(v + margin, 0): (..., 1) -> (...)."""
        if v.shape[-1] != 1:
            raise ValueError(f"The triplet loss takes k=1 negative, got k={v.shape[-1]}: pass k=1.")
        return F.relu(v[..., 0] + self.margin)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return E max(v + margin, 0) over one negative drawn from ``log_p``."""
        return (log_p.exp() * F.relu(v + self.margin)).sum(-1)
