"""Negatives drawn with replacement, exactly: by inversion of uniform numbers or, several times faster, from tables."""

from math import log2
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_TABLE_BITS = 15  # at most: so many random bits are in each of the four int16 of a random int64
_BLOCK = 2**19  # draws, or places of tables, at a time


def eager_on_cpu(x: Tensor) -> bool:
    """Return whether it costs nothing to look at a tensor, and shapes may follow from what it holds."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def invert(p: Tensor, uniforms: Tensor) -> Tensor:
    """Return the draws of given uniform numbers, by inversion of each row's distribution function.

    An item of probability 0 has an interval of width exactly 0, however the device adds.

    Args:
        p: (n, m) probabilities; a row that is not finite gives any index.
        uniforms: (n, sets, k) numbers in [0, 1).

    Returns:
        (n, sets, k) int64 indices below m; on a CPU those of a set in ascending order.
    """
    if uniforms.dtype != p.dtype:  # 1 - 2^-53 is 1 in float32
        uniforms = uniforms.to(p.dtype).clamp_max(1 - torch.finfo(p.dtype).eps / 2)
    if eager_on_cpu(p):
        # A sorted set takes half the time to look up: neighbours go the same way.
        uniforms = torch.from_numpy(np.sort(uniforms.numpy(), axis=-1))
        cdf = p.cumsum(1)
    else:
        # Parallel sums of floating-point numbers may decrease, depend on chance, and are refused in deterministic mode.
        cdf = (p * 2.0**52).long().cumsum(1).to(p.dtype)
    index = torch.searchsorted(cdf, uniforms.flatten(1) * cdf[:, -1:], right=True)
    return index.clamp_max(p.shape[1] - 1).view(uniforms.shape)


def from_tables(p: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Return ``count`` draws a row, on a CPU, each from a random place in a table of the row's items.

    An item fills the whole places that its probability comes to. The places left, some in a hundred, stand for the
    fractions: a draw that hits one is made again, from the fractions, by inversion. Together that is exactly ``p``
    (the idea is G. Marsaglia's: Generating discrete random variables in a computer, CACM 6, 1963).

    Args:
        p: (n, m) probabilities, finite.
        count: draws a row.
        generator: source of random numbers; None uses PyTorch's global one.

    Returns:
        (n, count) int64 indices below m.
    """
    n, m = p.shape
    size = _table_size(count, m)
    whole = (p * size).long()
    fraction = p * size - whole
    places = torch.cat([whole, size - whole.sum(1, keepdim=True)], 1)
    table = torch.repeat_interleave(places.flatten(), output_size=n * size).view(n, size)
    table -= torch.arange(0, n * (m + 1), m + 1)[:, None]  # m is "draw again"
    bits = torch.empty(-(-n * count // 4), dtype=torch.int64).random_(generator=generator).view(torch.int16)
    drawn = table.gather(1, (bits[: n * count] & (size - 1)).long().view(n, count))

    row, column = (drawn == m).nonzero(as_tuple=True)
    cdf = fraction.cumsum(1, dtype=torch.float64)
    cdf /= cdf[:, -1:].clamp_min(torch.finfo(torch.float64).tiny)
    cdf += torch.arange(n)[:, None]  # one ascending sequence for all rows
    u = row + torch.rand(len(row), dtype=torch.float32, generator=generator).double()  # exact, so below row + 1
    drawn[row, column] = torch.searchsorted(cdf.flatten(), u, right=True) - m * row
    return drawn


def _table_size(count: int, m: int) -> int:
    """Return the power of 2 where a larger table would cost more than it saves in draws made again (measured)."""
    return 2 ** min(round(log2(32 * count * m) / 2), _TABLE_BITS)


def log_mean_exp_of_draws(s: Tensor, p: Tensor, sets: Tensor, k: int, generator: torch.Generator | None) -> Tensor:
    """Return log of the mean of exp(s) over sets of k fresh draws, on a CPU, with as many sets a row as it needs.

    Args:
        s: (n, m), the largest and the smallest less than 80 apart, so that exp stays within float32.
        p: (n, m) probabilities.
        sets: (n,) number of sets of each row, >= 1.
        k: draws a set.
        generator: source of random numbers; None uses PyTorch's global one.

    Returns:
        (n, max(sets)); what is beyond a row's own number means nothing.
    """
    return _LogMeanExpOfDraws.apply(s, p, sets, k, generator)


class _LogMeanExpOfDraws(torch.autograd.Function):
    """By hand, since autograd would keep several tensors of the size of all draws: here only their indices."""

    @staticmethod
    def forward(ctx: Any, s: Tensor, p: Tensor, sets: Tensor, k: int, generator: torch.Generator | None) -> Tensor:
        top = s.amax()
        weight = (s - top).exp_()
        mean = s.new_ones(len(s), int(sets.max()))
        m = p.shape[1]
        ctx.drawn, ctx.k = [], k
        for number in sets.unique().tolist():
            size = max(number * k, _table_size(number * k, m))
            for rows in (sets == number).nonzero()[:, 0].split(max(1, _BLOCK // size)):
                index = from_tables(p[rows], number * k, generator)
                mean[rows, :number] = weight[rows].gather(1, index).view(-1, number, k).mean(-1)
                if ctx.needs_input_grad[0]:
                    ctx.drawn.append((rows, index.to(torch.int16) if m <= 2**15 else index))
        ctx.save_for_backward(weight, mean)
        return mean.log() + top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, mean = ctx.saved_tensors
        share = grad / (ctx.k * mean)
        grad_s = torch.zeros_like(weight)
        for rows, index in ctx.drawn:
            of_draws = share[rows, : index.shape[1] // ctx.k].repeat_interleave(ctx.k, 1)
            grad_s[rows] = torch.zeros_like(weight[rows]).scatter_add_(1, index.long(), of_draws)
        return grad_s * weight, None, None, None, None
