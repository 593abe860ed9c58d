"""Contrastive loss functions psi_k of Definition 1: convex and non-decreasing in each of k arguments."""

from dataclasses import dataclass
from math import ceil, inf, isfinite, log
from typing import Protocol, runtime_checkable

import torch
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


@runtime_checkable
class OfDraws(Protocol):
    """A contrastive loss function whose mean over k independent negatives is known without enumerating them."""

    def mean_of_draws(self, v: Tensor, log_p: Tensor, k: int) -> Tensor:
        """Return the mean of psi_k over k arguments drawn from ``log_p``: (..., n), (..., n) -> (...)."""
        ...


@runtime_checkable
class OfLevel(Protocol):
    """A contrastive loss function of one number, the logarithm of the mean of the exponentials of its arguments."""

    def of_level(self, level: Tensor, k: int) -> Tensor:
        """Return psi_k of k arguments from their `log_mean_exp`: (...) -> (...)."""
        ...


def log_mean_exp(t: Tensor) -> Tensor:
    """Return log of the mean of exp over the last dimension: (..., k) -> (...)."""
    return t.logsumexp(-1) - log(t.shape[-1])


def mean_log1p_of_sum(v: Tensor, log_p: Tensor, k: int, scale: float) -> Tensor:
    r"""Return the mean of log(1 + sum_m exp(v_m) / scale) over k independent v_m, to about 1e-12.

    As log(1 + X) is the integral of (1 - exp(-u X)) exp(-u) / u over u > 0, and the mean of exp(-u X) over independent
    terms a power,

    .. math:: \int_0^\infty \bigl(1 - E[e^{-u e^v / \text{scale}}]^k\bigr) e^{-u} \frac{du}{u}.

    In log u the trapezoidal rule converges exponentially: at this step to double precision.

    Args:
        v: (..., n) values of one argument.
        log_p: (..., n) their log-probabilities.
        k: number of arguments, >= 1.
        scale: > 0.
    """
    step = 1 / 3
    largest = float(v.detach().amax()) + log(k / scale)
    log_u = torch.arange(-36 - ceil(max(largest, 0)), 4, step, dtype=torch.float64)
    u = log_u.exp()[:, None].to(v)
    below_one = (log_p.exp()[..., None, :] * torch.expm1(-u / scale * v.exp()[..., None, :])).sum(-1)
    missing = -torch.expm1(k * torch.log1p(below_one.clamp_min(-1 + torch.finfo(v.dtype).eps / 2)))
    return (missing * (-u[:, 0]).exp()).sum(-1) * step


def _check_margin(margin: float) -> None:
    if not (isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be a finite number > 0, got {margin!r}.")


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

    def mean_of_draws(self, v: Tensor, log_p: Tensor, k: int) -> Tensor:
        """Return the mean over k draws, by `mean_log1p_of_sum`: (..., n), (..., n) -> (...)."""
        return mean_log1p_of_sum(v, log_p, k, k)

    def of_level(self, level: Tensor, k: int) -> Tensor:
        """Return log(1 + exp(level)): (...) -> (...)."""
        return F.softplus(level)


@dataclass(frozen=True)
class LogSumExp:
    """psi_k(v) = log(alpha + sum_m exp(v_m)), InfoNCE as Sec. 3.1 writes it: convex, strictly so (D10).

    With alpha = k it is `InfoNCE` plus log k.

    Attributes:
        alpha: > 0.

    Raises:
        ValueError: if ``alpha`` is not a finite number > 0; in the limit k -> infinity, where it has no value.
    """

    alpha: float

    def __post_init__(self) -> None:
        if not (isfinite(self.alpha) and self.alpha > 0):
            raise ValueError(f"alpha must be a finite number > 0, got {self.alpha!r}.")

    def __call__(self, v: Tensor) -> Tensor:
        """Return log(alpha + sum exp) over the last dimension, in log space: (..., k) -> (...)."""
        shift = log(self.alpha)
        return shift + F.softplus(v.logsumexp(-1) - shift)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Refuse: the sum, and with it the loss, grows as log k."""
        raise ValueError("log(alpha + sum) grows without limit in k: pass a finite k, or psi=InfoNCE() for the limit.")

    def mean_of_draws(self, v: Tensor, log_p: Tensor, k: int) -> Tensor:
        """Return the mean over k draws, by `mean_log1p_of_sum`: (..., n), (..., n) -> (...)."""
        return log(self.alpha) + mean_log1p_of_sum(v, log_p, k, self.alpha)

    def of_level(self, level: Tensor, k: int) -> Tensor:
        """Return log(alpha + k exp(level)): (...) -> (...)."""
        shift = log(self.alpha)
        return shift + F.softplus(level + (log(k) - shift))


@dataclass(frozen=True)
class MeanExp:
    """psi_k(v) = mean_m exp(v_m): strictly convex and increasing, hence in the class of Definition 1; no logarithm."""

    def __call__(self, v: Tensor) -> Tensor:
        """Return mean exp over the last dimension: (..., k) -> (...)."""
        return v.exp().mean(-1)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return E exp(v), the same for every k."""
        return (v + log_p).logsumexp(-1).exp()

    def mean_of_draws(self, v: Tensor, log_p: Tensor, k: int) -> Tensor:
        """Return the same, of k draws: (..., n), (..., n) -> (...)."""
        return self.expectation(v, log_p)


@dataclass(frozen=True)
class HardestTriplet:
    """psi_k(v) = max(max_m v_m + margin, 0), the triplet loss of the hardest of k negatives; convex, not strictly.

    At k = 1 it is `Triplet`.

    Attributes:
        margin: > 0.

    Raises:
        ValueError: if ``margin`` is not a finite number > 0.
    """

    margin: float

    def __post_init__(self) -> None:
        _check_margin(self.margin)

    def __call__(self, v: Tensor) -> Tensor:
        """Return max(max v + margin, 0): (..., k) -> (...)."""
        return F.relu(v.amax(-1) + self.margin)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return its limit k -> infinity, when every possible negative is among those drawn."""
        return F.relu(v.masked_fill(log_p == -inf, -inf).amax(-1) + self.margin)


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
        _check_margin(self.margin)

    def __call__(self, v: Tensor) -> Tensor:
        """Return max(v + margin, 0): (..., 1) -> (...)."""
        if v.shape[-1] != 1:
            raise ValueError(f"The triplet loss takes k=1 negative, got k={v.shape[-1]}: pass k=1.")
        return F.relu(v[..., 0] + self.margin)

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return E max(v + margin, 0) over one negative drawn from ``log_p``."""
        return (log_p.exp() * F.relu(v + self.margin)).sum(-1)
