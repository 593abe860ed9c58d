"""The paper as data: its figures and tables, the runs each one needs, and the profiles they can be run at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from hcl import campaign, runs, train
from hcl.campaign import Job, Settings
from hcl.progress import Display
from hcl.runs import Run
from hcl.spec import RunSpec

Changes = dict[str, Any]


@dataclass(frozen=True)
class Profile:
    """A scale to run at: spec values for image data and for the synthetic data.

    Attributes:
        name: of the profile.
        summary: what it is and takes, for people.
        images: values of `RunSpec` for image data sets.
        synthetic: values for the synthetic data.
        dataset: data set used in place of a figure's own, where its files are not to be asked for.
    """

    name: str
    summary: str
    images: Changes
    synthetic: Changes
    dataset: str | None = None


_FULL_BATCH: Changes = {"batch_size": None}  # N = 300 < 512 would leave no batch at all (D19)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "a few epochs of an MLP on scikit-learn's digits: seconds on a CPU, shows that everything works",
            {
                "num_train": 600, "num_test": 200, "encoder": "mlp", "k": 32, "negatives": "per_anchor",
                "epochs": 3, "batch_size": 200,
            },
            {"encoder": "mlp", "k": 32, "negatives": "per_anchor", "epochs": 5, "eval_every": 5, **_FULL_BATCH},
            dataset="digits",
        ),
        Profile(
            "laptop",
            "10,000 images, a small ResNet on 4x4 patches, 60 epochs of batch 256 (an MLP for the synthetic data): "
            "two minutes a run on a CPU core",
            {
                "num_train": 10_000, "num_test": 2_000, "encoder": "small_resnet", "stem": "patch",
                "negatives": "per_anchor", "epochs": 60, "batch_size": 256, "eval_every": 5,
            },
            {"encoder": "mlp", "negatives": "per_anchor", "epochs": 400, "eval_every": 20, **_FULL_BATCH},
        ),
        Profile(
            "gpu",
            "all images, ResNet-50 with the torchvision stem in bf16, 100 epochs: minutes on a GPU",
            {"stem": "torchvision", "epochs": 100, "precision": "bf16", "eval_every": 5},
            {"stem": "torchvision", "eval_every": 20, "precision": "bf16", **_FULL_BATCH},
        ),
        Profile(
            "paper",
            "the paper and its official code: ResNet-50 with the CIFAR stem, 400 epochs: a large part of an hour",
            {"eval_every": 10},
            {"eval_every": 20, **_FULL_BATCH},
        ),
    )
}  # fmt: skip
BEST_FIRST = ("paper", "gpu", "laptop")


def _grid(hardness: Sequence[float], **fixed: Any) -> tuple[Changes, ...]:
    """Return the settings of a figure: supervised, then unsupervised, at each hardness."""
    return tuple({"supervised": s, "hardness": float(h), **fixed} for s in (True, False) for h in hardness)


@dataclass(frozen=True)
class Figure:
    """A figure, table or theorem of the paper.

    Attributes:
        name: as on the command line.
        title: what it shows.
        section: where the paper discusses it.
        notebook: file name of its notebook, without suffix.
        dataset: the paper's data set; None where nothing is trained.
        hardness: values of beta (or epsilon) on its curves.
        settings: spec changes of its runs for given hardness values.
    """

    name: str
    title: str
    section: str
    notebook: str
    dataset: str | None = None
    hardness: tuple[float, ...] = ()
    settings: Callable[[Sequence[float]], tuple[Changes, ...]] = field(default=_grid, repr=False)


def _synthetic_rows(hardness: Sequence[float]) -> tuple[Changes, ...]:
    return _grid(hardness) + _grid(hardness, positives="noise")


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("theory", "Theorems 1, 2 and 3, and a counterexample", "Sec. 4", "theory"),
        Figure(
            "fig02", "Synthetic data: representations and losses", "Sec. 5.1", "fig02_synthetic", "synthetic",
            (0, 10, 30, 50), _synthetic_rows,
        ),
        Figure(
            "fig05", "CIFAR-10: accuracy and Neural-Collapse metrics", "Sec. B.1", "fig05_cifar10", "cifar10",
            (0, 2, 5, 10, 30),
        ),
        Figure(
            "fig06", "CIFAR-10: singular values of the class means (row 1)", "Sec. B.1", "fig05_cifar10", "cifar10",
            (0, 2, 5, 10, 30),
        ),
    )
}  # fmt: skip


CAMPAIGN = ("fig05", "fig06", "fig02")  # the order in which a campaign makes the runs of all figures


def figure_named(name: str) -> Figure:
    """Return a figure of the registry.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in FIGURES:
        raise ValueError(f"Unknown figure {name!r}: expected one of {', '.join(FIGURES)}.")
    return FIGURES[name]


