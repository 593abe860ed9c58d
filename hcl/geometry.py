"""Geometry of class means: the Neural-Collapse metrics of Sec. 5.2 and the spectrum behind Dimensional-Collapse.

``means`` is (C, d), one class mean a row; every metric keeps its dtype, float64 where the paper's notebooks used it
(D48), and returns a tensor so that nothing waits for the device. Half precision is computed and returned in float32,
under autocast as outside. ``labels`` may be a tensor of whole numbers, a list or a NumPy array. A representation that
is not finite leaves no class mean finite in its dimensions, nor any metric of them; what decomposes or counts refuses
such means.
"""

from typing import Literal

import torch
from torch import Tensor

from hcl.inputs import Labels, in_full_precision, whole_labels


@in_full_precision
def class_means(z: Tensor, labels: Labels, num_classes: int) -> Tensor:
    """Return the mean representation of each class, mu_y of eq. (12).

    Args:
        z: (n, d) representations.
        labels: (n,) classes in [0, num_classes).
        num_classes: C.

    Returns:
        (C, d) means; a class without items gives NaN.

    Raises:
        ValueError: for labels that are no classes (those on an accelerator are not looked at) or of another shape.
    """
    labels = whole_labels(labels, len(z), z.device)
    if labels.device.type == "cpu" and len(labels) and (labels.amin() < 0 or labels.amax() >= num_classes):
        raise ValueError(f"labels must be in [0, {num_classes}), got {int(labels.amin())} to {int(labels.amax())}.")
    one_hot = torch.nn.functional.one_hot(labels, num_classes).to(z.dtype)
    return (one_hot.T @ z) / one_hot.sum(0)[:, None]


@in_full_precision
def zero_sum(means: Tensor, of: Literal["mean", "sum"] = "mean") -> Tensor:
    """Return the zero-sum metric, property (i) of Theorem 2.

    Args:
        means: (C, d).
        of: ``"sum"`` is the paper's formula, the norm of the sum of the means; ``"mean"`` is what its tables and
            plots hold, the norm of their mean, C times smaller (D33).

    Raises:
        ValueError: for another ``of``.
    """
    if of not in ("mean", "sum"):
        raise ValueError(f"of must be 'mean' or 'sum', got {of!r}.")
    return (means.mean(0) if of == "mean" else means.sum(0)).norm()


@in_full_precision
def unit_norm(means: Tensor) -> Tensor:
    """Return the unit-norm metric, the mean over classes of ``abs(norm(mu_j) - 1)``: property (ii), D35."""
    return (means.norm(dim=1) - 1).abs().mean()


@in_full_precision
def equal_inner_product(means: Tensor, cosine: bool = False) -> Tensor:
    """Return the equal inner-product metric, the mean over j != k of ``abs(mu_j . mu_k + 1/(C-1))``: eq. (13).

    Args:
        means: (C, d), C >= 2.
        cosine: normalise each mean first, as the official notebook does (D34).
    """
    if cosine:
        means = torch.nn.functional.normalize(means)
    count = len(means)
    off_diagonal = ~torch.eye(count, dtype=torch.bool, device=means.device)
    deviation = (means @ means.T + 1 / (count - 1)).abs()
    return (deviation * off_diagonal).sum() / (count * (count - 1))


@in_full_precision
def within_class_variation(z: Tensor, labels: Labels) -> Tensor:
    """Return the mean Euclidean distance of a representation to its class mean: property (iv), D39.

    Args:
        z: (n, d).
        labels: (n,) classes.
    """
    labels = whole_labels(labels, len(z), z.device)
    return (z - class_means(z, labels, int(labels.max()) + 1)[labels]).norm(dim=1).mean()


@in_full_precision
def nc1(z: Tensor, labels: Labels) -> Tensor:
    """Return tr(S_w) / tr(S_b), the scatter within classes over that between them: 0 at Neural-Collapse (D39).

    S_w is the mean over items of the squared distance to their class mean, S_b the mean over classes of the squared
    distance of the class mean to the mean of all class means.

    Args:
        z: (n, d).
        labels: (n,) classes, each present.
    """
    labels = whole_labels(labels, len(z), z.device)
    means = class_means(z, labels, int(labels.max()) + 1)
    within = (z - means[labels]).square().sum(1).mean()
    return within / (means - means.mean(0)).square().sum(1).mean()


