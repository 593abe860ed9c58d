"""What every figure's page shows around its plots: where its runs come from, tables beside the theory, verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd
from IPython.display import Markdown
from pandas.io.formats.style import Styler

from hcl import figures, paper, report, scoreboard, verdicts
from hcl.paper import Study
from hcl.registry import row_of
from hcl.runs import Run
from hcl.verdicts import NC, STATUSES

COLUMNS = (
    "test_accuracy", "loss", "plain_loss", "zero_sum", "unit_norm", "equal_inner_product", "rank", "best_epoch",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """The runs of a figure, and what is said of them.

    Attributes:
        study: which runs.
        runs: their records.
    """

    study: Study
    runs: Sequence[Run]

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The claims of the paper about the figure, each with its verdict."""
        return scoreboard.verdicts((self.study.figure.name,), self.study, self.runs)

    @property
    def counts(self) -> str:
        """How many claims have which verdict, in words."""
        return scoreboard.counted(self.verdicts)

    @property
    def scale(self) -> str:
        """The profile, and what its first run is."""
        return f"{self.study.profile} ({report.scale(self.runs[0].spec)})"

    def note(self) -> Markdown:
        """Return what stands at the top: a stand-in for the data if there is one, and what made the runs."""
        return Markdown(report.stand_in_note(self.study) + report.provenance_note(self.study, self.runs))

    def table(self, columns: Sequence[str] = COLUMNS, digits: int = 3) -> Styler:
        """Return the settled values of all runs beside the bounds."""
        return report.show_settled(self.runs, columns, digits)

    def verdict_table(self) -> Styler:
        """Return the verdicts as a table."""
        return show_verdicts(self.verdicts)

    def summary(self) -> Markdown:
        """Return in words which setting ends closest to Neural-Collapse, against none, and how many verdicts of each.

        Distance is the largest of the three metrics, as in the claims: each alone is small for means that are not near.
        """
        spoken = []
        for name, runs in self._parts():
            settings = verdicts.select(runs)
            places = {
                report.label(setting.spec): f"(largest metric {setting.written(NC)}, rank {setting.written('rank')})"
                for setting in settings
            }
            best = report.label(min(settings, key=lambda setting: setting.mean(NC)).spec)
            spoken.append(
                f"{name}: {best} ends closest to Neural-Collapse {places[best]}"
                + "".join(f"; {plain} {places[plain]}" for plain in ("SCL", "UCL") if plain in places and plain != best)
                + "."
            )
        full = self.runs[0].spec.num_classes - 1
        judged = f"Of the {len(self.verdicts)} claims of the paper about this: {self.counts}."
        return Markdown(f"**What is seen** (full rank is {full}). {' '.join(spoken)} {judged}")

    def ball_and_sphere(self) -> Markdown:
        """Return in words how often the unit ball and the unit sphere give the same run.

        Epoch 0 is left out: the metrics are those of eval mode, where the first features can be small.
        """
        balls = {
            replace(run.spec, normalization="unit_sphere"): run.history
            for run in self.runs
            if run.spec.normalization == "unit_ball"
        }
        pairs = [(balls[run.spec], run.history) for run in self.runs if run.spec in balls]
        same = sum(ball[ball["epoch"] > 0].equals(sphere[sphere["epoch"] > 0]) for ball, sphere in pairs)
        return Markdown(
            "Ball and sphere project a feature of norm above 1 to the same point. "
            f"In {same} of the {len(pairs)} pairs of runs every feature stayed outside the ball in all of training: "
            "the two runs are the same, to the last digit in every epoch from the first."
        )

    def _parts(self) -> list[tuple[str, list[Run]]]:
        """Return the runs by row, supervised and unsupervised apart, with words for each part."""
        parts: dict[str, list[Run]] = {}
        several = len({row_of(run.spec) for run in self.runs}) > 1
        for run in self.runs:
            setting = "supervised" if run.spec.supervised else "unsupervised"
            name = f"{row_of(run.spec)}, {setting}" if several else setting
            parts.setdefault(name[0].upper() + name[1:], []).append(run)
        return list(parts.items())


def load(name: str, profile: str = "auto", **options: Any) -> Page:
    """Return the page of a figure, training what has no record where that is allowed, and set the theme of its plots.

    Args:
        name: of the figure whose runs are shown.
        profile: see `hcl.paper.study`.
        **options: of `hcl.paper.study`.
    """
    figures.set_theme()
    study = paper.study(name, profile, **options)
    return Page(study, study.runs())


def show_verdicts(table: pd.DataFrame) -> Styler:
    """Return a table of claims for a notebook: set to the left, verdicts in their colours.

    Args:
        table: with a column ``verdict``, as `hcl.scoreboard.verdicts` returns, and a unique index.
    """
    colours = dict(zip(STATUSES, ("#029e73", "#b8860b", "#d55e00", "#808080"), strict=True))
    wide = {"claim": "11em", "measured": "13em", "verdict": "6em", "published": "6em"}
    styles: list[Any] = [{"selector": "th, td", "props": [("text-align", "left"), ("vertical-align", "top")]}]
    for kind, names in (("col_heading.level0.col", table.columns), ("row_heading.level", table.index.names)):
        for number, name in enumerate(names):
            if name in wide:
                styles.append({"selector": f"th.{kind}{number}", "props": [("min-width", wide[name])]})
    shown = report.show_table(table).map(
        lambda verdict: f"color: {colours[verdict]}; font-weight: 600", subset=["verdict"]
    )
    return shown.set_table_styles(styles, overwrite=False)
