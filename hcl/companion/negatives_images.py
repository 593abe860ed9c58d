"""What the page on more negatives shows of its runs: cosines of class means, losses and accuracies by k."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hcl.companion.labels import bound
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

_COLUMNS = {
    "loss": "loss", "downstream_loss": "downstream loss", "downstream_loss_test": "on test",
    "ncc_accuracy": "nearest mean", "linear_probe": "linear probe", "equal_inner_product_cosine": "off an ETF",
    "within_class": "within class", "effective_rank": "effective rank", "clusters": "clusters",
}  # fmt: skip


def called(spec: RunSpec) -> str:
    """Return ``"balanced, k = 16"``, or ``"10 to 1, k = 16"``."""
    classes = "balanced" if spec.imbalance == 1 else f"{spec.imbalance:g} to 1"
    return f"{classes}, k = {spec.k}"


def cosine_similarities(means: np.ndarray) -> np.ndarray:
    """Return the cosine similarities of class means: (C, d) -> (C, C)."""
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    similarities: np.ndarray = unit @ unit.T
    return similarities


def cosines(runs: Sequence[Run]) -> dict[str, np.ndarray]:
    """Return the cosine similarities of the class means of the first seed of each setting, by its name.

    Args:
        runs: of the figure.
    """
    first = sorted(runs, key=lambda run: (run.spec.imbalance, run.spec.k or 0, run.spec.seed))
    found: dict[str, np.ndarray] = {}
    for run in first:
        found.setdefault(called(run.spec), cosine_similarities(run.arrays["means"]))
    return found


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the last values of each setting, means over its seeds, beside the least loss.

    Args:
        runs: of the figure.
    """
    rows = [
        {
            "classes": called(run.spec).split(",")[0], "k": run.spec.k, "seeds": run.spec.seed,
            "least loss": bound(run.spec), **{name: run.final.get(column) for column, name in _COLUMNS.items()},
        }
        for run in sorted(runs, key=lambda run: (run.spec.imbalance, run.spec.k or 0))
    ]  # fmt: skip
    names = ["classes", "k", "seeds", "least loss", *_COLUMNS.values()]
    frame = pd.DataFrame(rows, columns=names).groupby(["classes", "k"], sort=False)
    return frame.agg({"seeds": "count", **dict.fromkeys(names[3:], "mean")})
