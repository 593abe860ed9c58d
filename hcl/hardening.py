"""Hardening functions: how strongly a negative is preferred for lying close to its anchor (Definition 2)."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, log
from typing import Protocol

import torch
from torch import Tensor

from hcl.choices import one_of


class Hardening(Protocol):
    """A separable hardening function, given by the logarithm of one factor of it."""

    def log_weight(self, t: Tensor) -> Tensor:
        """Return log eta(t), elementwise, for inner products ``t`` of anchor and negative."""
        ...


def _check(name: str, value: float | Tensor) -> None:
    if isinstance(value, Tensor):
        return  # looking at it would wait for its device
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a finite number >= 0, got {value!r}.")


@dataclass(frozen=True)
class Uniform:
    """No hardening, eta = 1: the random negatives of SCL and UCL."""

    def log_weight(self, t: Tensor) -> Tensor:
        """Return zeros of the shape of ``t``."""
        return torch.zeros_like(t)


@dataclass(frozen=True)
class Exponential:
    """Exponential tilting, eta(t) = exp(beta t) (Sec. 3.2); ``beta=0`` is `Uniform`.

    The losses' temperature divides t. At 1, the paper's, a ``beta`` quoted at temperature .5 elsewhere weighs as
    ``2 beta`` (D11); with ``temperature=0.5`` it is the same ``beta``.

    Attributes:
        beta: hardness, >= 0; a 0-d tensor is not checked.

    Raises:
        ValueError: if ``beta`` is negative or not finite.
    """

    beta: float | Tensor

    def __post_init__(self) -> None:
        _check("beta", self.beta)

    def log_weight(self, t: Tensor) -> Tensor:
        """Return beta * t."""
        return self.beta * t


@dataclass(frozen=True)
class Polynomial:
    """Polynomial hardening, eta(t) = max(t + 1, 0)^epsilon (Sec. B.4, D12); ``epsilon=0`` is `Uniform`, 0^0 = 1.

    Attributes:
        epsilon: hardness, >= 0; a 0-d tensor is not checked.

    Raises:
        ValueError: if ``epsilon`` is negative or not finite.
    """

    epsilon: float | Tensor

    def __post_init__(self) -> None:
        _check("epsilon", self.epsilon)

    def log_weight(self, t: Tensor) -> Tensor:
        """Return epsilon * log(max(t + 1, 0)): where t <= -1, -inf unless epsilon = 0, with a zero gradient."""
        base = t + 1
        positive = base > 0
        # The inner where keeps log's infinite slope at 0 out of the backward pass.
        log_base = torch.where(positive, base, 1).log()
        return torch.where(positive | (self.epsilon == 0), self.epsilon * log_base, -inf)


@dataclass(frozen=True)
class Threshold:
    """Threshold hardening of H-SCL: weight 1 where exp(t) >= tau, else 0.

    Attributes:
        tau: threshold on exp(t), >= 0; ``tau=0`` keeps every negative. A 0-d tensor is not checked.

    Raises:
        ValueError: if ``tau`` is negative or not finite.
    """

    tau: float | Tensor

    def __post_init__(self) -> None:
        _check("tau", self.tau)

    def log_weight(self, t: Tensor) -> Tensor:
        """Return 0 where exp(t) >= tau and -inf elsewhere."""
        if isinstance(self.tau, Tensor):
            log_tau: float | Tensor = self.tau.double().log()  # rounded once, as a float's
        else:
            log_tau = log(self.tau) if self.tau > 0 else -inf
        return torch.zeros_like(t).masked_fill(t < log_tau, -inf)


FAMILIES: dict[str, Callable[[float | Tensor], Hardening]] = {
    "exponential": Exponential,
    "polynomial": Polynomial,
    "threshold": Threshold,
}


def make(family: str, hardness: float | Tensor) -> Hardening:
    """Return the hardening function of a family by name.

    Args:
        family: ``"exponential"``, ``"polynomial"`` or ``"threshold"``.
        hardness: its parameter (beta, epsilon, tau), >= 0; 0 means `Uniform`. A 0-d tensor on the device of the
            representations, which is not checked, lets one compiled step serve every value.

    Raises:
        ValueError: for an unknown family or a negative hardness.
    """
    one_of("hardening", family, FAMILIES)
    _check("hardness", hardness)
    return FAMILIES[family](hardness) if isinstance(hardness, Tensor) or hardness else Uniform()


def matching_beta(epsilon: float, num_classes: int) -> float:
    """Return the beta of exponential hardening that weighs negatives at an ETF as polynomial hardening does (D12).

    Inner products are 1 within a class and -1/(C-1) between classes: beta gives both families the same ratio of
    weights.

    Args:
        epsilon: exponent of the polynomial, >= 0.
        num_classes: C >= 3.

    Raises:
        ValueError: for fewer than three classes, of which the polynomial gives one no weight.
    """
    if num_classes < 3:
        raise ValueError(f"num_classes={num_classes}: expected at least 3.")
    other = -1 / (num_classes - 1)
    return epsilon * log(2 / (1 + other)) / (1 - other)
