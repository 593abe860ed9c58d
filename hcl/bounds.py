"""Lower bounds of the losses: Theorem 2 (SCL and HSCL), Theorem 3 (UCL), and their forms for batches and for SimCLR."""

from math import exp, log1p
from typing import Literal

import torch
from torch import Tensor

from hcl.inputs import check_temperature
from hcl.psi import InfoNCE, Psi


def _separation(num_classes: int, temperature: float) -> float:
    """Return -C/(C-1) over T: the inner product of two means of an ETF minus that of a mean with itself."""
    if num_classes < 2:
        raise ValueError(f"num_classes must be >= 2, got {num_classes}.")
    check_temperature(temperature)
    return -num_classes / (num_classes - 1) / temperature


def _check_k(k: int | None) -> None:
    if k is not None and k < 1:
        raise ValueError(f"k must be >= 1, or None for the limit, got {k}.")


def scl_lower_bound(
    num_classes: int, k: int | None = 256, psi: Psi | None = None, *, temperature: float = 1.0
) -> float:
    r"""Return the least SCL and HSCL loss of unit-ball representations, eq. (11).

    .. math:: \psi_k\left(\frac{-C}{C-1}, \dots, \frac{-C}{C-1}\right)

    Args:
        num_classes: C >= 2, equiprobable.
        k: number of negatives; None is the limit k -> infinity (the same value for InfoNCE).
        psi: contrastive loss function; None is `InfoNCE`, for which this is log(1 + exp(-C/(C-1))).
        temperature: > 0, of the loss, which divides every inner product; 1 is the paper's (D11).

    Returns:
        The bound, to float64 accuracy (the paper prints .3105 for C=100; it is .310555, D41).

    Raises:
        ValueError: if ``num_classes < 2``, ``k < 1`` or a temperature that is not > 0.
    """
    _check_k(k)
    psi = InfoNCE() if psi is None else psi
    v = torch.tensor([_separation(num_classes, temperature)], dtype=torch.float64)
    return float(psi.expectation(v, torch.zeros_like(v)) if k is None else psi(v.expand(k)))


def ucl_lower_bound(
    num_classes: int, k: int | None = 256, psi: Psi | None = None, *, temperature: float = 1.0
) -> float:
    r"""Return the least UCL loss of unit-ball representations, eq. (30).

    The labels of anchor and negatives are independent and uniform, so the number b of negatives from another class
    is Binomial(k, (C-1)/C) and the bound is the mean over b of psi_k at b entries -C/(C-1) and k-b entries 0.

    Args:
        num_classes: C >= 2, equiprobable latent classes.
        k: number of negatives; None is the limit k -> infinity (for C=3 the paper prints this limit, D42).
        psi: contrastive loss function, symmetric in its arguments; None is `InfoNCE`.
        temperature: > 0, of the loss, which divides every inner product; 1 is the paper's (D11).

    Returns:
        The bound, to float64 accuracy.

    Raises:
        ValueError: if ``num_classes < 2``, ``k < 1`` or a temperature that is not > 0.
    """
    _check_k(k)
    psi = InfoNCE() if psi is None else psi
    separation = _separation(num_classes, temperature)
    other = 1 - 1 / num_classes
    if k is None:
        v = torch.tensor([0.0, separation], dtype=torch.float64)
        return float(psi.expectation(v, torch.tensor([1 - other, other], dtype=torch.float64).log()))
    from scipy.stats import binom  # takes seconds: only where it is needed

    b = torch.arange(k + 1)
    v = (torch.arange(k) < b[:, None]).to(torch.float64) * separation  # (k + 1, k)
    weight: Tensor = torch.from_numpy(binom.pmf(b.numpy(), k, other))
    return float(weight @ psi(v))


