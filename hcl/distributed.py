"""Batches gathered over the processes of a distributed training, so that the negatives are those of all of them."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from hcl.inputs import Labels, whole_labels


def gather(z: Tensor, *others: Labels) -> tuple[Tensor, ...]:
    """Return the items of all processes, in the order of their ranks, with a gradient to those of one's own.

    A loss of what is returned is that of the whole batch, the same on every process. The gradient that comes back is
    the sum over processes, so that after the average of DistributedDataParallel the parameters have the gradient that
    one process with the whole batch would have. Batches may differ in size. All processes must call it together, with
    as many tensors; where there is one process only, or none was set up, its items come back as they are.

    Args:
        z: (n, d) representations of this process.
        others: further tensors of n items, of the same items on every process: labels (a list or a NumPy array too),
            given positives.

    Returns:
        A tensor of all items for each tensor passed.

    Raises:
        ValueError: if items differ between processes in shape or precision, or ``others`` are not of n items.
    """
    tensors = [z, *(x if isinstance(x, Tensor) else whole_labels(x, len(z), z.device) for x in others)]
    if any(len(x) != len(z) for x in tensors):
        raise ValueError(f"Each tensor must have the {len(z)} items of z, got {[len(x) for x in tensors]}.")
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return tuple(tensors)
    if torch.compiler.is_compiling():  # what talks to other processes stays out of the graph
        return torch.compiler.disable(_gathered)(tensors)
    return _gathered(tensors)


def _gathered(tensors: list[Tensor]) -> tuple[Tensor, ...]:
    counts = _counts(tensors)
    return tuple(_Gather.apply(x, counts) for x in tensors)


def _counts(tensors: list[Tensor]) -> list[int]:
    """Return the number of items on each process."""
    kind = [len(tensors), sum(x.shape[1:].numel() for x in tensors), sum(x.element_size() for x in tensors)]
    own = torch.tensor([len(tensors[0]), *kind], device=tensors[0].device)
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    counts, *kinds = torch.stack(every).T.tolist()
    for what, numbers in zip(("tensors", "numbers an item", "bytes a number"), kinds, strict=True):
        if len(set(numbers)) > 1:
            raise ValueError(f"Processes differ in {what}: {numbers} by rank; pass the same everywhere.")
    return list(counts)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        largest = max(counts)
        padded = torch.cat([x, x.new_zeros(largest - len(x), *x.shape[1:])])
        every = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(every, padded)
        return torch.cat([items[:count] for items, count in zip(every, counts, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        total = grad.contiguous().clone()
        dist.all_reduce(total)
        rank = dist.get_rank()
        first = sum(ctx.counts[:rank])
        return total[first : first + ctx.counts[rank]], None
