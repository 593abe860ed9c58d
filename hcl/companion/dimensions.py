"""What the page on training in few and in many dimensions shows of its runs."""

from typing import Any

import numpy as np

from hcl.companion.labels import label
from hcl.companion.neighbours_trained import TABLES, Measure
from hcl.training.runs import Run
from hcl.training.spec import RunSpec


def words(spec: RunSpec) -> str:
    """Return a number of dimensions by the number of classes: ``"d = C − 1"``, ``"d = C/2"``, ``"d = 2C"``."""
    c, d = spec.num_classes, spec.representation_dim
    return {2 * d: "d = C/2", d // 2: "d = 2C", d + 1: "d = C − 1"}.get(c, f"d = {d}")


def named(spec: RunSpec) -> str:
    """Return ``"HSCL, β = 5, d = 2C"``."""
    return f"{label(spec)}, {words(spec)}"


def off_cross_polytope(means: Any) -> float:
    """Return how far cosines of class means are from those of a cross-polytope, in the mean over pairs.

    There each class has one opposite, of cosine -1, and is orthogonal to all others.

    Args:
        means: (C, d).
    """
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, np.nan)
    each = np.sort(cosines, axis=1)[:, :-1]  # NaN last
    each[:, 0] += 1
    return float(np.abs(each).mean())


def _off(run: Run) -> float:
    return off_cross_polytope(run.arrays["means"])


GEOMETRY: tuple[Measure, ...] = (Measure("off a cross-polytope", _off, 3), *TABLES[0])
ENDS: tuple[Measure, ...] = (*TABLES[1][:2], *TABLES[2])
