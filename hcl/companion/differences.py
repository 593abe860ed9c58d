"""What is computed or measured of the differences between paper and official code: the D-numbers of the points.

What the closed forms and the losses of the library say is computed here; what training makes of a difference is read
from the runs of the Fidelity page by `hcl.companion.ambiguities`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl.bounds import scl_lower_bound, ucl_batch_value, ucl_lower_bound
from hcl.companion import ambiguities
from hcl.companion.published import TABLE_1_THEORY, TABLE_2
from hcl.companion.report import positives_frame
from hcl.geometry import simplex_etf, zero_sum
from hcl.hardening import Exponential, matching_beta
from hcl.losses import contrastive_loss, simclr_loss
from hcl.models import unit_sphere
from hcl.psi import InfoNCE
from hcl.training.catalogue import CATALOGUE, NUM_TRAIN

_C, _K, _BATCH = CATALOGUE["cifar100"].num_classes, 256, 512  # the paper's main experiment


def measured(effects: pd.DataFrame | None = None) -> dict[str, str]:
    """Return by number what is computed of a difference and, after it, what the runs of the Fidelity page show.

    Args:
        effects: of `hcl.companion.ambiguities.effects`; None leaves the runs out.
    """
    found = {number: compute() for number, compute in COMPUTED.items()}
    for number, sentence in (ambiguities.by_number(effects) if effects is not None else {}).items():
        found[number] = "; ".join(filter(None, [found.get(number), sentence]))
    return found


def _written(values: Mapping[Any, float], form: str, name: str) -> str:
    return ", ".join(f"{name} = {key}: {value:{form}}" for key, value in values.items())


def _averaging() -> str:
    generator = torch.Generator().manual_seed(0)
    said = []
    for batch in (_BATCH, 64):
        labels = torch.randint(_C, (batch,), generator=generator)
        z = unit_sphere(torch.randn(batch, _C - 1, generator=generator, dtype=torch.float64))
        by = [_loss(z, labels, reduction) for reduction in ("anchor", "pair")]
        said.append(f"B = {batch}: {by[0]:.3f} and {by[1]:.3f}")
    return f"SCL loss of random features, C = {_C}, by anchors and by pairs: {'; '.join(said)}"


def _loss(z: Tensor, labels: Tensor, reduction: str) -> float:
    pair = reduction == "pair"
    return float(contrastive_loss(z, labels, supervised=True, k=None, reduction="pair" if pair else "anchor"))


def _own_negatives() -> str:
    share = (1 + (_BATCH - 1) / _C) / _BATCH  # of the batch: the anchor and the others of its class
    log_odds = math.log(share / (1 - share))
    same = {beta: torch.sigmoid(torch.tensor(log_odds + beta * _C / (_C - 1))).item() for beta in (2, 5, 10)}
    return (
        f"at Neural-Collapse, C = {_C}, B = {_BATCH}, share of HUCL's negatives in the anchor's class: "
        f"{share:.4f} without hardening; {_written(same, '.4f', 'β')}"
    )


def _positives() -> str:
    others = positives_frame(_C, (_BATCH, 64, 32))["others"]
    return f"positives of an anchor other than itself, C = {_C}: {_written(dict(others.items()), '.2f', 'B')}"


def _overflow() -> str:
    v = torch.tensor([100.0])
    return f"at v = 100 in float32: {float(v.exp().add(1).log()):g} and {float(InfoNCE()(v)):g}"


def _infonce() -> str:
    return f"log k = {math.log(_K):.4f} at k = {_K}"


def _polynomial() -> str:
    beta = {epsilon: matching_beta(epsilon, _C) for epsilon in (3, 5, 10, 20)}
    return f"β of the same weights at Neural-Collapse, C = {_C}: {_written(beta, '.1f', 'ε')}"


def _weight() -> str:
    etf, labels = simplex_etf(_C, _C - 1), torch.arange(_C)
    values = {q: float(simclr_loss(etf, etf, labels, weight=q)) for q in (2 * _BATCH - 2, _BATCH - 2, 1)}
    return f"(42) at Neural-Collapse, C = {_C}: {_written(values, '.4f', 'Q')}"


def _one_class() -> str:
    z = unit_sphere(torch.eye(4, dtype=torch.float64))
    return f"loss of a batch of one class: {float(contrastive_loss(z, torch.zeros(4).long(), supervised=True)):g}"


def _no_batch() -> str:
    points = NUM_TRAIN["synthetic"]
    return f"batches of {_BATCH} in {points} points: {points // _BATCH}"


def _negatives() -> str:
    bounds = {k: ucl_lower_bound(_C, k) for k in (32, 256, 512)}
    return f"bound of UCL, C = {_C}: {_written(bounds, '.5f', 'k')}"


def _zero_sum() -> str:
    """A class mean of unit norm: C ‖mean‖² = 1 + (C - 1) mean inner product."""
    method = "HUCL, β = 30"
    x = TABLE_2["zero_sum"][method]
    forced = [(_C * norm**2 - 1) / (_C - 1) + 1 / (_C - 1) for norm in (x, x / _C)]
    means = F.normalize(torch.randn(_C, _C - 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    times = float(zero_sum(means, of="sum") / zero_sum(means))
    return (
        f"the two differ {times:.0f} times; Table 2, {method}: zero-sum {x} as a mean asks for an equal inner product "
        f"of {forced[0]:.3f}, as a sum for {forced[1]:.1e}; printed {TABLE_2['equal_inner_product'][method]}"
    )


def _rounding() -> str:
    floor = 2 * math.log(torch.finfo(torch.float32).eps)
    return f"squared singular values of float32 are noise below ln = {floor:.1f}"


def _least_scl() -> str:
    return f"{TABLE_1_THEORY:.6f}"


def _least_ucl() -> str:
    return f"C = 3: {ucl_lower_bound(3, _K):.6f} at k = {_K}, {ucl_lower_bound(3, None):.6f} for k → ∞"


def _in_a_batch() -> str:
    anchors, pairs = (ucl_batch_value(_C, _BATCH, _K, by) for by in ("anchor", "pair"))
    return (
        f"C = {_C}, B = {_BATCH}: {anchors:.4f} over anchors, {pairs:.4f} over pairs; bound {ucl_lower_bound(_C):.4f}"
    )


def _hardened_bound() -> str:
    etf = simplex_etf(_C, _C - 1).repeat_interleave(2, 0)
    labels = torch.arange(_C).repeat_interleave(2)
    own = float(contrastive_loss(etf, labels, supervised=False, k=None, hardening=Exponential(5)))
    return (
        f"at Neural-Collapse, C = {_C}: HUCL's own loss {own:.4f} at β = 5, without hardening "
        f"{ucl_lower_bound(_C, None):.4f}; of HSCL both are {scl_lower_bound(_C):.4f}"
    )


COMPUTED: Mapping[str, Callable[[], str]] = {
    "D1": _averaging,
    "D4": _own_negatives,
    "D5": _positives,
    "D9": _overflow,
    "D10": _infonce,
    "D12": _polynomial,
    "D13": _weight,
    "D16": _one_class,
    "D19": _no_batch,
    "D32": _negatives,
    "D33": _zero_sum,
    "D40": _rounding,
    "D41": _least_scl,
    "D42": _least_ucl,
    "D43": _in_a_batch,
    "D44": _hardened_bound,
}
