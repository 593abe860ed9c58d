"""What H-SCL's Figures 4 and 5 show, measured by epoch on the features of an evaluation."""

from collections.abc import Mapping, Sequence
from math import exp

import torch
from torch import Tensor

from hcl import anchors
from hcl.hardening import Exponential, Hardening, Threshold
from hcl.training.spec import RunSpec

# By the name in a column: e^-0.5, e^-0.1, and the betas, at the temperature of the run (D11).
CASES: Mapping[str, Hardening] = {
    "tau_0.5": Threshold(exp(-0.5)), "tau_0.1": Threshold(exp(-0.1)),
    "beta_1": Exponential(1), "beta_2": Exponential(2),
}  # fmt: skip
MEASURES = ("assumption", "above_ucl", "hscl", "hucl")  # of each case


def measured(spec: RunSpec) -> bool:
    """Return whether a run measures them: one with the loss of H-SCL, eq. (42) at a temperature of its own."""
    return spec.objective == "simclr" and spec.temperature != 1


def measure(shown: Sequence[tuple[Tensor, Tensor]], temperature: float) -> dict[str, Tensor]:
    """Return by case the shares of anchors and the mean losses for k to infinity, over all anchors of all batches.

    ``assumption_<case>`` is the share of anchors at which Assumption 1 holds, ``above_ucl_<case>`` of those whose H-SCL
    term is at least UCL's; ``hscl_<case>`` and ``hucl_<case>`` are losses. Negatives are the views of other images.

    Args:
        shown: of each batch (2n, d) two views of n images, and their (n,) labels.
        temperature: of the run.
    """
    found: dict[str, list[Tensor]] = {}
    for views, labels in shown:
        z, z_pos = views.chunk(2)
        for case, hardening in CASES.items():
            of, g_pos = anchors.of_views(z, z_pos, labels, hardening=hardening, temperature=temperature)
            losses = (anchors.term(log_mean, g_pos, len(views) - 2) for log_mean in (of.hscl, of.hucl))
            for name, values in zip(MEASURES, (of.assumption, of.above_ucl, *losses), strict=True):
                found.setdefault(f"{name}_{case}", []).append(values.double().mean())
    return {name: torch.stack(means).mean() for name, means in found.items()}
