r"""Why hard negatives part merged classes: forces on representations, and how fast a merged state is left.

Of an anchor z with positive z+ in the limit of many negatives, the SCL or HSCL loss is log(1 + A e^(-z . z+)), where A
is the mean of e^(z . x) over negatives x tilted by e^(beta z . x). With x's weights taken as they are (the official
code, D6) its gradient is s (mu - z+): s = u / (1 + u) with u = A e^(-z . z+), and mu is the mean of the negatives
tilted by beta + 1, for the loss tilts by 1 itself.

**A merged state.** C classes at K points, an ETF on the unit sphere, C / K classes at each. Of the negatives of an
anchor the share w0 = (C / K - 1) / (C - 1) lies at its own point; tilted by beta + 1 it is

.. math:: w = \frac{w_0}{w_0 + (1 - w_0)\, e^{-(\beta + 1) K / (K - 1)}}.

Let the classes of a point part in a *collapsed direction*, one that no class mean has a part of. An anchor is pulled to
its own class by s and pushed from its cluster mates by s w; as somebody's positive and negative it feels as much again;
the sphere takes back 2 s (1 - w) K / (K - 1), the force along the radius. Together the distance grows at the rate

.. math:: \frac{2 s}{K - 1} \Bigl(\frac{w}{w_0} - 1\Bigr),

which is positive: the state is a saddle. It is the tilt that drives it, w / w0 being 1 / w0 at most: hardness counts
most where the own point is a small part of all. Where all classes are one point the rate is C / (C - 1), whatever beta
is. No other direction is left faster. With a gradient through the weights (beta + 1) w(beta + 1) - beta w(beta) takes
the place of w; then some other directions may be.

**A spread.** Draws from a class with mean m and covariance S, tilted by e^(t z . x), have mean m + t S z to first
order, and exactly if they are Gaussian. So two anchors z and z' of one merged cluster feel pushes that differ by
-s w (beta + 1) S (z - z'), which contract it. On the sphere, with angles in a direction in which a pair is spread by a
variance v, the tilt is e^(-(beta + 1) (angle - angle')^2 / 2): the negatives of an anchor are on average not where
their class is but by the share (beta + 1) v / (1 + (beta + 1) v) nearer to the anchor. What parts the two means is

.. math:: \frac{1}{1 + (\beta + 1)\, v}

of what it is without a spread. It stays positive: hardness does not hold a spread pair together, it parts it more
slowly. All of this was derived for this project; `tests/test_mechanism.py` has what it is checked by.
"""

from dataclasses import dataclass
from math import exp, log, log1p

import torch
from torch import Tensor

from hcl.geometry import class_means, simplex_etf
from hcl.models import unit_sphere


def tilted_mean(x: Tensor, z: Tensor, beta: float) -> Tensor:
    """Return the mean of items tilted by e^(beta z . x): (n, d), (d,) -> (d,)."""
    return torch.softmax(beta * (x @ z), 0) @ x


def tilted_to_first_order(x: Tensor, z: Tensor, beta: float) -> Tensor:
    """Return m + beta S z, with the mean m and the covariance S of the items: (n, d), (d,) -> (d,)."""
    mean = x.mean(0)
    centred = x - mean
    return mean + beta * (centred.T @ (centred @ z)) / len(x)


def forces(z: Tensor, labels: Tensor, beta: float, *, through_weights: bool = False) -> Tensor:
    """Return the negative gradient of n times the HSCL loss, k to infinity, at every representation.

    Positives are all items of the class, the anchor itself included (D5), negatives those of other classes.

    Args:
        z: (n, d) representations.
        labels: (n,) int64 classes of equal size.
        beta: hardness, >= 0; 0 is SCL.
        through_weights: with the gradient through the negatives' weights; the official code has none (D6).

    Returns:
        (n, d).
    """
    s = z @ z.T
    same = labels[:, None] == labels
    harder, tilted = ((t * s).masked_fill(same, -torch.inf) for t in (beta + 1, beta))
    level = harder.logsumexp(1) - tilted.logsumexp(1)
    pulls = torch.sigmoid(level[:, None] - s) * same / same.sum(1, keepdim=True)
    weights = harder.softmax(1)
    if through_weights:
        weights = (beta + 1) * weights - beta * tilted.softmax(1)
    by_pair = pulls - pulls.sum(1, keepdim=True) * weights
    return (by_pair + by_pair.T) @ z


