"""What the page on the mechanism's runs shows: the course of the rank in recorded runs, and planned runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hcl.companion import estimates
from hcl.companion.entries_mechanism import RUNS
from hcl.companion.labels import label
from hcl.companion.registry import FIGURES, STAND_INS
from hcl.companion.study import at
from hcl.training import runs
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

SEEDS = (0, 1, 2)


def steps_an_epoch(spec: RunSpec) -> int:
    """Return the number of steps of an epoch; 1 where the number of images is not known."""
    images = spec.images or 1
    return max(1, images // (spec.batch_size or images))


def first_step(run: Run, column: str, least: float) -> float:
    """Return the step of the first evaluation at which a column is at or above a value; NaN if it never is.

    Args:
        run: a record.
        column: of its history.
        least: value.
    """
    rows: Any = run.evaluated
    reached = rows[rows[column] >= least]["epoch"] if column in rows else []
    return float(min(reached)) * steps_an_epoch(run.spec) if len(reached) else float("nan")


def course_table(found: Sequence[Run]) -> pd.DataFrame:
    """Return when and how the rank is rescued: its way down and up, and the steps to half of it and to all classes.

    Args:
        found: runs of one data set.

    Returns:
        A row a run; – stands where a run never came to it, and where an older record did not follow clusters.
    """
    rows = []
    for run in sorted(found, key=lambda run: (run.spec.hardness, run.spec.seed)):
        after: Any = run.evaluated[run.evaluated["epoch"] > 0]
        c = run.spec.num_classes
        lowest = after.loc[after["effective_rank"].idxmin()]
        rows.append(
            {
                "setting": label(run.spec), "seed": run.spec.seed, "effective rank, least": lowest["effective_rank"],
                "at step": lowest["epoch"] * steps_an_epoch(run.spec), "above the floor, least": after["rank"].min(),
                "half of it at step": first_step(run, "effective_rank", (c - 1) / 2),
                "all clusters at step": first_step(run, "clusters", c),
                "effective rank, end": run.final["effective_rank"], "clusters, end": run.final.get("clusters"),
            }
        )  # fmt: skip
    columns = ["setting", "seed"]
    return pd.DataFrame(rows).set_index(columns) if rows else pd.DataFrame()


def images_table(found: Sequence[Run]) -> pd.DataFrame:
    """Return what images a class make of a setting at one number of steps: the least that all its runs have.

    Args:
        found: runs whose specs differ in images and epochs.
    """
    if not found:
        return pd.DataFrame()
    most = min(run.spec.epochs * steps_an_epoch(run.spec) for run in found)
    rows = []
    for run in sorted(found, key=lambda run: (run.spec.images or 0, run.spec.seed)):
        every: Any = run.evaluated
        so_far = every[every["epoch"] * steps_an_epoch(run.spec) <= most]
        last = so_far.iloc[-1]
        rows.append(
            {
                "images a class": (run.spec.images or 0) // run.spec.num_classes, "setting": label(run.spec),
                "seed": run.spec.seed, "step": last["epoch"] * steps_an_epoch(run.spec),
                "effective rank": last["effective_rank"], "within class": last["within_class"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index(["images a class", "setting", "seed"])


def planned() -> pd.DataFrame:
    """Return the planned runs in their order: how many there are, how many are recorded, hours that the rest takes.

    Returns:
        A row a figure, and their sum; hours one after another on a core, by what other records took.
    """
    rows = []
    for name in RUNS:
        figure = FIGURES[name]
        assert figure.dataset is not None
        specs = at(figure, "workstation", STAND_INS.get(figure.dataset, figure.dataset), seeds=SEEDS).specs
        left = [spec for spec in specs if runs.made(spec) is None]
        seconds = estimates.estimate(left).seconds if left else 0.0
        hours = float("nan") if seconds is None else seconds * len(left) / 3600
        rows.append(
            {"runs": figure.title, "number": len(specs), "recorded": len(specs) - len(left), "hours left": hours}
        )
    table = pd.DataFrame(rows).set_index("runs")
    table.loc["all"] = table.sum()
    return table
