"""The figures of "Supervised Contrastive Learning with Hard Negative Samples" (arXiv 2209.00078), and their runs.

Beside the runs of the paper these are, at ``workstation``, 12 on two data sets, some 25 minutes each on a CPU core, and
16 more for two further seeds: 5 hours, then 7. `FIRST` are 8 of the 12, the H-UCL runs of Figures 4 and 5 before all
others. What is dropped first, if hours are short: the further seeds, those on CIFAR-10 before the others; then the
thresholds, `THEN`. The graph benchmarks of that work are left out: they need another encoder and other data.
"""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from hcl.companion.entry import BEYOND, Figure, Grid, grid
from hcl.companion.profiles import Changes

H_SCL = "H-SCL (Jiang, Nguyen, Ishwar, Aeron 2022)"
TAU = exp(-0.1)  # the harder of its two thresholds

# Its official code: unit vectors in 128 dimensions at temperature .5, so that its beta is the beta here (D11), two
# augmented views, all other views of a batch of 256 images as negatives.
_RUN: Changes = {
    "objective": "simclr", "positives": "augmentation", "temperature": 0.5, "normalization": "unit_sphere", "dim": 128,
    "batch_size": 256, "weight_decay": 1e-6,
}  # fmt: skip
_AT: Mapping[str, Changes] = {"laptop": {"epochs": 30}, "workstation": {"epochs": 300, "eval_every": 5}}


def _of(*supervised: bool, **fixed: Any) -> Grid:
    """Return the grid of the settings of one supervision, or of both, with what all runs have in common."""

    def settings(hardness: Sequence[float]) -> tuple[Changes, ...]:
        return tuple(each for each in grid(hardness, **_RUN, **fixed) if each["supervised"] in supervised)

    return settings


def _pair(name: str, title: str, section: str, notebook: str, hardness: Sequence[float], of: Grid) -> list[Figure]:
    """Return a figure on a hundred classes, as that work has it, and the same on CIFAR-10, on one page."""
    return [
        Figure(
            name + suffix,
            title + words,
            f"H-SCL, {section}",
            notebook,
            dataset,
            tuple(hardness),
            of,
            _AT,
            BEYOND,
            H_SCL,
        )
        for suffix, words, dataset in (("", "", "cifar100"), ("_cifar10", ", CIFAR-10", "cifar10"))
    ]


FIGURES: tuple[Figure, ...] = (
    Figure(
        "hscl", "Hard negatives with labels: what bounds the H-SCL loss", "H-SCL, statements", "hscl", part=BEYOND,
        work=H_SCL,
    ),
    *_pair(
        "hscl_epochs", "Assumption 1 and four losses while H-UCL trains", "Figures 4 and 5", "hscl_epochs", (1,),
        _of(False),
    ),
    *_pair(
        "hscl_accuracy", "Accuracy of UCL, H-UCL, SCL and H-SCL", "Figure 1", "hscl_accuracy", (0, 1), _of(True, False),
    ),
    *_pair(
        "hscl_threshold", "Accuracy with threshold hardening", "Figure 1", "hscl_accuracy", (TAU,),
        _of(True, False, hardening="threshold"),
    ),
)  # fmt: skip
FIRST = ("hscl_epochs", "hscl_epochs_cifar10", "hscl_accuracy", "hscl_accuracy_cifar10")
THEN = ("hscl_threshold", "hscl_threshold_cifar10")
SEEDS = ("hscl_accuracy", "hscl_accuracy_cifar10")