def tangential(z: Tensor, force: Tensor) -> Tensor:
    """Return what the unit sphere leaves of forces: (n, d), (n, d) -> (n, d)."""
    return force - (force * z).sum(1, keepdim=True) * z


@dataclass(frozen=True)
class Merged:
    """Classes at fewer points than there are of them, in equal numbers, the points an ETF on the unit sphere.

    Attributes:
        num_classes: C.
        clusters: K >= 1, a divisor of C below it.
        beta: hardness, >= 0.
        through_weights: whether the gradient goes through the negatives' weights.

    Raises:
        ValueError: if classes cannot be merged so.
    """

    num_classes: int
    clusters: int
    beta: float
    through_weights: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.clusters < self.num_classes or self.num_classes % self.clusters:
            raise ValueError(f"clusters={self.clusters}: expected a divisor of {self.num_classes} below it.")

    @property
    def share(self) -> float:
        """The share w0 of negatives at the anchor's own point, untilted."""
        return (self.num_classes // self.clusters - 1) / (self.num_classes - 1)

    def tilted_share(self, tilt: float) -> float:
        """Return that share with a tilt of e^(tilt z . x)."""
        if self.clusters == 1:
            return 1.0
        far = (1 - self.share) * exp(-tilt * self.clusters / (self.clusters - 1))
        return self.share / (self.share + far)

    @property
    def weight(self) -> float:
        """What of the push comes from the own point: w, or with a gradient through the weights what stands for it."""
        hard = self.tilted_share(self.beta + 1)
        return (self.beta + 1) * hard - self.beta * self.tilted_share(self.beta) if self.through_weights else hard

    @property
    def pull(self) -> float:
        """The factor s of all forces."""
        if self.clusters == 1:
            return 0.5
        drop = self.clusters / (self.clusters - 1)
        near, far = self.share, 1 - self.share
        # A e^(-z . z+), where z . z+ = 1 and another point has 1 - drop.
        u = (near + far * exp(-(self.beta + 1) * drop)) / (near + far * exp(-self.beta * drop))
        return u / (1 + u)

    @property
    def outward(self) -> float:
        """The force along the radius, which the sphere takes back."""
        if self.clusters == 1:
            return 0.0
        return 2 * self.pull * (1 - self.weight) * self.clusters / (self.clusters - 1)

    @property
    def rate(self) -> float:
        """The rate at which classes of a point part in a collapsed direction."""
        mates = self.num_classes // self.clusters - 1
        return 2 * self.pull * (1 + self.weight / mates) - self.outward

    def slowed(self, variance: float) -> float:
        """Return the rate at which classes part that a variance spreads in that direction, as far as the tilt goes."""
        return self.rate / (1 + (self.beta + 1) * variance)

    def steps(self, factor: float, lr: float) -> float:
        """Return the number of steps in which the distance of such classes grows by a factor.

        Args:
            factor: > 1.
            lr: length of a step of `leave`, > 0.
        """
        return log(factor) / log1p(lr * self.rate)

    def points(self) -> Tensor:
        """Return the state, a point a class, in C - 1 dimensions: (C, C - 1) float64."""
        d = self.num_classes - 1
        if self.clusters == 1:
            means = torch.eye(1, d, dtype=torch.float64)
        else:
            means = simplex_etf(self.clusters, d).double()
        return means.repeat_interleave(self.num_classes // self.clusters, 0)


@dataclass(frozen=True)
class Escape:
    """How a merged state was left.

    Attributes:
        measured: number of steps until the classes of a point were apart.
        predicted: by the rate of the state, from the distance to which the displacement brought them.
    """

    measured: int
    predicted: float


def leave(
    state: Merged, *, generator: torch.Generator, lr: float = 0.1, start: float = 1e-4, apart: float = 0.1,
    most: int = 100_000,
) -> Escape:  # fmt: skip
    """Displace a merged state at random and follow the forces on the sphere until its classes are apart.

    Args:
        state: to leave.
        generator: of the displacement.
        lr: length of a step, in units of the forces.
        start: root mean square of the displacement of a class.
        apart: root mean square distance of a class from the mean of its point's classes, in directions that were
            collapsed, at which the state is left.
        most: steps at most.

    Raises:
        RuntimeError: if it is not left by then.
    """
    rest = state.points()
    labels = torch.arange(state.num_classes)
    noise = torch.randn(rest.shape, generator=generator, dtype=torch.float64)
    z = unit_sphere(rest + start * noise / rest.shape[1] ** 0.5)
    spanned = torch.linalg.svd(rest, full_matrices=False).Vh[: max(state.clusters - 1, 1)]

    def distance(z: Tensor) -> float:
        by_point = z.view(state.clusters, -1, z.shape[1])
        within = (by_point - by_point.mean(1, keepdim=True)).flatten(0, 1)
        return float((within - within @ spanned.T @ spanned).square().sum(1).mean().sqrt())

    began = distance(z)
    for step in range(most):
        if distance(z) >= apart:
            return Escape(step, state.steps(apart / began, lr))
        z = unit_sphere(z + lr * tangential(z, forces(z, labels, state.beta, through_weights=state.through_weights)))
    raise RuntimeError(f"{state} was not left in {most} steps: pass more, or a larger lr.")


def spread_pair(state: Merged, variance: float, items: int = 9) -> tuple[Tensor, Tensor]:
    """Return a state of pairs whose first pair is spread along a collapsed direction, and labels.

    The items of both its classes lie at the same places on the sphere, the quantiles of a Gaussian in that direction;
    all other classes are points.

    Args:
        state: C / K = 2.
        variance: of a class along the direction, below what the sphere has room for.
        items: of each class.

    Returns:
        (C * items, K) representations, the last dimension being the direction, and (C * items,) labels.

    Raises:
        ValueError: if there is no room for so much variance.
    """
    means = simplex_etf(state.clusters, state.clusters).double().repeat_interleave(2, 0)
    uniform = (torch.arange(items, dtype=torch.float64) + 0.5) / items
    along = torch.special.ndtri(uniform)
    along = along * (variance / along.square().mean()) ** 0.5
    if float(along.abs().max()) >= 1:
        raise ValueError(f"variance={variance}: items would lie off the sphere; expected less.")
    z = means.repeat_interleave(items, 0)
    pair = z[: 2 * items] * (1 - along.square()).sqrt().repeat(2)[:, None]
    pair[:, -1] = along.repeat(2)
    return torch.cat([pair, z[2 * items :]]), torch.arange(state.num_classes).repeat_interleave(items)


def parting_rate(z: Tensor, labels: Tensor, beta: float) -> float:
    """Return the rate at which the means of classes 0 and 1 part along the last dimension, each class moved as a whole.

    Exact, by automatic differentiation.

    Args:
        z: (n, d) representations on the unit sphere.
        labels: (n,) int64 classes.
        beta: hardness.
    """
    side = (labels == 0).to(z) - (labels == 1).to(z)
    direction = side[:, None] * torch.eye(z.shape[1], dtype=z.dtype)[-1]

    shift = torch.zeros((), dtype=z.dtype, requires_grad=True)
    moved = unit_sphere(z + shift * direction)
    force = tangential(moved, forces(moved, labels, beta))
    means = [class_means(one, labels, int(labels.max()) + 1)[:2, -1] for one in (force, moved)]
    grown, gone = (torch.autograd.grad(of[0] - of[1], shift, retain_graph=True)[0] for of in means)
    return float(grown / gone)
