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


def named(spec: RunSpec) -> str:
    """Return what a setting is called here: ``"triplet, margin 0.1"``, ``"debiased and hard, β = 5"``."""
    if spec.margin is not None:
        return f"triplet, margin {spec.margin:g}"
    if spec.objective == "debiased":
        return f"debiased and hard, β = {spec.hardness:g}" if spec.hardness else "debiased"
    return label(spec)


def by_setting(study: Study, runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return the runs of each setting of a study by its name, none where they are still to be made."""
    found: dict[str, list[Run]] = {named(spec): [] for spec in study.specs}
    for run in runs:
        found[named(run.spec)].append(run)
    return found


def table(study: Study, runs: Sequence[Run]) -> pd.DataFrame:
    """Return means over seeds with their standard deviations, of every setting that is wanted.

    Args:
        study: whose settings are rows.
        runs: those of it that are made.

    Returns:
        Text; a dash where there is nothing yet, and ``"waits"`` for its seeds.
    """
    rows = []
    paper = {named(spec): spec.objective == "algorithm1" and spec.margin is None for spec in study.specs}
    for name, own in by_setting(study, runs).items():
        seeds = ", ".join(str(run.spec.seed) for run in sorted(own, key=lambda run: run.spec.seed))
        row = {"whose": "the paper's" if paper[name] else "of other works", "loss": name, "seeds": seeds or WAITS}
        rows.append(row | {measure.name: _written(own, measure) for measure in MEASURES})
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
            hours = "0" if estimate is None else _hours(estimate, len(left))
            seeds = f"seed{'s' * (len(step.seeds) > 1)} {', '.join(map(str, step.seeds))}"
            rows.append({"runs of": f"{who}, {seeds}", "number": len(specs), "to be made": len(left), "take": hours})
    return pd.DataFrame(rows).set_index("runs of")


def _shared(study: Study) -> set[str]:
    """Return the names of the settings that are Figure 3's."""
    theirs = studies.at(FIGURES["fig03"], study.profile, study.dataset)
    known = {replace(spec, seed=0) for spec in theirs.specs}
    return {named(spec) for spec in study.specs if replace(spec, seed=0) in known}


def _hours(estimate: Any, count: int) -> str:
    return "not known" if estimate.seconds is None else duration(estimate.seconds * count)
