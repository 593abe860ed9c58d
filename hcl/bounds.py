"""Lower bounds of the losses: Theorem 2 (SCL and HSCL) and Theorem 3 (UCL)."""

import torch
from torch import Tensor

from hcl.psi import InfoNCE, Psi


def _separation(num_classes: int) -> float:
    """Return -C/(C-1), the inner product of two means of an ETF minus that of a mean with itself."""
    if num_classes < 2:
        raise ValueError(f"num_classes must be >= 2, got {num_classes}.")
    return -num_classes / (num_classes - 1)


def _check_k(k: int | None) -> None:
    if k is not None and k < 1:
        raise ValueError(f"k must be >= 1, or None for the limit, got {k}.")


def scl_lower_bound(num_classes: int, k: int | None = 256, psi: Psi | None = None) -> float:
    r"""Return the least SCL and HSCL loss of unit-ball representations, eq. (11).

    .. math:: \psi_k\left(\frac{-C}{C-1}, \dots, \frac{-C}{C-1}\right)

    Args:
        num_classes: C >= 2, equiprobable.
        k: number of negatives; None is the limit k -> infinity (the same value for InfoNCE).
        psi: contrastive loss function; None is `InfoNCE`, for which this is log(1 + exp(-C/(C-1))).

    Returns:
        The bound, to float64 accuracy (the paper prints .3105 for C=100; it is .310555, D41).

    Raises:
        ValueError: if ``num_classes < 2`` or ``k < 1``.
    """
    _check_k(k)
    psi = InfoNCE() if psi is None else psi
    v = torch.tensor([_separation(num_classes)], dtype=torch.float64)
    return float(psi.expectation(v, torch.zeros_like(v)) if k is None else psi(v.expand(k)))


def ucl_lower_bound(num_classes: int, k: int | None = 256, psi: Psi | None = None) -> float:
    r"""Return the least UCL loss of unit-ball representations, eq. (30).

    The labels of anchor and negatives are independent and uniform, so the number b of negatives from another class
    is Binomial(k, (C-1)/C) and the bound is the mean over b of psi_k at b entries -C/(C-1) and k-b entries 0.

    Args:
        num_classes: C >= 2, equiprobable latent classes.
        k: number of negatives; None is the limit k -> infinity (for C=3 the paper prints this limit, D42).
        psi: contrastive loss function, symmetric in its arguments; None is `InfoNCE`.

    Returns:
        The bound, to float64 accuracy.

    Raises:
        ValueError: if ``num_classes < 2`` or ``k < 1``.
    """
    _check_k(k)
    psi = InfoNCE() if psi is None else psi
    separation = _separation(num_classes)
    other = 1 - 1 / num_classes
    if k is None:
        v = torch.tensor([0.0, separation], dtype=torch.float64)
        return float(psi.expectation(v, torch.tensor([1 - other, other], dtype=torch.float64).log()))
    from scipy.stats import binom  # takes seconds: only where it is needed

    b = torch.arange(k + 1)
    v = (torch.arange(k) < b[:, None]).to(torch.float64) * separation  # (k + 1, k)
    weight: Tensor = torch.from_numpy(binom.pmf(b.numpy(), k, other))
    return float(weight @ psi(v))
