"""What the page on training with losses of other works shows: the plan of its runs, a table, values for its figure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from hcl.companion import estimates
from hcl.companion import study as studies
from hcl.companion.costs import duration
from hcl.companion.labels import label
from hcl.companion.numbers import plus_minus
from hcl.companion.registry import FIGURES, order
from hcl.companion.study import Study
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

WAITS = "waits"
FIGURE = FIGURES["neighbours_trained"]


def _a_step(run: Run) -> float:
    """Return milliseconds of training a step; NaN where the record does not say."""
    spec, took = run.spec, run.provenance.get("train_seconds")
    images = spec.images
    if took is None or images is None:
        return math.nan
    return 1000 * float(took) / (spec.epochs * (images // (spec.batch_size or images)))


def _settled(column: str) -> Callable[[Run], float]:
    return lambda run: float(run.settled.get(column, math.nan))


def _final(column: str) -> Callable[[Run], float]:
    return lambda run: float(run.final.get(column, math.nan))


@dataclass(frozen=True)
class Measure:
    """A column of the table.

    Attributes:
        name: in words.
        of: of a run.
        form: of `hcl.companion.numbers.number`.
    """

    name: str
    of: Callable[[Run], float]
    form: int | str


# Geometry in settled values (D45); probes are measured at the end only.
MEASURES: tuple[Measure, ...] = (
    Measure("zero-sum", _settled("zero_sum"), 3),
    Measure("unit-norm", _settled("unit_norm"), 3),
    Measure("equal inner product", _settled("equal_inner_product"), 3),
    Measure("within class", _settled("within_class"), 3),
    Measure("effective rank", _settled("effective_rank"), 1),
    Measure("clusters", _settled("clusters"), 1),
    Measure("mean classifier", _settled("test_accuracy"), 3),
    Measure("linear probe", _final("linear_probe_backbone"), 3),
    Measure("k-NN", _final("knn"), 3),
    Measure("ms a step", _a_step, 1),
)


# In three tables, as one would be too wide for a page: metrics of Neural-Collapse, dimensions and time, accuracies.
TABLES = (MEASURES[:4], (*MEASURES[4:6], *MEASURES[9:]), MEASURES[6:9])


def named(spec: RunSpec) -> str:
    """Return what a setting is called here: ``"triplet, margin 0.1"``, ``"debiased and hard, β = 5"``."""
    if spec.margin is not None:
        return f"triplet, margin {spec.margin:g}"
    if spec.objective == "debiased":
        return f"debiased and hard, β = {spec.hardness:g}" if spec.hardness else "debiased"
    return label(spec)


def whose(spec: RunSpec) -> str:
    """Return whether a setting is one of the paper's losses."""
    return "the paper's" if spec.objective == "algorithm1" and spec.margin is None else "of other works"


def by_setting(study: Study, runs: Sequence[Run], name: Callable[[RunSpec], str] = named) -> dict[str, list[Run]]:
    """Return the runs of each setting of a study by its name, none where they are still to be made."""
    found: dict[str, list[Run]] = {name(spec): [] for spec in study.specs}
    for run in runs:
        found[name(run.spec)].append(run)
    return found


def table(
    study: Study,
    runs: Sequence[Run],
    columns: Sequence[Measure] = MEASURES,
    *,
    group: Callable[[RunSpec], str] = whose,
    name: Callable[[RunSpec], str] = named,
) -> pd.DataFrame:
    """Return means over seeds with their standard deviations, of every setting that is wanted.

    Args:
        study: whose settings are rows.
        runs: those of it that are made.
        columns: of the table.
        group: of rows that a setting is in.
        name: of a setting within its group.

    Returns:
        Text; a dash where there is nothing yet, and ``"waits"`` for its seeds.
    """
    rows = []
    for spec in dict.fromkeys(replace(spec, seed=0) for spec in study.specs):
        own = [run for run in runs if replace(run.spec, seed=0) == spec]
        seeds = ", ".join(str(run.spec.seed) for run in sorted(own, key=lambda run: run.spec.seed))
        row = {"whose": group(spec), "loss": name(spec), "seeds": seeds or WAITS}
        rows.append(row | {measure.name: _written(own, measure) for measure in columns})
    return pd.DataFrame(rows).set_index(["whose", "loss"])


def _written(runs: Sequence[Run], measure: Measure) -> str:
    values = [value for run in runs if math.isfinite(value := measure.of(run))]  # older records lack some
    spread = stdev(values) if len(values) > 1 else math.nan
    return plus_minus(fmean(values) if values else math.nan, spread, measure.form)


def plan(study: Study) -> pd.DataFrame:
    """Return the runs that the page asks for, in the order of a campaign: how many, how many are left, their hours.

    Args:
        study: of the page, for its profile and data set.
    """
    rows = []
    for step in order(study.profile):
        if step.figure != FIGURE.name:
            continue
        every = studies.at(FIGURE, study.profile, study.dataset, seeds=step.seeds)
        fresh = [spec for spec in every.specs if named(spec) not in _shared(study)]
        for who, specs in (("the paper's losses, those of Figure 3", set(every.specs) - set(fresh)), ("others", fresh)):
            left = [spec for spec in every.left() if spec in set(specs)]
            estimate = estimates.estimate(left) if left else None
            hours = "–" if estimate is None else _hours(estimate, len(left))
            seeds = f"seed{'s' * (len(step.seeds) > 1)} {', '.join(map(str, step.seeds))}"
            rows.append(
                {"runs of": f"{who}, {seeds}", "number": len(specs), "to be made": str(len(left)), "take": hours}
            )
    return pd.DataFrame(rows).set_index("runs of")


def _shared(study: Study) -> set[str]:
    """Return the names of the settings that are Figure 3's."""
    theirs = studies.at(FIGURES["fig03"], study.profile, study.dataset)
    known = {replace(spec, seed=0) for spec in theirs.specs}
    return {named(spec) for spec in study.specs if replace(spec, seed=0) in known}


def _hours(estimate: Any, count: int) -> str:
    return "not known" if estimate.seconds is None else duration(estimate.seconds * count)
