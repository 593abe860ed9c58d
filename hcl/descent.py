"""Descent by L-BFGS from many starts at once, each with a curvature and a length of step of its own."""

from collections.abc import Callable
from math import inf

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]

_MEMORY = 10  # steps, with their changes of the gradient, that a start remembers
_DECREASE, _SLOPE = 1e-4, 0.9  # the two conditions of Wolfe, in shares of what the slope promises
_TRIALS = 30  # of a length


def value_and_gradient(objective: Objective, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of an objective and their gradients: (starts, ...) -> (starts,), (starts, ...)."""
    x = x.detach().requires_grad_()
    value = objective(x)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


def descend(objective: Objective, x: Tensor, *, steps: int, tolerance: float) -> Tensor:
    """Return where descent leads from each start.

    L-BFGS (J. Nocedal and S. Wright: Numerical Optimization, 2nd ed., algorithm 7.4). The length of a step is bisected
    between the two conditions of Wolfe, which gets along with kinks too (A. Lewis and M. Overton: Nonsmooth
    optimization via quasi-Newton methods, Math. Program. 141, 2013). A start is done where its gradient is within the
    tolerance, or where the steepest descent lowers its value no more.

    Args:
        objective: of (starts, m) points: a value each, which depends on no other point.
        x: (starts, m) to begin at.
        steps: at most.
        tolerance: of the norm of a gradient.

    Returns:
        (starts, m) points.
    """
    ends = x.clone()
    left = torch.arange(len(x))  # which starts are not done
    value, gradient = value_and_gradient(objective, x)
    memory = _Memory.empty(x)
    for _ in range(steps):
        direction = memory.direction(gradient)
        new, new_value, new_gradient = _step(objective, x, value, gradient, direction)
        stuck = new_value >= value
        done = (new_gradient.norm(dim=1) <= tolerance) | (stuck & memory.is_empty)
        memory = memory.after(new - x, new_gradient - gradient, forget=stuck)
        x, value, gradient = new, new_value, new_gradient
        if done.any():
            ends[left] = x
            left, x, value, gradient = (of[~done] for of in (left, x, value, gradient))
            memory = memory[~done]
        if not len(left):
            return ends
    ends[left] = x
    return ends


class _Memory:
    """What L-BFGS remembers of each start, the latest first.

    Attributes:
        s: (memory, starts, m) steps.
        y: (memory, starts, m) changes of the gradient along them.
        rho: (memory, starts) 1 / s . y, and 0 for a pair that counts for nothing.
    """

    def __init__(self, s: Tensor, y: Tensor, rho: Tensor) -> None:
        self.s, self.y, self.rho = s, y, rho

    @classmethod
    def empty(cls, x: Tensor) -> "_Memory":
        return cls(*(x.new_zeros(0, *shape) for shape in (x.shape, x.shape, x.shape[:1])))

    def __getitem__(self, which: Tensor) -> "_Memory":
        return _Memory(self.s[:, which], self.y[:, which], self.rho[:, which])

    @property
    def is_empty(self) -> Tensor:
        return (self.rho == 0).all(0)

    def after(self, s: Tensor, y: Tensor, *, forget: Tensor) -> "_Memory":
        """Return the memory after a step; a start that did not move forgets everything."""
        curvature = (s * y).sum(1)
        counts = curvature > 1e-12 * s.norm(dim=1) * y.norm(dim=1)
        rho = torch.where(counts, 1 / torch.where(counts, curvature, 1), 0)
        kept = slice(_MEMORY - 1)
        rho = torch.cat([rho[None], self.rho[kept]]).masked_fill(forget, 0)
        return _Memory(torch.cat([s[None], self.s[kept]]), torch.cat([y[None], self.y[kept]]), rho)

    def direction(self, gradient: Tensor) -> Tensor:
        """Return the next direction; of an empty memory that of the steepest descent, at most of length 1."""
        if not len(self.s):
            return -gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1)
        q, shares = gradient.clone(), []
        for s, y, rho in zip(self.s, self.y, self.rho, strict=True):
            shares.append(rho * (s * q).sum(1))
            q -= shares[-1][:, None] * y
        curvature = self.rho * self.y.square().sum(2)  # y . y / s . y
        latest = (curvature > 0).double().argmax(0, keepdim=True)
        scale = curvature.gather(0, latest)[0]
        q /= torch.where(scale > 0, scale, gradient.norm(dim=1).clamp_min(1))[:, None]
        for s, y, rho, share in zip(*(of.flip(0) for of in (self.s, self.y, self.rho)), reversed(shares), strict=True):
            q += (share - rho * (y * q).sum(1))[:, None] * s
        return torch.where(((q * gradient).sum(1) > 0)[:, None], -q, -gradient)


def _step(
    objective: Objective, x: Tensor, value: Tensor, gradient: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the points that a search along the directions leads to, with their values and gradients."""
    slope = (gradient * direction).sum(1)
    short, long, length = torch.zeros_like(slope), torch.full_like(slope, inf), torch.ones_like(slope)
    best, best_value, best_gradient = x.clone(), value.clone(), gradient.clone()
    left = torch.arange(len(x))
    for number in range(_TRIALS):
        trial = x[left] + length[left, None] * direction[left]
        its_value, its_gradient = value_and_gradient(objective, trial)
        lower = its_value <= value[left] + _DECREASE * length[left] * slope[left]
        flat = (its_gradient * direction[left]).sum(1) >= _SLOPE * slope[left]
        if number == 0 and bool((lower & flat).all()):  # as nearly always
            return trial, its_value, its_gradient
        better = lower & (its_value < best_value[left])
        best[left[better]], best_value[left[better]] = trial[better], its_value[better]
        best_gradient[left[better]] = its_gradient[better]
        short[left[lower]], long[left[~lower]] = length[left[lower]], length[left[~lower]]
        left = left[~(lower & flat)]
        if not len(left):
            break
        bracketed = long[left] < inf
        length[left] = torch.where(bracketed, (short[left] + long[left]) / 2, 2 * length[left])
    return best, best_value, best_gradient
