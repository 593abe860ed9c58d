"""Studies: the runs of a figure, on a data set, at a profile, for given seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from hcl.choices import one_of
from hcl.companion import estimates
from hcl.companion.profiles import BEST_FIRST, PROFILES, Profile
from hcl.companion.progress import Display
from hcl.companion.registry import CAMPAIGN, FIGURES, ROWS, STAND_INS, Figure, figure_named, order, row_of
from hcl.training import campaign, runs, train
from hcl.training.campaign import Job, Settings
from hcl.training.catalogue import available
from hcl.training.runs import Run
from hcl.training.spec import RunSpec, check_feasible

__all__ = [
    "BEST_FIRST",
    "CAMPAIGN",
    "FIGURES",
    "PROFILES",
    "Figure",
    "Profile",
    "Study",
    "at",
    "begun",
    "figure_named",
    "obtain",
    "order",
    "parts",
    "so_far",
    "study",
]

BY_ROW = ("fig04", "fig06")  # whose rows stand on their own
_SEEDS = range(10)  # looked at for records where no seeds are asked for


@dataclass(frozen=True)
class Study:
    """The runs of a figure at a profile.

    Attributes:
        figure: which.
        profile: name of the profile.
        dataset: name of the data set.
        specs: of its runs.
        partial: shown as far as it is recorded: what is missing is named, and never trained.
    """

    figure: Figure
    profile: str
    dataset: str
    specs: tuple[RunSpec, ...]
    partial: bool = False

    @property
    def stands_in(self) -> bool:
        """Whether its data set stands in for the paper's."""
        assert self.figure.dataset is not None
        return STAND_INS.get(self.figure.dataset) == self.dataset

    def recorded(self, root: Path | None = None) -> tuple[RunSpec, ...]:
        """Return the specs that are made: those with a record, and on the sphere those that one on the ball is."""
        return tuple(spec for spec in self.specs if runs.made(spec, root) is not None)

    def left(self, root: Path | None = None) -> tuple[RunSpec, ...]:
        """Return the specs that are still to be made."""
        return tuple(spec for spec in self.specs if runs.made(spec, root) is None)

    def records(self, root: Path | None = None) -> list[Run]:
        """Return the runs that there are; nothing is trained."""
        return [run for spec in self.specs if (run := runs.get(spec, root)) is not None]

    def complete(self, root: Path | None = None) -> bool:
        """Return whether every run is made."""
        return all(runs.made(spec, root) is not None for spec in self.specs)

    def jobs(self) -> tuple[Job, ...]:
        """Return its runs as jobs of a campaign, to be kept under the profile's name."""
        return tuple(Job(spec, self.profile) for spec in self.specs)

    def runs(self, settings: Settings | None = None) -> list[Run]:
        """Return the runs, training those without a record; see `obtain`."""
        return obtain([self], settings)[0]


def obtain(studies: Sequence[Study], settings: Settings | None = None) -> list[list[Run]]:
    """Return the runs of studies, training those without a record, several at the same time where that is faster.

    Of a partial study only what is recorded is returned. What another process is training is waited for.

    Args:
        studies: whose runs are wanted.
        settings: where and how to train.

    Raises:
        hcl.training.train.MissingRunError: if a run has no record and may not or could not be trained.
        KeyboardInterrupt: if the training was interrupted; what it had done is kept.
    """
    settings = replace(settings or Settings(), wait=True)
    root = settings.runs_root
    todo = campaign.missing([job for study in studies if not study.partial for job in study.jobs()], root)
    if todo:
        train.check_allowed(todo[0].spec, root)
        _announce(todo, len({spec for study in studies for spec in study.specs}), root)
        with Display(todo, Console()) as display:
            outcome = campaign.carry_out(todo, settings, display)
        if outcome.failed:
            raise train.MissingRunError("\n".join(f"{name}: {why}" for name, why in outcome.failed.items()))
        if outcome.left:
            raise KeyboardInterrupt(f"{len(outcome.left)} of {len(todo)} runs are left, their state is kept.")
    return [study.records(root) for study in studies]


def _announce(todo: Sequence[Job], every: int, root: Path | None) -> None:
    """Print what is about to be trained, what it takes, and how it is stopped."""
    console = Console(markup=False, highlight=False, emoji=False)
    taken = estimates.together([job.spec for job in todo], root)
    console.print(
        f"{every - len(todo)} of {every} runs are recorded, {len(todo)} will be trained: {taken}.", soft_wrap=True
    )
    console.print("To stop: Ctrl-C, or the notebook's stop button; the same again goes on from there.", soft_wrap=True)


