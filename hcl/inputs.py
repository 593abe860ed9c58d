"""What is passed in, made what is computed with: representations in full precision, labels as whole numbers."""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from math import isfinite
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

Labels = Tensor | Sequence[int] | np.ndarray[Any, Any]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def at_least_float32(x: Tensor) -> Tensor:
    """Return float64 and float32 as they are, all else (half precision, whole numbers) as float32."""
    return x if x.dtype == torch.float64 else x.float()


def in_full_precision(function: _Function) -> _Function:
    """Let a function see its first argument, a tensor, in float32 at least, and compute without autocast."""
    first = next(iter(signature(function).parameters))

    @wraps(function)
    def computed(*args: Any, **options: Any) -> Any:
        if args:
            x = at_least_float32(args[0])
            args = (x, *args[1:])
        else:
            x = options[first] = at_least_float32(options[first])
        with torch.autocast(x.device.type, enabled=False):
            return function(*args, **options)

    return computed  # type: ignore[return-value]


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that is not a finite number > 0.

    Raises:
        ValueError: if it is not.
    """
    if not (isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature must be a finite number > 0, got {temperature!r}.")


def check_rows(rows: int | None) -> None:
    """Refuse a number of anchors at a time that is not None or a whole number >= 1.

    Raises:
        ValueError: if it is not.
    """
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 1):
        raise ValueError(f"rows must be a whole number >= 1, or None for all anchors at once, got {rows!r}.")


def whole_labels(labels: Labels, count: int, device: torch.device) -> Tensor:
    """Return labels as int64 on the device of what they belong to; a tensor that is so already as it is.

    Args:
        labels: ``count`` classes: a tensor of whole numbers or booleans on ``device``, a list or a NumPy array.
        count: number of items.
        device: of the items.

    Returns:
        (count,) int64.

    Raises:
        ValueError: for numbers that are not whole, another shape, or a tensor on another device.
    """
    if not isinstance(labels, Tensor):
        labels = _from_numpy(labels, device)
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels must be whole numbers, got {labels.dtype}: pass labels.long() if they are classes.")
    if labels.shape != (count,):
        raise ValueError(f"labels must be ({count},), one for an item, got shape {tuple(labels.shape)}.")
    if labels.device != device:
        raise ValueError(f"labels are on {labels.device}, their items on {device}: pass labels.to({str(device)!r}).")
    return labels if labels.dtype == torch.int64 else labels.long()


def _from_numpy(labels: Sequence[int] | np.ndarray[Any, Any], device: torch.device) -> Tensor:
    try:
        array = np.asarray(labels)
    except (TypeError, ValueError):  # lists of unequal length, tensors on an accelerator
        raise ValueError("labels must be a tensor, a list or an array of whole numbers, one for an item.") from None
    if array.size and array.dtype.kind not in "iub":
        raise ValueError(f"labels must be whole numbers, got {array.dtype}: pass their classes as integers.")
    return torch.tensor(array.astype(np.int64), device=device)  # a copy: an array may be read-only
