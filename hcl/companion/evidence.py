"""What claims are judged by: settings with their settled values, how these still move, and what seeds make of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from statistics import fmean, median, stdev
from typing import Any

import pandas as pd

from hcl.companion.limits import LIMITS, Limits
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

Series = Any  # a row of a history, by column


def _of_rank(row: Series, spec: RunSpec) -> float:
    return 1 - row["effective_rank"] / (spec.num_classes - 1)


def _of_clusters(row: Series, spec: RunSpec) -> float:
    return spec.num_classes - row["clusters"]


def _of_distance(row: Series, spec: RunSpec) -> float:
    etf = math.sqrt(2 * spec.num_classes / (spec.num_classes - 1))
    return 1 - row["least_distance"] / etf


def _of_within_class(row: Series, spec: RunSpec) -> float:
    # Without normalisation features have a scale of their own.
    return row["within_class"] / (row["norm"] if spec.normalization == "none" and "norm" in row else 1.0)


# Measures of distance from Neural-Collapse, each 0 there, and the column of the history that each is made of.
DERIVED: Mapping[str, tuple[str, Callable[[Series, RunSpec], float]]] = {
    "missing_rank": ("effective_rank", _of_rank),
    "spread": ("within_class", _of_within_class),
    "merged": ("clusters", _of_clusters),
    "nearness": ("least_distance", _of_distance),
    "off_sphere": ("squared_norm", lambda row, spec: 1 - row["squared_norm"]),
}


def _made_of(name: str) -> tuple[str, Callable[[Series, RunSpec], Any]]:
    """Return the column of the history that a measure is made of, and how."""
    return DERIVED.get(name, (name, lambda row, spec: row[name]))


def measure(row: Series, name: str, spec: RunSpec) -> float:
    """Return a column of a history's row, or a measure of `DERIVED`; NaN where it was not measured."""
    column, of = _made_of(name)
    return float(of(row, spec)) if column in row else math.nan


def measure_all(rows: pd.DataFrame, name: str, spec: RunSpec) -> pd.Series:
    """Return `measure` of every row of a history."""
    column, of = _made_of(name)
    return of(rows, spec) if column in rows else pd.Series(math.nan, rows.index)


@lru_cache(maxsize=10_000)
def movement(run: Run, name: str) -> float:
    """Return how far a measure moves over the last fifth of the evaluations.

    The medians of its last three and of its first three, so that an isolated spike is no movement (D45), drawn out to
    the whole fifth. NaN where it was not measured by epoch, or too seldom.
    """
    rows = run.evaluated
    late = rows.tail(max(-(-len(rows) // 5), 4))
    if _made_of(name)[0] not in rows or len(late) < 4:
        return math.nan
    values = [measure(row, name, run.spec) for _, row in late.iterrows()]
    intervals = len(late) - 1
    return (median(values[-3:]) - median(values[:3])) * intervals / (intervals - 2)


@dataclass(frozen=True)
class Setting:
    """The runs of one setting, which differ in their seed only.

    Attributes:
        spec: of the first seed.
        runs: one a seed; none where they are still to be made.
        several: the nearest setting with several seeds, which says what seeds do where this one has a single one.
    """

    spec: RunSpec
    runs: tuple[Run, ...]
    several: "Setting | None" = None

    @cached_property
    def _known(self) -> dict[str, list[float]]:
        return {}  # measures are asked for many times over

    def values(self, name: str) -> list[float]:
        """Return a settled measure (D45), one value a seed."""
        if name not in self._known:
            self._known[name] = [measure(run.settled, name, run.spec) for run in self.runs]
        return self._known[name]

    def mean(self, name: str) -> float:
        """Return the mean over the seeds; NaN of none."""
        return fmean(self.values(name)) if self.runs else math.nan

    def spread(self, name: str) -> float:
        """Return the sample standard deviation over the seeds, 0 of one seed."""
        values = self.values(name)
        return stdev(values) if len(values) > 1 else 0.0

    def moved(self, name: str) -> float:
        """Return the mean over the seeds of `movement`; of the effective rank where clusters were not followed."""
        moves = fmean(movement(run, name) for run in self.runs)
        if math.isnan(moves) and name in ("merged", "nearness"):
            return fmean(movement(run, "missing_rank") for run in self.runs)
        return moves

    def deviation(self, name: str) -> tuple[float, int] | None:
        """Return the standard deviation over seeds and its degrees of freedom, of the nearest setting if need be."""
        source = self if len(self.runs) > 1 else self.several
        return None if source is None else (source.spread(name), len(source.runs) - 1)


def _grouped(specs: Sequence[RunSpec], runs: Sequence[Run]) -> list[Setting]:
    made: dict[RunSpec, list[Run]] = {replace(spec, seed=0): [] for spec in specs}
    first = {replace(spec, seed=0): spec for spec in reversed(specs)}
    for run in runs:
        made[replace(run.spec, seed=0)].append(run)
    return [Setting(first[key], tuple(found)) for key, found in made.items()]


def _nearest(spec: RunSpec, several: Sequence[Setting]) -> Setting | None:
    """Return the setting with several seeds that differs least: supervised or not, positives, start, then hardness."""

    def apart(other: Setting) -> tuple[float, ...]:
        same = [
            getattr(spec, name) == getattr(other.spec, name) for name in ("supervised", "positives", "normalization")
        ]
        return (*(not s for s in same), abs(math.log1p(spec.hardness) - math.log1p(other.spec.hardness)))

    return min(several, key=apart, default=None)


@dataclass(frozen=True)
class Evidence:
    """The runs that a claim is judged by.

    Attributes:
        specs: of all the runs of the study, recorded or not.
        runs: those that are recorded.
        reference: runs of the headline figure on the same data, with several seeds.
        limits: constants of the verdicts.
        beside: the evidence of a further figure that a claim compares with.
    """

    specs: tuple[RunSpec, ...]
    runs: tuple[Run, ...]
    reference: tuple[Run, ...] = ()
    limits: Limits = LIMITS
    beside: "Evidence | None" = None

    @cached_property
    def settings(self) -> list[Setting]:
        """All settings, those whose runs are still to be made without any."""
        grouped = _grouped(self.specs, [run for run in self.runs if run.spec in set(self.specs)])
        known = [*grouped, *_grouped([run.spec for run in self.reference], self.reference)]
        several = [setting for setting in known if len(setting.runs) > 1]
        return [replace(setting, several=_nearest(setting.spec, several)) for setting in grouped]

    def under(self, limits: Limits) -> "Evidence":
        """Return the same evidence with other constants."""
        other = replace(self, limits=limits, beside=self.beside and self.beside.under(limits))
        other.__dict__["settings"] = self.settings  # which do not depend on them
        return other

    def select(self, **wanted: Any) -> list[Setting]:
        """Return the settings whose spec has the wanted values, a tuple being any of them."""
        return [setting for setting in self.settings if _fits(setting.spec, wanted)]


def select(runs: Sequence[Run], **wanted: Any) -> list[Setting]:
    """Return the settings of runs whose spec has the wanted values, a tuple being any of them, in their order."""
    return Evidence(tuple(run.spec for run in runs), tuple(runs)).select(**wanted)


def _fits(spec: RunSpec, wanted: Mapping[str, Any]) -> bool:
    return all(getattr(spec, n) in (v if isinstance(v, tuple) else (v,)) for n, v in wanted.items())
