"""The figure on more dimensions than an ETF of the classes needs, and fewer, and its runs.

Beside the runs of Figure 5 on CIFAR-10 (d = C - 1) these are, at ``workstation``, 8 runs, 20 to 40 minutes each on a
CPU core, 3 to 5 hours in all: d = C/2 and 2C. They are the last of a campaign, and dropped first; of them those in 2C
dimensions.
"""

from collections.abc import Mapping, Sequence

from hcl.companion.entry import BEYOND, Figure, grid
from hcl.companion.profiles import Changes

FEWER, MORE = 5, 20  # C/2 and 2C of the ten classes


def settings(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return the runs of Figure 5 of some hardness, and the same in fewer and in more dimensions."""
    return (*grid(hardness), *(each | {"dim": d} for d in (FEWER, MORE) for each in grid(hardness)))


# As Figure 5, whose runs are those in C - 1 dimensions.
_AT: Mapping[str, Changes] = {
    "laptop": {"stem": "cifar"}, "workstation": {"num_train": 2_000, "epochs": 3_000, "eval_every": 100},
}  # fmt: skip

FIGURES: tuple[Figure, ...] = (
    Figure(
        "dimensions", "Half as many dimensions as classes, and twice as many: trained", BEYOND, "dimensions", "cifar10",
        (0, 5), settings, _AT, BEYOND,
    ),
)  # fmt: skip
LAST = ("dimensions",)
