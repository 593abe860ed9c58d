"""Least losses found by descent on the representations themselves: no data, no network, one point an item."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from hcl import geometry
from hcl.descent import descend


@dataclass(frozen=True)
class Minima:
    """What descent from several starts came to.

    Attributes:
        z: (starts, n, d) representations.
        losses: (starts,) of each.
    """

    z: Tensor
    losses: Tensor

    @property
    def best(self) -> Tensor:
        """Return the representation with the least loss: (n, d)."""
        return self.z[self.losses.argmin()]

    def within(self, value: float, tolerance: float = 1e-9) -> Tensor:
        """Return the representations whose loss is at most a tolerance above a value: (found, n, d)."""
        return self.z[self.losses <= value + tolerance]


def fold(points: Tensor) -> Tensor:
    """Return points w at radius sin(norm(w)) in their own directions, smoothly onto the unit ball: (..., n, d) -> same.

    `hcl.models.unit_ball` projects: its gradient has no radial part outside, so that what has once left the ball could
    not come back in.
    """
    return points * torch.sinc(points.norm(dim=-1, keepdim=True) / pi)


def minimise(
    loss: Callable[[Tensor], Tensor],
    n: int,
    d: int,
    *,
    starts: int = 20,
    seed: int | torch.Generator = 0,
    normalise: Callable[[Tensor], Tensor] = fold,
    steps: int = 500,
) -> Minima:
    """Minimise a loss over n points of R^d by L-BFGS, all starts at once and each on its own (`hcl.descent`).

    Starts are Gaussian, from near the origin to near the sphere and beyond.

    Args:
        loss: of (starts, n, d) representations, one value a start.
        n: number of points.
        d: their dimension.
        starts: number of random starts, >= 1.
        seed: of the starts, or the generator that they are drawn from.
        normalise: maps any points to representations that are allowed; the default is the unit ball.
        steps: iterations at most.

    Raises:
        ValueError: if there is no start.
    """
    if starts < 1:
        raise ValueError(f"starts must be >= 1, got {starts}.")
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    length = torch.linspace(0.1, 1.5, starts, dtype=torch.float64)[:, None, None]
    points = length * torch.randn(starts, n, d, generator=generator, dtype=torch.float64) / d**0.5

    def flat(x: Tensor) -> Tensor:
        return loss(normalise(x.unflatten(1, (n, d))))

    ends = descend(flat, points.flatten(1), steps=steps, tolerance=1e-9)
    with torch.no_grad():
        z = normalise(ends.unflatten(1, (n, d)))
        return Minima(z, loss(z))


def nc_metrics(z: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the largest value over representations of each metric of Neural-Collapse (Definition 6), NaN of none.

    Args:
        z: (count, n, d).
        labels: (n,) int64.

    Returns:
        zero_sum (the norm of the sum, property (i)), unit_norm, equal_inner_product and within_class.
    """
    classes = int(labels.max()) + 1
    rows = []
    for one in z:
        means = geometry.class_means(one, labels, classes)
        rows.append(
            [
                geometry.zero_sum(means, of="sum"),
                geometry.unit_norm(means),
                geometry.equal_inner_product(means),
                geometry.within_class_variation(one, labels),
            ]
        )
    largest = torch.tensor(rows).amax(0).tolist() if rows else [float("nan")] * 4
    return dict(zip(("zero_sum", "unit_norm", "equal_inner_product", "within_class"), largest, strict=True))
