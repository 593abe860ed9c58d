"""Batches and SimCLR against the theorems: what Neural-Collapse has there, and what is lower."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl.bounds import simclr_lower_bound, ucl_batch_value, ucl_lower_bound
from hcl.companion.representations import FIXED_BATCHES, class_labels, merged_pairs, neural_collapse
from hcl.companion.theorems import bound
from hcl.exact import Population, exact_loss, identical, independent
from hcl.geometry import simplex_etf
from hcl.losses import simclr_loss
from hcl.minimise import minimise


def batches(starts: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return SCL and UCL losses, as Algorithm 1 has them in a batch, over batches of 4 of the 8 items of 4 classes.

    Over all 70 batches, as reshuffling gives, Neural-Collapse has the least loss found. For the fixed partition into
    classes {1, 2} and {3, 4} it has not (P3), nor in UCL: to send classes 1 and 3 to e, and 2 and 4 to -e, is better.

    Args:
        starts: of each descent.
        seed: of these.
    """
    merged, labels = merged_pairs()
    built = {"two merged pairs of classes": merged, "Neural-Collapse": neural_collapse(4, 2)[0]}
    groups = {"fixed batches": FIXED_BATCHES, "all batches": tuple(itertools.combinations(range(8), 4))}
    table: dict[str, dict[str, float]] = {}
    for supervised, method in ((True, "SCL"), (False, "UCL")):
        for name, group in groups.items():
            loss = _mean_over(group, labels, supervised)
            found = minimise(loss, 8, 3, starts=starts, seed=seed)
            column = {row: float(loss(z)) for row, z in built.items()}
            column["lowest found"] = float(found.losses.min())
            column["bound for the population"] = bound(supervised, 4, None)
            table[f"{method}, {name}"] = column
    return pd.DataFrame(table).rename_axis("representation")


def _mean_over(group: Sequence[tuple[int, ...]], labels: Tensor, supervised: bool) -> Callable[[Tensor], Tensor]:
    """Return the mean loss over batches of one size, at once for those with the same pattern of classes."""
    kinds: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for batch in group:
        pattern = labels[list(batch)].unique(return_inverse=True)[1]
        kinds.setdefault(tuple(pattern.tolist()), []).append(batch)

    def loss(z: Tensor) -> Tensor:
        total = torch.zeros(z.shape[:-2], dtype=z.dtype)
        for pattern, members in kinds.items():
            population = independent(torch.tensor(pattern))
            total = total + exact_loss(z[..., torch.tensor(members), :], population, supervised=supervised).sum(-1)
        return total / len(group)

    return loss


def batch_values(num_classes: int = 100, batch_sizes: Sequence[int] = (512, 64, 32), k: int = 256) -> pd.DataFrame:
    """Return the UCL loss at Neural-Collapse in batches beside the bound of Theorem 3 (D43), one row a batch size."""
    rows = [
        {"batch size": b, "mean over anchors": ucl_batch_value(num_classes, b, k),
         "mean over pairs": ucl_batch_value(num_classes, b, k, "pair"), "bound": ucl_lower_bound(num_classes, k)}
        for b in batch_sizes
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("batch size")


@dataclass(frozen=True)
class WeightedLimit:
    """The loss (42) as a contrastive loss function: log(1 + Q E exp(v)), in the limit alone.

    Attributes:
        weight: Q > 0.
    """

    weight: float

    def __call__(self, v: Tensor) -> Tensor:
        """Return log(1 + Q mean exp)."""
        return torch.log1p(self.weight * v.exp().mean(-1))

    def expectation(self, v: Tensor, log_p: Tensor) -> Tensor:
        """Return log(1 + Q E exp(v))."""
        return F.softplus((v + log_p).logsumexp(-1) + torch.tensor(self.weight, dtype=v.dtype).log())


def simclr(
    weights: Sequence[float] = (1, 510, 1022), num_classes: int = 100, small: int = 3, starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return the least value of the SimCLR loss (42) by its weight Q, and what attains it and goes below it.

    Args:
        weights: Q; 510 is the paper's "batch size minus two" at B = 512, 1022 the 2 B - 2 of `simclr_loss` (D13).
        num_classes: C of the first two columns: the bound for negatives of other classes, and the loss at an ETF.
        small: C of the last three: how far above the bounds descent gets, with an image's own view as positive, and for
            unsupervised negatives also with an independent positive of the class (condition (e)).
        starts: of each descent.
        seed: of these.
    """
    etf, every = simplex_etf(num_classes, num_classes - 1), torch.arange(num_classes)
    labels = class_labels(small, 2)
    rows = []
    for weight in weights:

        def above(supervised: bool, population: Population, weight: float = weight) -> float:
            loss = partial(exact_loss, population=population, supervised=supervised, psi=WeightedLimit(weight))
            found = minimise(loss, len(labels), len(labels) - 1, starts=starts, seed=seed)
            return float(found.losses.min()) - simclr_lower_bound(small, weight, supervised)

        rows.append(
            {
                "Q": f"{weight:g}",
                f"bound, C = {num_classes}": simclr_lower_bound(num_classes, weight),
                "ETF": float(simclr_loss(etf, etf, every, weight=weight)),
                "supervised, found above": above(True, identical(labels)),
                "unsupervised under (e), found above": above(False, independent(labels)),
                "unsupervised, own view, found above": above(False, identical(labels)),
            }
        )
    return pd.DataFrame(rows).set_index("Q")