@dataclass(frozen=True)
class Study:
    """The runs of a figure at a profile.

    Attributes:
        figure: which.
        profile: name of the profile.
        specs: of its runs.
    """

    figure: Figure
    profile: str
    specs: tuple[RunSpec, ...]

    def recorded(self, root: Path | None = None) -> tuple[RunSpec, ...]:
        """Return the specs that have a record."""
        return tuple(spec for spec in self.specs if runs.find(spec, root) is not None)

    def jobs(self) -> tuple[Job, ...]:
        """Return its runs as jobs of a campaign, to be kept under the profile's name."""
        return tuple(Job(spec, self.profile) for spec in self.specs)

    def runs(self, settings: Settings | None = None) -> list[Run]:
        """Return the runs, training those without a record, several at the same time where that is faster.

        Args:
            settings: where and how to train.

        Raises:
            hcl.train.MissingRunError: if one has no record and may not or could not be trained.
            KeyboardInterrupt: if the training was interrupted; what it had done is kept.
        """
        settings = settings or Settings()
        root = settings.runs_root
        todo = campaign.missing(self.jobs(), root)
        if todo:
            train.check_allowed(todo[0].spec, root)
            with Display(todo, Console()) as display:
                outcome = campaign.carry_out(todo, settings, display)
            if outcome.failed:
                raise train.MissingRunError("\n".join(f"{name}: {why}" for name, why in outcome.failed.items()))
            if outcome.left:
                raise KeyboardInterrupt(f"{len(outcome.left)} of {len(todo)} runs are left, their state is kept.")
        return [train.obtain(spec, runs_root=root) for spec in self.specs]


def study(
    name: str,
    profile: str = "auto",
    *,
    dataset: str = "auto",
    hardness: Sequence[float] = (),
    seeds: Sequence[int] = (0,),
    epochs: int = 0,
    root: Path | None = None,
) -> Study:
    """Return the runs a figure needs.

    Args:
        name: of the figure.
        profile: one of `PROFILES`, or ``"auto"``: the best of paper, gpu and laptop at which every run has a record,
            and laptop where none has.
        dataset: in place of the figure's; ``"auto"`` is the figure's, or the profile's stand-in.
        hardness: in place of the figure's values, which an empty one leaves.
        seeds: one run of every setting for each.
        epochs: in place of the profile's, which 0 leaves.
        root: folder of the records; None is `hcl.runs.default_root`.

    Raises:
        ValueError: for an unknown figure or profile, a figure without runs, or a bad spec value.
    """
    figure = figure_named(name)
    if figure.dataset is None:
        raise ValueError(f"{name} trains nothing: its notebook computes what it shows.")
    if profile == "auto":
        for candidate in BEST_FIRST:
            found = study(name, candidate, dataset=dataset, hardness=hardness, seeds=seeds, epochs=epochs, root=root)
            if len(found.recorded(root)) == len(found.specs):
                return found
        return found
    if profile not in PROFILES:
        raise ValueError(f"Unknown profile {profile!r}: expected auto, {', '.join(PROFILES)}.")
    chosen = PROFILES[profile]
    on_synthetic = figure.dataset == "synthetic"
    values = {**(chosen.synthetic if on_synthetic else chosen.images), **({"epochs": epochs} if epochs else {})}
    if dataset == "auto":
        dataset = figure.dataset if on_synthetic else chosen.dataset or figure.dataset
    specs = tuple(
        RunSpec(**{**values, **setting, "dataset": dataset, "seed": seed})
        for setting in figure.settings(hardness or figure.hardness)
        for seed in seeds
    )
    return Study(figure, profile, specs)
