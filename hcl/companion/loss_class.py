"""The losses of Definition 1: the bounds of Theorems 2 and 3 for several psi, and which minimisers are ETFs."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from hcl.companion.representations import class_labels
from hcl.companion.theorems import REACHED, above_bound, bound
from hcl.exact import exact_loss, independent
from hcl.geometry import simplex_etf
from hcl.minimise import minimise, nc_metrics
from hcl.psi import HardestTriplet, InfoNCE, LogSumExp, MeanExp, Psi, Triplet

PSIS: Mapping[str, Psi] = {
    "InfoNCE": InfoNCE(),
    "log(0.1 + Σ exp)": LogSumExp(0.1), "log(1 + Σ exp)": LogSumExp(1), "log(10 + Σ exp)": LogSumExp(10),
    "mean exp": MeanExp(), "hardest triplet, margin 1": HardestTriplet(1),
}  # fmt: skip
STRICT = tuple(name for name in PSIS if "triplet" not in name)  # strictly convex and strictly increasing


def necessity(starts: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return which minimisers of SCL are ETFs: all with a strictly convex and increasing psi, not with the triplet's.

    Returns:
        One row a representation or a search: columns psi, representation, above the bound (the largest, over those of a
        search that reached it), and the smallest and largest equal inner-product metric, 0 at an ETF.
    """
    third, root = 2**-0.5, 3**-0.5
    built = {
        "3 unit vectors, 90°, 135°, 135° apart": ([[1.0, 0.0], [0.0, 1.0], [-third, -third]], 1.0),
        "4 unit vectors of a square, d = 3": ([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], 2.0),
        "4 unit vectors of an ETF": ([[root, root, root], [root, -root, -root], [-root, root, -root],
                                      [-root, -root, root]], 2.0),
    }  # fmt: skip
    rows = []
    for name, (vectors, margin) in built.items():
        z = torch.tensor(vectors, dtype=torch.float64)[None].repeat_interleave(2, 1)
        rows.append(_attained(Triplet(margin), 1, z, name))
    searches: tuple[tuple[Psi, int, int], ...] = (
        (Triplet(1.0), 1, 3), (Triplet(2.0), 1, 4), (InfoNCE(), 1, 3), (InfoNCE(), 1, 4), (InfoNCE(), 2, 4),
    )  # fmt: skip
    for psi, k, c in searches:
        loss = partial(exact_loss, population=independent(class_labels(c, 2)), supervised=True, k=k, psi=psi)
        found = minimise(loss, 2 * c, c - 1, starts=starts, seed=seed)
        z = found.within(bound(True, c, k, psi), REACHED)
        rows.append(_attained(psi, k, z, f"{len(z)} of {starts} found, C = {c}, k = {k}"))
    return pd.DataFrame(rows).set_index(["psi", "representation"])


def _attained(psi: Psi, k: int, z: Tensor, name: str) -> dict[str, object]:
    labels = class_labels(z.shape[1] // 2, 2)
    losses = exact_loss(z, independent(labels), supervised=True, k=k, psi=psi)
    metric = [nc_metrics(one[None], labels)["equal_inner_product"] for one in z]
    shown = f"triplet, margin {psi.margin:g}" if isinstance(psi, Triplet) else "InfoNCE"
    return {
        "psi": shown,
        "representation": name,
        "above the bound": float(losses.max()) - bound(True, z.shape[1] // 2, k, psi),
        "equal inner product, smallest": min(metric),
        "largest": max(metric),
    }


def general_losses(
    num_classes: int = 4, k: int = 2, representations: int = 500, starts: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Return the bounds and what random, found and ETF representations have above them, for each of `PSIS`.

    Args:
        num_classes: C, of two items each, in C - 1 dimensions.
        k: number of negatives.
        representations: random ones for each.
        starts: of each descent.
        seed: of both.
    """
    labels = class_labels(num_classes, 2)
    etf = simplex_etf(num_classes, num_classes - 1)[labels]
    rows = []
    for name, psi in PSIS.items():
        for supervised, method in ((True, "SCL"), (False, "UCL")):
            above = above_bound(
                supervised, independent, num_classes, num_classes - 1, k, representations, starts, seed, psi
            )
            at_etf = float(exact_loss(etf, independent(labels), supervised=supervised, k=k, psi=psi))
            least = bound(supervised, num_classes, k, psi)
            shown = {name: value for name, value in above.items() if name not in ("C", "d", "k", "bound")}
            rows.append({"psi": name, "method": method, "bound": least, "ETF, above": at_etf - least, **shown})
    return pd.DataFrame(rows).set_index(["psi", "method"])
