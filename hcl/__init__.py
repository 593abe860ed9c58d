"""Contrastive losses with hard negatives, their bounds and the geometry of their minima.

The companion to "Hard-Negative Sampling for Contrastive Learning: Optimal Representation Geometry and Neural- vs
Dimensional-Collapse" (Jiang, Nguyen, Aeron, Ishwar). This package needs PyTorch, NumPy and SciPy only; `hcl.training`
makes and keeps runs, `hcl.companion` the figures, claims and the book.
"""

import importlib
from typing import TYPE_CHECKING, Any

from hcl import _moved
from hcl.errors import HclError

if TYPE_CHECKING:
    from hcl import (
        anchors,
        augment,
        bounds,
        coverage,
        distributed,
        downstream,
        draws,
        exact,
        explore,
        geometry,
        hardening,
        hucl,
        losses,
        mechanism,
        minimise,
        models,
        modules,
        neighbours,
        psi,
        sampling,
        shapes,
    )
    from hcl.bounds import scl_lower_bound, simclr_lower_bound, ucl_lower_bound
    from hcl.geometry import (
        class_means,
        cluster_count,
        covariance_spectrum,
        effective_rank,
        equal_inner_product,
        least_distance,
        nc1,
        simplex_etf,
        spectrum_rank,
        unit_norm,
        within_class_variation,
        zero_sum,
    )
    from hcl.hardening import Exponential, Polynomial, Threshold, Uniform
    from hcl.losses import contrastive_loss, simclr_loss
    from hcl.models import unit_ball, unit_sphere
    from hcl.modules import ContrastiveLoss
    from hcl.psi import HardestTriplet, InfoNCE, LogSumExp, MeanExp, Triplet
    from hcl.sampling import Drawn, Exact

__version__ = "0.1.0"

# Where each public name lies; nothing is imported before it is asked for.
_NAMES = {
    "bounds": ("scl_lower_bound", "simclr_lower_bound", "ucl_lower_bound"),
    "geometry": (
        "class_means", "cluster_count", "covariance_spectrum", "effective_rank", "equal_inner_product",
        "least_distance", "nc1", "simplex_etf", "spectrum_rank", "unit_norm", "within_class_variation", "zero_sum",
    ),
    "hardening": ("Exponential", "Polynomial", "Threshold", "Uniform"),
    "losses": ("contrastive_loss", "simclr_loss"),
    "models": ("unit_ball", "unit_sphere"),
    "modules": ("ContrastiveLoss",),
    "psi": ("HardestTriplet", "InfoNCE", "LogSumExp", "MeanExp", "Triplet"),
    "sampling": ("Drawn", "Exact"),
}  # fmt: skip
_MODULES = (
    "anchors", "augment", "bounds", "coverage", "distributed", "downstream", "draws", "exact", "explore", "geometry",
    "hardening", "hucl", "losses", "mechanism", "minimise", "models", "modules", "neighbours", "psi", "sampling",
    "shapes",
)  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "ContrastiveLoss", "Drawn", "Exact", "Exponential", "HardestTriplet", "HclError", "InfoNCE", "LogSumExp", "MeanExp",
    "Polynomial", "Threshold", "Triplet", "Uniform", "anchors", "augment", "bounds", "class_means", "cluster_count",
    "contrastive_loss", "covariance_spectrum", "coverage", "distributed", "downstream", "draws", "effective_rank",
    "equal_inner_product", "exact", "explore", "geometry", "hardening", "hucl", "least_distance", "losses", "mechanism",
    "minimise", "models", "modules", "nc1", "neighbours", "psi", "sampling", "scl_lower_bound", "shapes", "simclr_loss",
    "simclr_lower_bound", "simplex_etf", "spectrum_rank", "ucl_lower_bound", "unit_ball", "unit_norm", "unit_sphere",
    "within_class_variation", "zero_sum",
]  # fmt: skip

_moved.forward()


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"hcl.{_HOME[name]}"), name)
    if name in _MODULES or name in _moved.MOVED:
        return importlib.import_module(f"hcl.{name}")
    raise AttributeError(f"module 'hcl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