def study(
    name: str,
    profile: str = "auto",
    *,
    dataset: str = "auto",
    hardness: Sequence[float] = (),
    seeds: Sequence[int] = (),
    epochs: int = 0,
    row: str = "",
    root: Path | None = None,
) -> Study:
    """Return the runs a figure needs.

    Args:
        name: of the figure.
        profile: one of `PROFILES`, or ``"auto"``: the best of paper, gpu, workstation and laptop at which every run has
            a record, or, but for laptop, half of the runs, a study that is then `Study.partial`; laptop where none has.
        dataset: in place of the figure's; ``"auto"`` is the figure's or the profile's or, where only that has all runs
            recorded, or only its files are there, or more of its runs are, the one that stands in for it.
        hardness: in place of the figure's values, which an empty one leaves.
        seeds: one run of every setting for each; empty is seed 0, and of the seeds below 10 what is recorded.
        epochs: in place of the profile's, which 0 leaves.
        row: of Figures 4 and 6, a key of `hcl.companion.registry.ROWS`; empty is the whole figure.
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Raises:
        ValueError: for an unknown figure or profile, a figure without runs, a bad spec value, or runs that are still
            to be made and that the data set cannot serve.
    """
    figure = _figure(name, profile, dataset, row)

    def of(at_profile: str, name: str, of_seeds: Sequence[int]) -> Study:
        return at(figure, at_profile, name, hardness, of_seeds, epochs, row)

    asked = None if dataset == "auto" else dataset
    profiles = BEST_FIRST if profile == "auto" else (profile,)
    options = [(one, name) for one in profiles for name in _datasets(figure, one, asked)]
    for one, name in sorted(options, key=lambda option: option[1] in STAND_INS.values()):
        found = of(one, name, seeds or [0])
        made = len(found.recorded(root))
        half_done = profile == "auto" and one != profiles[-1] and len(found.specs) > made >= len(found.specs) / 2
        if found.specs and (made == len(found.specs) or half_done):
            found = replace(found, partial=half_done)
            return found if seeds else _with_recorded(found, of(one, name, _SEEDS), root)
    left = [of(profiles[-1], name, seeds or [0]) for name in _datasets(figure, profiles[-1], asked)]
    at_hand = [study for study in left if len(left) > 1 and available(study.dataset)]
    found = at_hand[0] if at_hand else max(left, key=lambda study: len(study.recorded(root)))
    for spec in found.specs:
        check_feasible(spec)
    return found


def _figure(name: str, profile: str, dataset: str, row: str) -> Figure:
    """Return the figure of a study, having looked at what else is asked for."""
    figure = figure_named(name)
    if figure.dataset is None:
        raise ValueError(f"{name} trains nothing: its notebook computes what it shows.")
    one_of("profile", profile, ["auto", *PROFILES])
    if dataset != "auto" and (dataset == "synthetic") != (figure.dataset == "synthetic"):
        raise ValueError(f"{name} is about {figure.dataset}: dataset={dataset!r} is of another kind.")
    if row:
        one_of("row", row, ROWS)
    return figure


def parts(name: str, profile: str = "auto", *, root: Path | None = None, **options: Any) -> tuple[Study, ...]:
    """Return the studies that the page of a figure shows: of Figures 4 and 6 each row at its own best profile.

    Args:
        name: of the figure.
        profile: see `study`.
        root: see `study`.
        **options: of `study`.
    """
    if name not in BY_ROW:
        return (study(name, profile, root=root, **options),)
    return tuple(study(name, profile, root=root, row=row, **options) for row in ROWS)


def begun(shown: Study, root: Path | None = None) -> Study | None:
    """Return the study of a figure at the best profile above the one shown at which some of its runs are made, or None.

    Args:
        shown: of a figure or a row, with the figure's own values.
        root: see `study`.
    """
    rows = {row_of(spec) for spec in shown.specs}
    for profile in BEST_FIRST[: BEST_FIRST.index(shown.profile)] if shown.profile in BEST_FIRST else ():
        better = at(shown.figure, profile, shown.dataset)
        better = replace(better, specs=tuple(spec for spec in better.specs if row_of(spec) in rows))
        if better.recorded(root):
            return better
    return None


def so_far(name: str, root: Path | None = None) -> Study:
    """Return what is made of a figure at the best profile at which any of its runs is, or at workstation if none is.

    Args:
        name: of a figure with runs.
        root: see `study`.

    Returns:
        A partial study: the runs with seed 0, made or not, and those of other seeds that are recorded.
    """
    figure = figure_named(name)
    options = [(profile, dataset) for profile in BEST_FIRST for dataset in _datasets(figure, profile, None)]
    every = [at(figure, profile, dataset) for profile, dataset in options]
    made = [found for found in every if found.recorded(root)]
    found = replace(made[0] if made else study(name, "workstation", root=root), partial=True)
    return _with_recorded(found, at(figure, found.profile, found.dataset, seeds=_SEEDS), root)


def _with_recorded(study: Study, more: Study, root: Path | None) -> Study:
    """Return a study with those runs of another that have a record, in the other's order."""
    kept = set(study.specs) | set(more.recorded(root))
    return replace(study, specs=tuple(spec for spec in more.specs if spec in kept))


def _datasets(figure: Figure, profile: str, asked: str | None) -> list[str]:
    """Return the data sets that a figure may be shown on, best first."""
    assert figure.dataset is not None
    if asked is not None:
        return [asked]
    if figure.dataset != "synthetic" and (own := PROFILES[profile].dataset) is not None:
        return [own]
    return [figure.dataset, *filter(None, [STAND_INS.get(figure.dataset)])]


def at(
    figure: Figure,
    profile: str,
    dataset: str,
    hardness: Sequence[float] = (),
    seeds: Sequence[int] = (0,),
    epochs: int = 0,
    row: str = "",
) -> Study:
    """Return the runs of a figure at a profile on a data set, whatever of them is recorded.

    Args:
        figure: whose.
        profile: name of the profile.
        dataset: name of the data set.
        hardness: see `study`.
        seeds: one run of every setting for each.
        epochs: see `study`.
        row: see `study`.
    """
    values = PROFILES[profile].values(dataset) | figure.at_profile.get(profile, {})
    values |= {"epochs": epochs} if epochs else {}
    specs = [
        RunSpec(**{**values, **setting, "dataset": dataset, "seed": seed})
        for setting in figure.settings(hardness or figure.hardness)
        for seed in seeds
    ]
    shown = [spec for spec in specs if not row or row_of(spec) == row]
    return Study(figure, profile, dataset, tuple(dict.fromkeys(shown)))
