"""Every figure and table of the paper, and every page beyond it, as data: what it shows, and the runs it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hcl.choices import one_of
from hcl.companion import (
    entries_dimensions,
    entries_hscl,
    entries_mechanism,
    entries_negatives,
    entries_neighbours,
)
from hcl.companion.entry import BEYOND, PAPER, Figure, Grid
from hcl.companion.entry import grid as _grid
from hcl.companion.profiles import PROFILES, Changes
from hcl.training.spec import RunSpec

__all__ = [
    "BEYOND", "CAMPAIGN", "FIGURES", "PAPER", "ROWS", "STAND_INS", "Figure", "Grid", "Step", "about", "campaign",
    "figure_named", "order", "row_of",
]  # fmt: skip

# A data set that stands in for one that cannot be had everywhere: of the same shape, and said to be one on every page.
STAND_INS = {"cifar100": "tinyimagenet100"}
# Rows of Figures 4 and 6, by what differs from the first.
ROWS: Mapping[str, Changes] = {
    "unit ball": {},
    "unit ball, near-NC start": {"init": "near_nc"},
    "unit sphere": {"normalization": "unit_sphere"},
    "no normalisation": {"normalization": "none"},
}


def row_of(spec: RunSpec) -> str:
    """Return the row of Figures 4 and 6 that a run belongs to, a key of `ROWS`."""
    plain = {"init": "random", "normalization": "unit_ball"}
    own = {name: getattr(spec, name) for name in plain}
    return next((name for name, changes in ROWS.items() if plain | changes == own), ", ".join(own.values()))


def _with(**fixed: Any) -> Grid:
    return lambda hardness: _grid(hardness, **fixed)


def _synthetic_rows(hardness: Sequence[float]) -> tuple[Changes, ...]:
    return _grid(hardness) + _grid(hardness, positives="noise")


def _unsupervised(hardness: Sequence[float]) -> tuple[Changes, ...]:
    return tuple(setting for setting in _grid(hardness) if not setting["supervised"])


def _supervised(hardness: Sequence[float]) -> tuple[Changes, ...]:
    return tuple(setting for setting in _grid(hardness) if setting["supervised"])


def _rows(hardness: Sequence[float]) -> tuple[Changes, ...]:
    return tuple(setting for changes in ROWS.values() for setting in _grid(hardness, **changes))


def _near_nc(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return the near-NC model itself, HSCL with beta = 10, and what is trained from it (D26)."""
    return ({"supervised": True, "hardness": 10.0}, *_grid(hardness, init="near_nc"))