@in_full_precision
def least_distance(means: Tensor) -> Tensor:
    """Return the smallest distance of two class means: sqrt(2 C / (C - 1)) at an ETF, 0 where two classes merge (D46).

    Args:
        means: (C, d), C >= 2.
    """
    return torch.pdist(means).amin()


@in_full_precision
def similarity_histogram(z: Tensor, labels: Labels, bins: int = 100) -> Tensor:
    """Return how the inner products of different items are distributed in [-1, 1], within and between classes.

    Args:
        z: (n, d); inner products beyond [-1, 1] count at its ends.
        labels: (n,) classes.
        bins: of equal width.

    Returns:
        (2, bins) int64 counts of ordered pairs: of one class, of two.
    """
    labels = whole_labels(labels, len(z), z.device)
    place = ((z @ z.T + 1) * (bins / 2)).long().clamp_(0, bins - 1)
    same = labels[:, None] == labels
    other = ~same
    same.fill_diagonal_(False)
    return torch.stack([place[pairs].bincount(minlength=bins) for pairs in (same, other)])


def _check_finite(means: Tensor) -> None:
    if not means.isfinite().all():
        raise ValueError("A class mean is not finite: its class has no items, or the representations have diverged.")


@in_full_precision
def covariance_spectrum(means: Tensor) -> Tensor:
    """Return ln(sigma_i / sigma_1) for the singular values of the covariance of the class means (D40).

    The covariance is centred and the values are squared singular values of the centred means, so that an ETF gives
    zeros. Exact zeros and rounding noise lie near ln(eps): read ranks above a floor, not the tail.

    Args:
        means: (C, d).

    Returns:
        (d,) float64, natural logarithms, descending, the first 0; all ln(tiny) if the means are one point.

    Raises:
        ValueError: if a mean is not finite.
    """
    _check_finite(means)
    covariance = torch.atleast_2d(torch.cov(means.double().T))
    sigma = torch.linalg.svdvals(covariance)
    tiny = torch.finfo(torch.float64).tiny
    return (sigma / sigma[0].clamp_min(tiny)).clamp_min(tiny).log()


@in_full_precision
def spectrum_rank(means: Tensor, floor: float = -10.0) -> Tensor:
    """Return the number of values of `covariance_spectrum` above ``floor`` (natural log): C - 1 at an ETF."""
    return (covariance_spectrum(means) > floor).sum()


@in_full_precision
def effective_rank(means: Tensor) -> Tensor:
    """Return exp of the entropy of the normalised spectrum (D40): C - 1 at an ETF, 1 on a line, 0 at a point."""
    spectrum = covariance_spectrum(means)
    share = spectrum.softmax(0)  # sigma / sum(sigma)
    return torch.special.entr(share).sum().exp() * (spectrum[0] == 0)


@in_full_precision
def cluster_count(means: Tensor, radius: float = 0.5) -> int:
    """Return the number of clusters of class means, those closer than ``radius`` being one: C at an ETF (D46).

    Vertices of an ETF are sqrt(2 C / (C - 1)), about 1.4, apart.

    Args:
        means: (C, d).
        radius: distance below which two means, or two reached over others, are one cluster.

    Raises:
        ValueError: if a mean is not finite.
    """
    _check_finite(means)
    from scipy.sparse.csgraph import connected_components  # not there where only runs are made

    close = (torch.cdist(means.double(), means.double()) < radius).cpu().numpy()
    count: int = connected_components(close, directed=False)[0]
    return count


def simplex_etf(num_classes: int, dim: int) -> Tensor:
    """Return the vertices of a regular simplex on the unit sphere: unit means with inner products -1/(C-1).

    Args:
        num_classes: C >= 2.
        dim: d >= C - 1, property (iii) of Theorem 2.

    Returns:
        (C, d) float64.

    Raises:
        ValueError: if ``dim < num_classes - 1`` or ``num_classes < 2``.
    """
    if num_classes < 2 or dim < num_classes - 1:
        raise ValueError(
            f"A simplex of {num_classes} classes needs num_classes >= 2 and dim >= num_classes - 1, got dim={dim}."
        )
    centred = torch.eye(num_classes, dtype=torch.float64) - 1 / num_classes
    # The eigenvectors of the centring matrix other than the constant one are coordinates in C - 1 dimensions.
    _, vectors = torch.linalg.eigh(centred)
    vertices = torch.nn.functional.normalize(vectors[:, 1:])
    return torch.nn.functional.pad(vertices, (0, dim - num_classes + 1))
