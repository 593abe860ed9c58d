"""What minimises a contrastive loss? The question as data, and the answer with what shows that it is one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hcl.choices import one_of
from hcl.descent import descend, value_and_gradient
from hcl.exact import Population, exact_loss, mixed
from hcl.hardening import Hardening
from hcl.minimise import fold, random_points
from hcl.models import unit_ball, unit_sphere
from hcl.psi import Psi
from hcl.shapes import Shape, shape_of

STATIONARY = 1e-6  # norm of the projected gradient below which a point is taken for stationary

_ONTO: dict[str, Callable[[Tensor], Tensor]] = {"unit_ball": fold, "unit_sphere": unit_sphere}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A loss of a few points a class, all of which are free: no network, no data, no sampling.

    Losses are those of `hcl.exact.exact_loss`; the gradient goes through the weights of hard negatives, without which
    a fixed point would be no minimum (D6).

    Attributes:
        num_classes: C >= 2.
        dim: d >= 1.
        supervised: negatives of other classes only (SCL, HSCL), or of all (UCL, HUCL).
        hardening: eta; None is none.
        k: number of negatives; None is the limit k -> infinity.
        psi: contrastive loss function; None is `hcl.psi.InfoNCE`.
        class_weights: lambda_y up to a factor; none for equally likely classes.
        collisions: probability that a negative is of the anchor's class; None is that of the class.
        own_positives: probability that the positive is the anchor itself, else it is any item of the class: 0 is
            condition (e) of Theorem 3, 1 is as far from it as can be.
        per_class: items of each class; with 1 no class can spread.
        space: ``"unit_ball"`` or ``"unit_sphere"``.

    Raises:
        ValueError: for values out of these ranges.
    """

    num_classes: int
    dim: int
    supervised: bool = False
    hardening: Hardening | None = None
    k: int | None = None
    psi: Psi | None = None
    class_weights: tuple[float, ...] = ()
    collisions: float | None = None
    own_positives: float = 0.0
    per_class: int = 2
    space: str = "unit_ball"

    def __post_init__(self) -> None:
        one_of("space", self.space, _ONTO)
        for name, least in (("num_classes", 2), ("dim", 1), ("per_class", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be >= {least}, got {getattr(self, name)}.")
        if not 0 <= self.own_positives <= 1:
            raise ValueError(f"own_positives must be in [0, 1], got {self.own_positives}.")
        _ = self.population

    @cached_property
    def labels(self) -> Tensor:
        """Class of each item: (C * per_class,) int64."""
        return torch.arange(self.num_classes).repeat_interleave(self.per_class)

    @cached_property
    def population(self) -> Population:
        """The items, and how anchor and positive are drawn."""
        return mixed(self.labels, self.own_positives, self.class_weights)

    def loss(self, z: Tensor) -> Tensor:
        """Return the loss of representations: (..., C * per_class, d) -> (...)."""
        return exact_loss(
            z, self.population, supervised=self.supervised, k=self.k, psi=self.psi, hardening=self.hardening,
            collisions=self.collisions,
        )  # fmt: skip

    def projected_gradient(self, z: Tensor) -> Tensor:
        """Return the norm of the gradient of the loss along what the space allows: (starts, n, d) -> (starts,).

        On the sphere its tangential part; in the ball z - P(z - gradient) with the projection P, which is the gradient
        inside, its tangential part on the sphere where the loss falls outwards, and 0 just where no direction within
        the ball leads down (J. Nocedal and S. Wright: Numerical Optimization, sec. 16.7).
        """
        _, gradient = value_and_gradient(self.loss, z)
        if self.space == "unit_sphere":
            along = gradient - (gradient * z).sum(-1, keepdim=True) * z
        else:
            along = z - unit_ball(z - gradient)
        return along.flatten(1).norm(dim=1)


@dataclass(frozen=True)
class Found:
    """What descent from several starts came to.

    Attributes:
        problem: that was asked.
        z: (restarts, n, d) representations.
        losses: (restarts,) of each.
        gradients: (restarts,) norm of the projected gradient at each, measured.
    """

    problem: Problem
    z: Tensor
    losses: Tensor
    gradients: Tensor

    @cached_property
    def converged(self) -> Tensor:
        """Whether each is stationary: (restarts,) bool."""
        return self.gradients < STATIONARY

    @cached_property
    def at(self) -> int:
        """Which has the least loss of those that converged; of all, where none did."""
        losses = torch.where(self.converged, self.losses, torch.inf) if bool(self.converged.any()) else self.losses
        return int(losses.argmin())

    @property
    def best(self) -> Tensor:
        """Its representations: (n, d)."""
        return self.z[self.at]

    @property
    def least(self) -> float:
        """Its loss."""
        return float(self.losses[self.at])

    @property
    def gradient(self) -> float:
        """The norm of its projected gradient."""
        return float(self.gradients[self.at])

    def reached(self, tolerance: float = 1e-8) -> int:
        """Return how many restarts ended within a tolerance of the least loss."""
        return int((self.losses <= self.least + tolerance).sum())

    @cached_property
    def shape(self) -> Shape:
        """The shape of the best."""
        return shape_of(self.best, self.problem.labels)


def explore(
    problem: Problem, *, restarts: int = 50, generator: torch.Generator | None = None, steps: int = 1000
) -> Found:
    """Minimise a loss over its points from random starts, all at once and each on its own (`hcl.descent`).

    Args:
        problem: the question.
        restarts: number of random starts, >= 1.
        generator: of the starts; None is one of seed 0.
        steps: iterations at most.

    Raises:
        ValueError: if there is no start.
    """
    if restarts < 1:
        raise ValueError(f"restarts must be >= 1, got {restarts}.")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    n, onto = len(problem.labels), _ONTO[problem.space]
    points = random_points(restarts, n, problem.dim, generator)

    def loss(x: Tensor) -> Tensor:
        return problem.loss(onto(x.unflatten(1, (n, problem.dim))))

    ends = descend(loss, points.flatten(1), steps=steps, tolerance=1e-9)
    z = onto(ends.unflatten(1, (n, problem.dim)))
    return Found(problem, z, problem.loss(z), problem.projected_gradient(z))