def _polynomial(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return polynomial hardening; epsilon = 0 is no hardening, the same run whatever the family."""
    return tuple(s | ({"hardening": "polynomial"} if s["hardness"] else {}) for s in _grid(hardness))


def _ambiguities(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return the settings of the Fidelity page: a base, and one ambiguity of paper or code changed at a time."""
    scl, hscl, ucl, hucl = (
        {"supervised": s, "hardness": float(h)} for s, h in ((True, 0), (True, 5), (False, 0), (False, 5))
    )
    changed: tuple[tuple[Changes, tuple[Changes, ...]], ...] = (
        ({}, (scl, hscl, ucl, hucl)),
        ({"reduction": "pair"}, (scl, hscl)),  # D1
        ({"exclude_self": True}, (ucl, hucl)),  # D4
        ({"weight_decay": 1e-6}, (scl, hucl)),  # D18
        ({"stem": "cifar"}, (scl, hscl, ucl, hucl)),  # D21
        ({"stem": "torchvision"}, (scl, hscl)),
        ({"negatives": "per_pair"}, (scl, hscl, hucl)),  # D2
        ({"k": 32}, (hscl, ucl)),  # D32
        ({"k": 512}, (hscl, ucl)),
    )
    wanted = {float(h) for h in hardness}
    return tuple(base | changes for changes, bases in changed for base in bases if base["hardness"] in wanted)


def _gradient(hardness: Sequence[float]) -> tuple[Changes, ...]:
    """Return exact expectations with and without a gradient through the negatives' weights (D6)."""
    return tuple(s | {"k": None, "detach_weights": d} for d in (True, False) for s in _grid(hardness))


_BETAS = (0.0, 2.0, 5.0, 10.0, 30.0)
_EPSILONS = (0.0, 3.0, 5.0, 10.0, 20.0)
_HALF = {"laptop": {"epochs": 30}}
# What decides on CIFAR-10 is whether the encoder can fit the images of a class.
_FITTED = {"workstation": {"num_train": 2_000, "epochs": 3_000, "eval_every": 100}}
# Batches of 64 and 32 are slow: as many epochs as an hour a run allows.
_BATCH_64, _BATCH_32 = (
    {"workstation": {"num_train": 2_000, "epochs": epochs, "eval_every": 100}} for epochs in (4_000, 2_500)
)
_VIEWS = {"workstation": {"epochs": 300}}
_AS_AT_LAPTOP = {"workstation": PROFILES["laptop"].images}  # the Fidelity page compares at one profile
_AUGMENTED = {"positives": "augmentation"}

FIGURES = {
    figure.name: figure
    for figure in (
        Figure("theory", "Theorems 1, 2 and 3, and a counterexample", "Sec. 4", "theory"),
        Figure(
            "fig02", "Synthetic data: representations and losses", "Sec. 5.1", "fig02_synthetic", "synthetic",
            (0, 10, 30, 50), _synthetic_rows,
        ),
        Figure(
            "fig03", "CIFAR-100: accuracy and Neural-Collapse metrics", "Sec. 5.2", "fig03_cifar100", "cifar100",
            _BETAS,
        ),
        Figure(
            "fig03_long", "CIFAR-100: HUCL at β = 5, on half the images for two and a half times as many epochs",
            "Sec. 5.2", "fig03_cifar100", "cifar100", (5,), _unsupervised,
            # At 600 epochs its effective rank still climbs; on 5,000 images it is as high in half the steps.
            {"workstation": {"num_train": 5_000, "epochs": 1_500, "eval_every": 50}},
        ),
        Figure(
            "table1", "CIFAR-100: least loss in theory and loss reached", "Sec. 5.2", "table1_losses", "cifar100",
            _BETAS, _supervised,
        ),
        Figure(
            "fig04", "CIFAR-100: singular values of the class means, four rows", "Sec. 5.3-5.5", "fig04_spectra",
            "cifar100", _BETAS, _rows,
        ),
        Figure(
            "table2", "CIFAR-100: metrics after training from a near-NC start", "Sec. 5.4", "table2_near_nc",
            "cifar100", _BETAS, _near_nc,
        ),
        Figure(
            "fig05", "CIFAR-10: accuracy and Neural-Collapse metrics", "Sec. B.1", "fig05_cifar10", "cifar10", _BETAS,
            at_profile={"laptop": {"stem": "cifar"}, **_FITTED},  # nearer the paper's encoder, at four times the cost
        ),
        Figure(
            "fig06", "CIFAR-10: singular values of the class means, four rows", "Sec. B.1-B.2", "fig06_spectra",
            "cifar10", _BETAS, _rows, _FITTED,
        ),
        Figure(
            "fig07", "Tiny-ImageNet: spectra and Neural-Collapse metrics", "Sec. B.1", "fig07_tinyimagenet",
            "tinyimagenet", _BETAS, at_profile=_HALF,
        ),
        Figure(
            "fig08", "CIFAR-100, batch size 64", "Sec. B.3", "fig08_batch64", "cifar100", _BETAS,
            _with(batch_size=64), _HALF | _BATCH_64,
        ),
        Figure(
            "fig09", "CIFAR-100, batch size 32", "Sec. B.3", "fig09_batch32", "cifar100", _BETAS,
            _with(batch_size=32), _HALF | _BATCH_32,
        ),
        Figure(
            "fig10", "CIFAR-100, polynomial hardening", "Sec. B.4", "fig10_polynomial", "cifar100", _EPSILONS,
            _polynomial,
        ),
        Figure(
            "fig11", "CIFAR-10, polynomial hardening", "Sec. B.4", "fig11_polynomial", "cifar10", _EPSILONS,
            _polynomial, _FITTED,
        ),
        Figure(
            "fig12", "CIFAR-100, SimCLR sampling and SimCLR loss (42)", "Sec. B.5", "fig12_simclr", "cifar100",
            _BETAS, _with(objective="simclr", **_AUGMENTED), _HALF | _VIEWS,
        ),
        Figure(
            "fig13", "CIFAR-100, SimCLR sampling and InfoNCE", "Sec. B.5", "fig13_infonce", "cifar100",
            _BETAS, _with(**_AUGMENTED), _HALF | _VIEWS,
        ),
        Figure(
            "fidelity", "Paper against official code: what the ambiguities change", "Sec. 5", "fidelity", "cifar10",
            (0, 5), _ambiguities, _AS_AT_LAPTOP,
        ),
        Figure(
            "fidelity_base", "What the Fidelity page compares with, for several seeds", "Sec. 5", "fidelity", "cifar10",
            (0, 5), at_profile=_AS_AT_LAPTOP,
        ),
        Figure(
            "fidelity_gradient", "Gradient through the negatives' weights (D6)", "Sec. 3", "fidelity", "synthetic",
            (10, 50), _gradient,
        ),
        Figure("minimisers", "What minimises the losses where the theorems stop", BEYOND, "minimisers", part=BEYOND),
        *entries_negatives.FIGURES,
        *entries_hscl.FIGURES,
        *entries_neighbours.FIGURES,
        *entries_dimensions.FIGURES,
        *entries_mechanism.FIGURES,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A part of a campaign: runs of a figure.

    Attributes:
        figure: name.
        seeds: one run of every setting for each.
        hardness: of the figure's; empty is all.
        row: of Figures 4 and 6, a key of `ROWS`; empty is all.
    """

    figure: str
    seeds: tuple[int, ...] = (0,)
    hardness: tuple[float, ...] = ()
    row: str = ""


# The figures that a campaign makes the runs of first; any other comes after them.
_FIRST = (
    "fig05", "fig03", "table1", "table2", "fig03_long", "fig10", "fig11", "fig04", "fig06", "fig08", "fig09", "fig12",
    "fig13", "fig07", "fidelity_gradient", "fidelity", "fidelity_base", "fig02",
)  # fmt: skip


def campaign() -> tuple[str, ...]:
    """Return the figures that train, in the order in which a campaign makes their runs, most important first."""
    trained = [figure.name for figure in FIGURES.values() if figure.dataset is not None]
    return tuple(dict.fromkeys([*(name for name in _FIRST if name in trained), *trained]))


CAMPAIGN = campaign()
_OTHER_SEEDS = (1, 2)
_ORDERS: Mapping[str, tuple[Step, ...]] = {
    "workstation": (
        Step("fig02", (0, 1, 2, 3, 4)),
        *map(Step, ("fig03", "table1", "table2", "fig05")),
        Step("fig03", _OTHER_SEEDS, (0, 5)),
        Step("fig03_long"),
        *map(Step, ("fig11", "fig10", "fig07")),
        *(Step(name, row="no normalisation") for name in ("fig04", "fig06")),
        *map(Step, ("fig08", "fig09", "fig12", "fig13", *entries_hscl.FIRST)),
        *map(Step, ("fidelity_gradient", "fidelity", "fidelity_base")),
        *map(Step, ("fig06", "fig04")),
        Step("fig03", _OTHER_SEEDS),
        Step("fig05", _OTHER_SEEDS),
        *map(Step, entries_negatives.FIRST),
        *(Step(name, _OTHER_SEEDS) for name in entries_negatives.SEEDS),
        *map(Step, entries_hscl.THEN),
        *(Step(name, _OTHER_SEEDS) for name in entries_hscl.SEEDS),
        *map(Step, entries_neighbours.LAST),
        *(Step(name, _OTHER_SEEDS) for name in entries_neighbours.LAST),
        Step("mechanism_course"),
        *map(Step, entries_mechanism.RUNS),
        *(Step(name, _OTHER_SEEDS) for name in entries_mechanism.RUNS),
        *map(Step, entries_dimensions.LAST),
    )
}


def order(profile: str) -> tuple[Step, ...]:
    """Return the order in which a campaign makes the runs of all figures at a profile, most important first."""
    steps = _ORDERS.get(profile, ())
    named = {step.figure for step in steps}
    return (*steps, *(Step(name) for name in campaign() if name not in named))


def about(dataset: str) -> tuple[str, ...]:
    """Return the figures whose own data set it is, or for whose own it stands in; none for other names."""
    own = next((name for name, instead in STAND_INS.items() if instead == dataset), dataset)
    return tuple(figure.name for figure in FIGURES.values() if figure.dataset == own)


def figure_named(name: str) -> Figure:
    """Return a figure of the registry.

    Raises:
        ValueError: for an unknown name.
    """
    one_of("figure", name, FIGURES)
    return FIGURES[name]
