"""What every figure's page shows around its plots: where its runs come from, tables beside the theory, verdicts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd
from IPython.display import HTML, Markdown

from hcl.companion import board_html, charts, figures, labels, notes, report, scoreboard, seen, tables
from hcl.companion import study as studies
from hcl.companion.closest import closest
from hcl.companion.explorer import SPECTRUM
from hcl.companion.headings import heading
from hcl.companion.parameters import ParameterError
from hcl.companion.registry import FIGURES, row_of
from hcl.companion.study import Study
from hcl.companion.tables import Table
from hcl.training.runs import Run

COLUMNS = (
    "test_accuracy", "loss", "plain_loss", "zero_sum", "unit_norm", "equal_inner_product", "within_class", "rank",
    "effective_rank", "clusters", "best_epoch",
)  # fmt: skip
# A table each: with standard deviations a dozen columns are wider than a page.
_KINDS = {
    "accuracy and losses": ("test_accuracy", "loss", "plain_loss", "train_loss", "best_epoch"),
    "distance from Neural-Collapse": (
        "zero_sum", "unit_norm", "equal_inner_product", "within_class", "squared_norm", "inside",
    ),
    "dimensions": ("rank", "effective_rank", "clusters"),
}  # fmt: skip


def by_kind(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return columns by the kind of value, a table each; one that is alone in its kind is in the last table.

    Args:
        columns: of the history, or ``"best_epoch"``; those of no kind are in the last table too.
    """
    found = {kind: [name for name in columns if name in names] for kind, names in _KINDS.items()}
    found = {kind: names for kind, names in found.items() if len(names) > 1}
    placed = {name for names in found.values() for name in names}
    if left := [name for name in columns if name not in placed]:
        kind, others = found.popitem() if found else ("", [])
        words = " and ".join(heading(name)[0] for name in left)
        found[f"{kind} and {words}" if kind else words] = [*others, *left]
    return found


