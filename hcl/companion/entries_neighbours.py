"""The figures of the pages on losses of other works, and their runs.

What the paper says of these losses is computed, and so is what this project adds (two entries of one page). Training
compares them at equal settings, those of Figure 3: the same encoder, images, epochs, batch and seeds. At
``workstation`` these are 13 runs, 5 of which are Figure 3's, and twice as many for two further seeds. Of losses of
other works 8 runs are to be made, of some 20 minutes each on a CPU core, and 16 for the further seeds: 3 hours, then 5;
the page has what is left. What is dropped first, if hours are short: the further seeds, then the losses at a
temperature of their own.
"""

from collections.abc import Sequence

from hcl.companion.entry import BEYOND, PAPER, Figure
from hcl.companion.profiles import Changes

HARDNESS = (0.0, 5.0, 10.0)  # of the paper's losses beside them, unsupervised up to 5
SHARE = 0.01  # of a class among a hundred: what the debiased loss takes off
MARGIN = 0.1  # FaceNet's .2 is of squared distances, which is .1 of inner products (`hcl.neighbours`)
OWN_TEMPERATURE = 0.1  # of SupCon, and of SINCERE, which compares with it


def settings(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return the paper's losses and those of other works, the last those at a temperature of their own.

    Args:
        hardness: of both; where 0 is not among them there are hard negatives only.
    """
    wanted = [float(beta) for beta in hardness]
    papers: tuple[Changes, ...] = tuple(
        {"supervised": supervised, "hardness": beta}
        for supervised in (True, False)
        for beta in wanted
        if supervised or beta <= 5
    )
    debiased: Changes = {"supervised": False, "objective": "debiased", "collisions": SHARE}
    plain: tuple[Changes, ...] = (
        {"supervised": False, "objective": "supcon"}, {"supervised": True, "objective": "sincere"}, debiased,
        {"supervised": True, "margin": MARGIN, "k": 1}, {"supervised": False, "objective": "spectral"},
        {"supervised": False, "objective": "supcon", "temperature": OWN_TEMPERATURE},
        {"supervised": True, "objective": "sincere", "temperature": OWN_TEMPERATURE},
    )  # fmt: skip
    # The gradient goes through the weights, as in the code of Robinson et al.
    hard = tuple(debiased | {"hardness": beta, "detach_weights": False} for beta in wanted if 0 < beta <= 5)
    of_none = plain if 0 in wanted else ()
    return (*papers, *of_none[:3], *hard, *of_none[3:])


FIGURES: tuple[Figure, ...] = (
    Figure("neighbours", "Losses of other works beside the paper's", "Sec. 2", "neighbours", part=BEYOND),
    Figure("neighbours_said", "What the paper says of losses of other works", "Sec. 2", "neighbours", part=PAPER),
    Figure(
        "neighbours_trained", "Losses of other works: trained at equal settings", BEYOND, "neighbours_trained",
        "cifar100", HARDNESS, settings, part=BEYOND,
    ),
)  # fmt: skip
LAST = ("neighbours_trained",)
