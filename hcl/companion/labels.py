"""What runs and numbers are called, the same everywhere."""

import math

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.training.spec import RunSpec

_COUNTS = ("rank", "effective rank", "clusters", "best epoch")  # what these begin with is written to one decimal


def hardness_label(spec: RunSpec) -> str:
    """Return ``"β = 5"``, or ``"ε = 5"`` and ``"τ = .5"`` for the other families; ``"β = 0"`` without hardening."""
    letter = {"exponential": "β", "polynomial": "ε", "threshold": "τ"}[spec.hardening]
    return f"{letter} = {spec.hardness:g}"


def label(spec: RunSpec) -> str:
    """Return ``"HSCL, β = 5"``; plain ``"SCL"`` and ``"UCL"`` without hardening."""
    return f"{spec.method}, {hardness_label(spec)}" if spec.hardness else spec.method


def bound(spec: RunSpec) -> float:
    """Return the least value of the run's loss without hardening: Theorem 2 or 3; NaN for eq. (42), another loss."""
    if spec.objective == "simclr":
        return math.nan
    return (scl_lower_bound if spec.supervised else ucl_lower_bound)(spec.num_classes, spec.k)


def scale(spec: RunSpec) -> str:
    """Return in words what a run trains, on what, with which encoder and for how long."""
    encoder = {
        "resnet50": f"ResNet-50 with the {spec.stem} stem",
        "small_resnet": f"a small ResNet (three residual blocks, {spec.stem} stem)",
        "mlp": "a multi-layer perceptron",
    }[spec.encoder]
    size = f"{spec.num_train:,} training images" if spec.num_train else "the whole training split"
    batch = f"batch {spec.batch_size}" if spec.batch_size else "one batch of all"
    per = {"per_pair": "anchor-positive pair", "per_anchor": "anchor"}[spec.negatives]
    negatives = f"k = {spec.k} negatives drawn for each {per}" if spec.k else "the expectation over negatives"
    return (
        f"{spec.dataset}, {size}, {encoder}, {spec.epochs} epochs, {batch}, Adam at {spec.lr:g}, {spec.precision}, "
        + ("all negatives of the batch" if spec.objective == "simclr" else negatives)
    )


def decimals(column: str, digits: int) -> int:
    """Return the decimals of a column: counts, whose medians and means are broken, have one at most."""
    return min(digits, 1) if column.replace("_", " ").startswith(_COUNTS) else digits


def spread_of(spread: float, mean: float, digits: int) -> str:
    """Return a standard deviation to the decimals of its mean, in powers of ten where that is."""
    return f"{spread:.1e}" if _tiny(mean, digits) else f"{spread:.{digits}f}"


def number(value: float, digits: int) -> str:
    """Return a number to some decimals: whole ones without, tiny ones in powers of ten, NaN as a dash."""
    if math.isnan(value):
        return "–"
    if float(value).is_integer() and abs(value) >= 1:
        return f"{value:.0f}"
    return f"{value:.1e}" if _tiny(value, digits) else f"{value:.{digits}f}"


def _tiny(value: float, digits: int) -> bool:
    return 0 < abs(value) < 10**-digits
