"""What runs are called, the same everywhere; what their numbers are written like is in `hcl.companion.numbers`."""

import math

from hcl.bounds import scl_lower_bound, simclr_lower_bound, ucl_lower_bound
from hcl.companion.numbers import decimals, number, spread_of
from hcl.training.catalogue import NUM_TRAIN
from hcl.training.objective import psi_of
from hcl.training.spec import RunSpec

__all__ = ["bound", "decimals", "hardness_label", "label", "number", "scale", "spread_of", "training"]


def hardness_label(spec: RunSpec) -> str:
    """Return ``"β = 5"``, or ``"ε = 5"`` and ``"τ = .5"`` for the other families; ``"β = 0"`` without hardening.

    Of a hardness that changes ``"β = 0 to 10"``.
    """
    letter = {"exponential": "β", "polynomial": "ε", "threshold": "τ"}[spec.hardening]
    return f"{letter} = {spec.hardness:g}" + ("" if spec.hardness_end is None else f" to {spec.hardness_end:g}")


# Losses of other works.
_OTHERS = {"supcon": "SupCon", "sincere": "SINCERE", "debiased": "debiased", "spectral": "spectral"}


def label(spec: RunSpec) -> str:
    """Return ``"HSCL, β = 5"``; plain ``"SCL"`` and ``"UCL"`` without hardening; ``"SupCon"``, a loss of another work.

    Of a loss without 1/k and of uneven classes also ``"k = 16"`` and ``"10 to 1"``; of the triplet loss its margin; of
    a loss of another work what it has of its own; of other than the usual optimiser ``"eps 0.0001"`` and
    ``"cosine"``.
    """
    name = _OTHERS.get(spec.objective, spec.method)
    own = [f"t = {spec.temperature:g}"] if spec.objective in _OTHERS and spec.temperature != 1 else []
    own += [f"τ = {spec.collisions:g}"] if spec.objective == "debiased" else []
    own += [f"triplet of margin {spec.margin:g}"] if spec.margin is not None else []
    own += [hardness_label(spec)] if spec.hardness or spec.hardness_end else []
    hardened = ", ".join([name, *own])
    counted = f", k = {spec.k}" if spec.alpha is not None else ""
    changed = (f", eps {spec.eps:g}" if spec.eps != 1e-8 else "") + (f", {spec.decay}" if spec.decay != "none" else "")
    return hardened + counted + changed + (f", {spec.imbalance:g} to 1" if spec.imbalance > 1 else "")


def bound(spec: RunSpec) -> float:
    """Return the least value of the run's loss without hardening: Theorem 2 or 3, for eq. (42) with its weight Q (D13).

    NaN for unsupervised eq. (42): its positives, two views of one image, do not meet condition (e) of Theorem 3; where
    classes are not equally frequent; and for losses of other works, whose least depends on what a batch holds.
    """
    if spec.imbalance > 1 or spec.objective in _OTHERS:
        return math.nan
    t = spec.temperature
    if spec.objective == "simclr":
        views = 2 * (spec.batch_size or NUM_TRAIN[spec.dataset])
        return simclr_lower_bound(spec.num_classes, views - 2, temperature=t) if spec.supervised else math.nan
    of = scl_lower_bound if spec.supervised else ucl_lower_bound
    return of(spec.num_classes, spec.k, psi_of(spec), temperature=t)


def training(spec: RunSpec) -> str:
    """Return in words what a run trains, on what, with which encoder and for how long."""
    encoder = {
        "resnet50": f"ResNet-50 with the {spec.stem} stem",
        "small_resnet": f"a small ResNet (three residual blocks, {spec.stem} stem)",
        "mlp": "a multi-layer perceptron",
    }[spec.encoder]
    size = f"{spec.num_train:,} training images" if spec.num_train else "the whole training split"
    if spec.imbalance > 1:
        size += f" ({spec.imbalance:g} times as many of the first class as of the last)"
    batch = f"batch {spec.batch_size}" if spec.batch_size else "one batch of all"
    per = {"per_pair": "anchor-positive pair", "per_anchor": "anchor"}[spec.negatives]
    negatives = f"k = {spec.k} negatives drawn for each {per}" if spec.k else "the expectation over negatives"
    if spec.alpha is not None:
        negatives += f", in log({spec.alpha:g} + sum)"
    if spec.margin is not None:
        negatives += f", in max(v + {spec.margin:g}, 0)"
    optimiser = f"Adam at {spec.lr:g}"
    if spec.eps != 1e-8:
        optimiser += f" with eps {spec.eps:g}"
    if spec.decay != "none":
        optimiser += {"cosine": " falling as a cosine", "step": " falling in two steps"}[spec.decay]
    return (
        f"{spec.dataset}, {size}, {encoder}, {spec.epochs} epochs, {batch}, {optimiser}, {spec.precision}, "
        + (f"temperature {spec.temperature:g}, " if spec.temperature != 1 else "")
        + (negatives if spec.objective == "algorithm1" else "all negatives of the batch")
    )


scale = training  # its name of before