def ucl_batch_value(
    num_classes: int,
    batch_size: int,
    k: int | None = 256,
    reduction: Literal["anchor", "pair"] = "anchor",
    *,
    temperature: float = 1.0,
) -> float:
    r"""Return the mean InfoNCE loss of UCL in a batch at Neural-Collapse, where Theorem 3 has its bound (D43).

    Negatives come from the batch, the anchor among them (D4). A batch holds n_c items of the anchor's class,
    1 + Binomial(B - 1, 1/C) of them, so a negative is of its class with probability n_c / B: more than the 1/C of
    Theorem 3 on average. This is no proved bound: condition (e) fails where an anchor is its own positive. Of small
    batches nothing lower was found (`hcl.companion.batch_bounds.batches`).

    Args:
        num_classes: C >= 2, equally likely.
        batch_size: B >= 1 items with independent labels.
        k: number of negatives drawn from the batch; None is the limit k -> infinity.
        reduction: ``"anchor"`` weighs the anchors of all batches alike, ``"pair"`` the anchor-positive pairs, which
            gives an anchor the weight n_c (D1).
        temperature: > 0, of the loss, which divides every inner product; 1 is the paper's (D11).

    Returns:
        The value: .3161 and .3168 at C=100, B=512, against the bound .3152.

    Raises:
        ValueError: if ``num_classes < 2``, ``batch_size < 1``, ``k < 1``, another ``reduction`` or a temperature
            that is not > 0.
    """
    _check_k(k)
    if batch_size < 1:
        raise ValueError(f"batch_size must be >= 1, got {batch_size}.")
    if reduction not in ("anchor", "pair"):
        raise ValueError(f"reduction must be 'anchor' or 'pair', got {reduction!r}.")
    from scipy.stats import binom

    other = exp(_separation(num_classes, temperature))
    count = torch.arange(1, batch_size + 1, dtype=torch.float64)
    share = count / batch_size
    if k is None:
        value = torch.log1p(share + (1 - share) * other)
    else:
        same = torch.arange(k + 1, dtype=torch.float64)
        pmf = torch.from_numpy(binom.pmf(same.numpy(), k, share.numpy()[:, None]))  # (B, k + 1)
        value = pmf @ torch.log1p((same + (k - same) * other) / k)
    weight = torch.from_numpy(binom.pmf(count.numpy() - 1, batch_size - 1, 1 / num_classes))
    if reduction == "pair":
        weight = weight * count
    return float(weight @ value / weight.sum())


def simclr_lower_bound(num_classes: int, weight: float, supervised: bool = True, *, temperature: float = 1.0) -> float:
    r"""Return the least SimCLR loss (42) of unit-ball representations: Theorem 2 or 3 for k -> infinity with Q.

    .. math:: \log\left(1 + Q e^{-C/(C-1)}\right)

    holds for negatives of other classes and any positives of the anchor's class, two augmentations of one image among
    them, hardened or not; an ETF attains it. For unsupervised negatives the logarithm is of
    1 + Q (1/C + (1 - 1/C) exp(-C/(C-1))), and the positive must be independent of the anchor given the class, condition
    (e) of Theorem 3: two augmentations of one image are not, and the loss can then be lower. Hardening raises either
    loss (Theorem 1), the unsupervised one at an ETF too.

    Args:
        num_classes: C >= 2, equiprobable.
        weight: Q >= 0. The paper's "batch size minus two" is 510 for B=512; `hcl.losses.simclr_loss` counts views
            and has 2B - 2 = 1022 (D13).
        supervised: negatives of other classes only.
        temperature: > 0, of the loss, which divides every inner product; 1 is the paper's (D11).

    Returns:
        The bound, to float64 accuracy: 5.2297 at C=100, Q=510; 5.9221 at Q=1022.

    Raises:
        ValueError: if ``num_classes < 2``, ``weight < 0`` or a temperature that is not > 0.
    """
    if not weight >= 0:
        raise ValueError(f"weight (Q of eq. 42) must be >= 0, got {weight}.")
    other = exp(_separation(num_classes, temperature))
    mean = other if supervised else 1 / num_classes + (1 - 1 / num_classes) * other
    return log1p(weight * mean)
