"""What the page on the mechanism shows: tilted means, how merged states are left, and what a spread does to that."""

from functools import cache

import pandas as pd
import torch

from hcl.mechanism import Merged, leave, parting_rate, spread_pair, tilted_mean, tilted_to_first_order

BETAS = (0.0, 2.0, 5.0, 10.0, 30.0)  # of the paper
# (C, K): pairs, the state that 100 classes are found in without hard negatives (about ten points), and one point.
STATES = ((4, 2), (10, 5), (20, 10), (100, 50), (100, 10), (100, 1))
POINTS = (2, 4, 5, 10, 20, 25, 50)  # of 100 classes
VARIANCES = (0.0, 0.02, 0.05, 0.1)
ITEMS = 7  # of a class that has a spread, at the quantiles of a Gaussian
_LEAST = 1e-9  # in place of no spread, where a class would have no direction


def called(num_classes: int, clusters: int) -> str:
    """Return ``"100 classes at 50 points"``."""
    return f"{num_classes} classes at {clusters} point{'s' * (clusters > 1)}"


def tilt_table(seed: int = 0) -> pd.DataFrame:
    """Return how far m + t S z is from the mean of tilted items, for a class of 200 random points and a random anchor.

    Returns:
        A row a tilt: the distance that the tilt moves the mean, the error of the first order, and how many times
        larger it is at twice the tilt.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(200, 5, generator=generator, dtype=torch.float64) - 0.3
    z = torch.nn.functional.normalize(torch.randn(5, generator=generator, dtype=torch.float64), dim=0)

    def error(tilt: float) -> float:
        return float((tilted_mean(x, z, tilt) - tilted_to_first_order(x, z, tilt)).norm())

    rows = [
        {
            "tilt": tilt, "moved by": float((tilted_mean(x, z, tilt) - x.mean(0)).norm()), "error": error(tilt),
            "error at twice the tilt": error(2 * tilt) / error(tilt),
        }
        for tilt in (0.02, 0.1, 0.5, 1.0, 2.0)
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("tilt")


@cache
def escape_table(seed: int = 0, states: tuple[tuple[int, int], ...] = STATES) -> pd.DataFrame:
    """Return how merged states are left: the rate, and the number of steps that it predicts and that were counted.

    Args:
        seed: of the displacements.
        states: (C, K) of each.

    Returns:
        A row a state and hardness.
    """
    rows = []
    for c, clusters in states:
        for beta in BETAS:
            state = Merged(c, clusters, beta)
            found = leave(state, generator=torch.Generator().manual_seed(seed))
            rows.append(
                {
                    "C": c, "points": clusters, "β": beta, "own share": state.share, "tilted": state.weight,
                    "rate": state.rate, "predicted steps": found.predicted, "counted steps": found.measured,
                }
            )  # fmt: skip
    return pd.DataFrame(rows).set_index(["C", "points", "β"])


def rank_table(num_classes: int = 100) -> pd.DataFrame:
    """Return the rate at which collapsed directions open by the number of points: K, a column a hardness."""
    table = {beta: [Merged(num_classes, k, beta).rate for k in POINTS] for beta in BETAS}
    return pd.DataFrame(table, index=pd.Index(POINTS, name="points"))


@cache
def spread_table(num_classes: int = 100) -> pd.DataFrame:
    """Return the rate at which a pair of classes parts by their variance in that direction.

    Args:
        num_classes: C, even: the classes are in pairs, of which one is spread.

    Returns:
        A row a hardness and variance: the rate, exactly, and that of a Gaussian's tilt.
    """
    rows = []
    for beta in BETAS:
        state = Merged(num_classes, num_classes // 2, beta)
        for variance in VARIANCES:
            exact = parting_rate(*spread_pair(state, max(variance, _LEAST), ITEMS), beta)
            rows.append({"β": beta, "variance": variance, "rate": exact, "predicted": state.slowed(variance)})
    return pd.DataFrame(rows).set_index(["β", "variance"])