@dataclass(frozen=True)
class Page:
    """The runs of a figure, and what is said of them.

    Attributes:
        study: of the whole figure.
        runs: that are shown: the records of the parts.
        parts: the studies that the runs are of: of Figures 4 and 6 one a row, each at a profile of its own; empty is
            the one of the whole figure.
        at_best: whether the page is the book's, of whatever has been run best, rather than of what a reader asked for.
    """

    study: Study
    runs: Sequence[Run]
    parts: Sequence[Study] = ()
    at_best: bool = False

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The claims of the paper about the figure, each with its verdict."""
        figure = self.study.figure
        if self.at_best:
            on_page = [other.name for other in FIGURES.values() if other.notebook == figure.notebook]
            return scoreboard.of_figure(*on_page)
        runs = self.runs if len(self.parts) < 2 else self.study.records()
        return scoreboard.verdicts((figure.name,), self.study, runs)

    @property
    def counts(self) -> str:
        """How many claims have which verdict, in words."""
        return scoreboard.counted(self.verdicts)

    @property
    def profile(self) -> str:
        """The profile, and what its first run is."""
        return f"{self.study.profile} ({labels.training(self.runs[0].spec)})"

    @property
    def scale(self) -> str:
        """What `profile` was called before."""
        return self.profile

    @property
    def titles(self) -> dict[str, str]:
        """What each row of Figures 4 and 6 was run at, as ``"unit ball: workstation, seeds 0, 1, 2"``, by row."""
        titles = {}
        for part in self.parts if len(self.parts) > 1 else ():
            specs = set(part.specs)
            made = sorted({run.spec.seed for run in self.runs if run.spec in specs})
            seeds = f"seed{'s' * (len(made) > 1)} {', '.join(map(str, made))}" if made else "no run yet"
            row = row_of(part.specs[0])
            titles[row] = f"{row}: {part.profile}, {seeds}"
        return titles

    def note(self) -> Markdown:
        """Return what stands at the top: a stand-in for the data if there is one, what made the runs, what is left."""
        parts = self.parts or [self.study]
        begun = [better for part in parts if (better := studies.begun(part)) is not None] if self.at_best else []
        return notes.where(parts, self.runs, begun)

    def table(self, columns: Sequence[str] = COLUMNS, digits: int = 3) -> Table:
        """Return the settled values of all runs, a table for each kind of them, losses beside their bounds."""
        return tables.stacked(
            [
                report.show_settled(
                    self.runs, part, digits, self.titles, f"Settled values: {kind}", bound="loss" in part
                )
                for kind, part in by_kind(columns).items()
            ]
        )

    def floor_table(self) -> Table:
        """Return the rank at several floors beside effective rank and clusters, with nothing learnt and with noise."""
        table = report.floor_sensitivity(self.runs, self.titles)
        return report.show_table(table, caption="Rank of the class means by the floor, and what needs no floor")

    def interactive(self, metrics: Sequence[str], runs: Sequence[Run] | None = None) -> charts.Element:
        """Return what lets a reader draw the figure before it with values on hover; in the book, on pressing a button.

        Args:
            metrics: columns of the history, or ``"spectrum"``; those that no run has are left out.
            runs: that the figure shows, where these are not those of the page.
        """
        shown = self.runs if runs is None else runs
        known = [name for name in metrics if name == SPECTRUM or figures.recorded(shown, [name])]
        return charts.chart(shown, known, self.titles, self.study.figure.name)

    def verdict_table(self) -> HTML:
        """Return the verdicts, a line a claim."""
        return show_verdicts(self.verdicts)

    def summary(self) -> Markdown:
        """Return in two sentences what is seen, and how many claims have which verdict, a link to them."""
        name = self.study.figure.name
        said = seen.seen(name, self.runs, lambda run: self._judges.reference(self._part_of(run)))
        claims = f"Of the paper's {len(self.verdicts)} claims about this: {self.counts}"
        return Markdown(f'**What is seen.** {said} <a href="#verdicts">{claims}</a>.')

    @property
    def result(self) -> str:
        """The main result in a sentence: where plain runs end, and the hardened ones closest to Neural-Collapse."""
        said = []
        for name, runs in self._parts():
            table = self._closest(runs)
            plain = [table["words"][label] for label in ("SCL", "UCL") if label in table.index]
            hard = list(table["words"][table["closest"] & ~table.index.isin(["SCL", "UCL"])])
            if plain and hard:
                said.append(f"{name}: from {plain[0]} without hard negatives to {_listed(hard)} with them.")
        classes = self.runs[0].spec.num_classes
        return " ".join([*said, f"At Neural-Collapse: 0, {classes} clusters, effective rank {classes - 1}."])

    def ball_and_sphere(self) -> Markdown:
        """Return in words how the runs on the unit ball and on the unit sphere compare.

        Epoch 0 is left out: the metrics are those of eval mode, where the first features can be small.
        """
        of = {run.spec: run for run in self.runs}
        same: list[str] = []
        apart: list[str] = []
        for run in self.runs:
            ball = of.get(replace(run.spec, normalization="unit_ball"))
            if run.spec.normalization == "unit_sphere" and (run.same_as or ball is not None):
                one = bool(run.same_as) or (ball is not None and _trained(ball).equals(_trained(run)))
                (same if one else apart).append(labels.label(run.spec))
        said = ["Ball and sphere project a feature of norm above 1 to the same point, and differ only within the ball."]
        if not same and not apart:
            said.append("The two rows shown here have no setting in common at one profile yet.")
        if same:
            said.append(
                f"No feature ever lay inside it with {_listed(list(dict.fromkeys(same)), '; ')}: there the run on the "
                "sphere is the run on the ball, to the last digit, and was not counted twice."
            )
        if apart and same:
            said.append(f"Some did with {_listed(list(dict.fromkeys(apart)), '; ')}, which are two runs each.")
        elif apart:
            said.append(
                "With every setting that was run on both some features did lie inside it: they are two runs each."
            )
        return Markdown(" ".join(said))

    def _closest(self, runs: Sequence[Run]) -> pd.DataFrame:
        return closest(runs, self._judges.reference(self._part_of(runs[0])))

    def _part_of(self, run: Run) -> Study:
        return next((part for part in self.parts if run.spec in part.specs), self.study)

    @cached_property
    def _judges(self) -> scoreboard.Judges:
        return scoreboard.Judges()  # which reads a record once, however many parts a page has

    def _parts(self) -> list[tuple[str, list[Run]]]:
        """Return the runs by row, supervised and unsupervised apart, with words for each part."""
        parts: dict[str, list[Run]] = {}
        several = len({row_of(run.spec) for run in self.runs}) > 1
        for run in self.runs:
            supervision = "supervised" if run.spec.supervised else "unsupervised"
            name = f"{row_of(run.spec)}, {supervision}" if several else supervision
            parts.setdefault(name[0].upper() + name[1:], []).append(run)
        return list(parts.items())


def load(name: str, profile: str = "auto", **options: Any) -> Page:
    """Return the page of a figure, training what has no record where that is allowed, and set the theme of its plots.

    Args:
        name: of the figure whose runs are shown.
        profile: see `hcl.companion.study.study`.
        **options: of `hcl.companion.study.study`.

    Raises:
        ParameterError: for options that no run has.
    """
    figures.set_theme()
    try:
        parts = studies.parts(name, profile, **options)
    except ValueError as error:
        raise ParameterError(str(error)) from None  # of the notebook's parameters: a line, and no traceback
    runs = [run for of_part in studies.obtain(parts) for run in of_part]
    whole = parts[0] if len(parts) == 1 else studies.study(name, profile, **options)
    at_best = profile == "auto" and not any(value and value != "auto" for value in options.values())
    return Page(whole, runs, parts, at_best)


def begun(name: str, profile: str = "auto", **options: Any) -> Page:
    """Return the page of a figure as `load` does; where none may be trained, as far as there are runs, if any.

    Args:
        name: of the figure.
        profile: see `load`.
        **options: see `load`.
    """
    asked = any(value and value != "auto" for value in (profile, *options.values()))
    if asked or os.environ.get("HCL_TRAIN") != "0":
        return load(name, profile, **options)
    best = studies.study(name)
    if best.partial or best.complete():
        return load(name)
    figures.set_theme()
    shown = studies.so_far(name)
    return Page(shown, tuple(shown.records()), (shown,), at_best=True)


def together(shown: Sequence[Page]) -> Page:
    """Return several figures' pages as one: their runs, what is said of these, and the verdicts of all on it."""
    runs = {run.spec: run for page in shown for run in page.runs}
    parts = [part for page in shown for part in page.parts]
    return Page(shown[0].study, list(runs.values()), parts, all(page.at_best for page in shown))


def recorded(name: str, profile: str, **options: Any) -> list[Run]:
    """Return the runs of a figure at a profile as far as they are recorded; nothing is trained.

    Args:
        name: of the figure.
        profile: name of the profile.
        **options: of `hcl.companion.study.study`.
    """
    return studies.study(name, profile, **options).records()


def show_verdicts(table: pd.DataFrame) -> HTML:
    """Return claims for a notebook, a line each: verdict, statement, numbers in brief, and the rest folded.

    Args:
        table: as `hcl.companion.scoreboard.verdicts` returns; columns that it lacks are left out.
    """
    return board_html.verdict_list(table)


def _trained(run: Run) -> pd.DataFrame:
    return run.history[run.history["epoch"] > 0].reset_index(drop=True)


def _listed(items: Sequence[str], comma: str = ", ") -> str:
    """Return ``"a, b and c"``."""
    return comma.join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1]
