"""Least losses found by descent on the representations themselves: no data, no network, one point an item."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from hcl import geometry


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
    seed: int = 0,
    normalise: Callable[[Tensor], Tensor] = fold,
    steps: int = 500,
) -> Minima:
    """Minimise a loss over n points of R^d by L-BFGS, all starts at once.

    Starts are Gaussian, from near the origin to near the sphere and beyond. Their losses are summed: they
    share the estimate of curvature and the length of a step, and nothing else. That is quick, and says of no start
    whether it has converged; `hcl.explore.explore` does.

    Args:
        loss: of (starts, n, d) representations, one value a start.
        n: number of points.
        d: their dimension.
        starts: number of random starts, >= 1.
        seed: of the starts.
        normalise: maps any points to representations that are allowed; the default is the unit ball.
        steps: iterations at most.

    Raises:
        ValueError: if there is no start.
    """
    if starts < 1:
        raise ValueError(f"starts must be >= 1, got {starts}.")
    points = random_points(starts, n, d, torch.Generator().manual_seed(seed)).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [points], max_iter=steps, history_size=20, tolerance_grad=1e-8, tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = loss(normalise(points)).sum()
        total.backward()
        return total

    optimizer.step(closure)
    with torch.no_grad():
        z = normalise(points)
        return Minima(z, loss(z))


def random_points(starts: int, n: int, d: int, generator: torch.Generator) -> Tensor:
    """Return Gaussian points to start from, from near the origin to near the sphere and beyond: (starts, n, d)."""
    length = torch.linspace(0.1, 1.5, starts, dtype=torch.float64)[:, None, None]
    return length * torch.randn(starts, n, d, generator=generator, dtype=torch.float64) / d**0.5


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
