"""Representations that the theory is checked on: random ones, Neural-Collapse, and what is lower in fixed batches."""

import torch
from torch import Tensor

from hcl.geometry import simplex_etf
from hcl.models import unit_ball


def class_labels(num_classes: int, per_class: int) -> Tensor:
    """Return the labels of a balanced population: (num_classes * per_class,) int64."""
    return torch.arange(num_classes).repeat_interleave(per_class)


def random_representations(count: int, labels: Tensor, d: int, seed: int) -> Tensor:
    """Return random representations in the unit ball, from tight clusters to noise: (count, n, d)."""
    generator = torch.Generator().manual_seed(seed)
    spread = 3 * torch.rand(count, 1, 1, generator=generator, dtype=torch.float64)
    centres = torch.randn(count, int(labels.max()) + 1, d, generator=generator, dtype=torch.float64)
    noise = torch.randn(count, len(labels), d, generator=generator, dtype=torch.float64)
    return unit_ball(1.2 / d**0.5 * (centres[:, labels] + spread * noise))


def neural_collapse(num_classes: int, per_class: int) -> tuple[Tensor, Tensor]:
    """Return representations at Neural-Collapse (Definition 6) in d = C - 1, with their labels."""
    labels = class_labels(num_classes, per_class)
    return simplex_etf(num_classes, num_classes - 1)[labels], labels


# The counterexample to (28)-(29), P3: 8 items, 2 of each of 4 classes, in batches of classes {1, 2} and {3, 4}.
FIXED_BATCHES = ((0, 1, 2, 3), (4, 5, 6, 7))


def merged_pairs() -> tuple[Tensor, Tensor]:
    """Return what is lower than Neural-Collapse in `FIXED_BATCHES` (P3): classes 1 and 3 at e, 2 and 4 at -e.

    Returns:
        (8, 3) representations and (8,) labels.
    """
    e = torch.eye(3, dtype=torch.float64)[0]
    labels = class_labels(4, 2)
    return torch.stack([e, -e, e, -e])[labels], labels
