"""The pages on why hard negatives help, and their runs.

What is computed needs no run, and the runs of Figure 3 are there. Others are planned at ``workstation``, three seeds
each, after all other figures: 25 settings, 75 runs of half an hour on a CPU core, of which `planned` of
`hcl.companion.mechanism_runs` says what is recorded and what the rest takes. What is dropped first, if hours are short,
is the end of `RUNS`: batches, images a class of a hundred classes, then the further seeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hcl.companion.entry import BEYOND, Figure, Grid
from hcl.companion.profiles import Changes

# Of the hardness in the first epoch, that of the last.
SCHEDULES: Mapping[float, float] = {0.0: 10.0, 10.0: 0.0, 30.0: 2.0}
_TEN, _MANY = (0, 2, 5, 10, 30), (0, 5)
_FITTED = {"num_train": 2_000, "epochs": 3_000, "eval_every": 100}  # as Figure 5


def _supervised(**fixed: Any) -> Grid:
    def settings(hardness: Sequence[float]) -> tuple[Changes, ...]:
        return tuple({"supervised": True, "hardness": float(h), **fixed} for h in hardness)

    return settings


def _schedules(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return a run for each hardness of the first epoch; of others than `SCHEDULES` it falls to none, or is kept."""
    ends = ((float(h), SCHEDULES.get(float(h), 0.0)) for h in hardness)
    return tuple({"supervised": True, "hardness": h, "hardness_end": None if h == end else end} for h, end in ends)


def _figure(
    name: str, title: str, dataset: str, hardness: Sequence[float], settings: Grid, workstation: Changes | None = None
) -> Figure:
    at = {} if workstation is None else {"workstation": workstation}
    return Figure(
        f"mechanism_{name}", title, BEYOND, "mechanism_runs", dataset, tuple(hardness), settings, at, BEYOND
    )  # fmt: skip


_PLAIN = _supervised()
FIGURES: tuple[Figure, ...] = (
    Figure("mechanism", "Why hard negatives help: merged classes, and how they part", BEYOND, "mechanism", part=BEYOND),
    _figure("course", "Why hard negatives help: the rank by step, in Figure 3's runs", "cifar100", _TEN, _PLAIN),
    _figure("eps", "Adam's eps at 1e-4, CIFAR-10", "cifar10", _TEN, _supervised(eps=1e-4), _FITTED),
    _figure("decay", "A learning rate that falls, CIFAR-10", "cifar10", _TEN, _supervised(decay="cosine"), _FITTED),
    _figure("eps_many", "Adam's eps at 1e-4, 100 classes", "cifar100", _MANY, _supervised(eps=1e-4)),
    _figure("decay_many", "A learning rate that falls, 100 classes", "cifar100", _MANY, _supervised(decay="cosine")),
    _figure("schedule", "A hardness that rises or falls, 100 classes", "cifar100", tuple(SCHEDULES), _schedules),
    _figure("images", "1,000 images a class, CIFAR-10", "cifar10", _TEN[1:], _PLAIN),
    _figure(
        "few", "50 images a class, 100 classes, as many steps", "cifar100", (5,), _PLAIN,
        {"num_train": 5_000, "epochs": 1_240},
    ),
    _figure(
        "fewer", "25 images a class, 100 classes, as many steps", "cifar100", (5,), _PLAIN,
        {"num_train": 2_500, "epochs": 2_600, "eval_every": 100},
    ),
    _figure(
        "batch_steps", "Batches of 64, as many steps, 100 classes", "cifar100", (5,), _supervised(batch_size=64),
        {"epochs": 150, "eval_every": 10},
    ),
    _figure(
        "batch_epochs", "Batches of 64, as many epochs, 100 classes", "cifar100", (5,), _supervised(batch_size=64),
    ),
)  # fmt: skip
# In the order in which a campaign makes them.
RUNS = tuple(
    f"mechanism_{name}"
    for name in (
        "eps", "schedule", "images", "eps_many", "decay", "decay_many", "few", "fewer", "batch_steps", "batch_epochs",
    )
)  # fmt: skip
