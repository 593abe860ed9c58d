"""The figures of "Do More Negative Samples Necessarily Hurt in Contrastive Learning?" (2022), and their runs.

What is computed needs no run. On real images these are, at ``workstation``, 6 runs on CIFAR-10 (`FIRST`: even
classes and uneven ones, with 1, 16 and 512 negatives), estimated by `hcl campaign --plan` at ten minutes each on a
CPU core, and 12 more for two further seeds (`SEEDS`): one hour, then two. What is dropped first, if hours are short:
the further seeds, then k = 16. The 100 classes of that work's experiments are left out; `hcl run negatives_images -p
dataset=cifar100` makes them.
"""

from collections.abc import Sequence

from hcl.companion.entry import BEYOND, Figure, grid
from hcl.companion.profiles import Changes

AWASTHI = "Awasthi, Dikkala and Kamath (2022)"
COUNTS = (1, 16, 512)  # of negatives
RATIO = 10.0  # of the images of the most frequent class to those of the rarest


def _settings(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return runs with the loss of that work, without 1/k and on the sphere, on even classes and on uneven ones."""
    return tuple(
        each | {"alpha": 1.0, "normalization": "unit_sphere", "k": k, "imbalance": ratio}
        for ratio in (1.0, RATIO)
        for k in COUNTS
        for each in grid(hardness)
        if not each["supervised"]
    )


# As many images as are fitted. The digits of smoke have too few of a class for more.
_AT = {
    "smoke": {"num_train": 300, "batch_size": 100},
    "workstation": {"num_train": 2_000, "epochs": 1_500, "eval_every": 50},
}

FIGURES: tuple[Figure, ...] = (
    Figure(
        "negatives", "More negatives: Lemma 1, balanced classes and the bounds", "Awasthi et al., balanced",
        "negatives", part=BEYOND, work=AWASTHI,
    ),
    Figure(
        "negatives_unbalanced", "More negatives: classes that are not equally likely", "Awasthi et al., unbalanced",
        "negatives_unbalanced", part=BEYOND, work=AWASTHI,
    ),
    Figure(
        "negatives_merging", "More negatives: what they do to rare classes, and in few dimensions", BEYOND,
        "negatives_unbalanced", part=BEYOND,
    ),
    Figure(
        "negatives_images", "More negatives: real images, balanced and unbalanced", "Awasthi et al., experiments",
        "negatives_images", "cifar10", (0,), _settings, _AT, BEYOND, AWASTHI,
    ),
)  # fmt: skip
FIRST = SEEDS = ("negatives_images",)
