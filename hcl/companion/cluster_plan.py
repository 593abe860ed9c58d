"""The plan of a campaign on many GPUs: its runs and their times, and what comes of them on each number of machines."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import pandas as pd

from hcl.companion import estimates, registry
from hcl.companion import study as studies
from hcl.companion.chains import Task, longest_chain
from hcl.companion.gpu_times import BOUNDS, GpuTimes
from hcl.companion.numbers import brief
from hcl.companion.schedule import Failures, Machines, Schedule, simulate
from hcl.training import campaign
from hcl.training.campaign import Job

HOUR = 3600.0


def jobs(profile: str = "paper", seeds: Sequence[int] = (0,)) -> list[Job]:
    """Return all runs of a campaign on the paper's own data sets, as `hcl campaign` orders them, recorded or not.

    Args:
        profile: of the runs.
        seeds: every run with the first, then with the next.
    """
    listed: list[Job] = []
    for seed in seeds:
        for name in registry.CAMPAIGN:
            figure = registry.FIGURES[name]
            assert figure.dataset is not None
            listed += studies.at(figure, profile, figure.dataset, seeds=(seed,)).jobs()
    with tempfile.TemporaryDirectory() as empty:
        return campaign.missing(listed, Path(empty))


def predicted(listed: Sequence[Job], bound: str = "central", times: GpuTimes | None = None) -> list[Task]:
    """Return runs with the times that a GPU is predicted to take for them.

    Args:
        listed: of `jobs`.
        bound: see `hcl.companion.gpu_times.GpuTimes.of`.
        times: the predictions; None is the project's.
    """
    times = times or GpuTimes()
    return [_task(job, times.of(job.spec, bound).seconds) for job in listed]


def measured(profile: str = "workstation", root: Path | None = None) -> list[Task]:
    """Return the recorded runs of a profile with the times that they took, in the order of a campaign.

    Args:
        profile: of the runs.
        root: folder of the records; None is `hcl.training.places.runs_root`.
    """
    took = {made.name: made.seconds for made in estimates.all_made(root) if made.profile == profile}
    listed: list[Job] = []
    for step in registry.order(profile):
        figure = registry.FIGURES[step.figure]
        own = figure.dataset or ""
        for dataset in filter(None, (own, registry.STAND_INS.get(own))):
            listed += studies.at(figure, profile, dataset, step.hardness, step.seeds, row=step.row).jobs()
    with tempfile.TemporaryDirectory() as empty:
        listed = campaign.missing(listed, Path(empty))
    return [_task(job, took[job.spec.run_id], took) for job in listed if job.spec.run_id in took]


def by_kind(listed: Sequence[Job], times: GpuTimes | None = None) -> pd.DataFrame:
    """Return the runs of a campaign by what they cost: how many, the predicted minutes of each, the share of the work.

    Args:
        listed: of `jobs`.
        times: see `predicted`.
    """
    times = times or GpuTimes()
    rows = [
        {"runs": _kind(job), **{bound: times.of(job.spec, bound).seconds / 60 for bound in BOUNDS}} for job in listed
    ]
    frame = pd.DataFrame(rows)
    whole = frame["central"].sum()
    grouped = frame.groupby("runs", sort=False)
    table = grouped[list(BOUNDS)].mean().assign(number=grouped.size(), share=grouped["central"].sum() / whole)
    table["range"] = [_range(low, high) for low, high in zip(table["fast"], table["slow"], strict=True)]
    table = table.rename(columns={"central": "minutes each"})[["number", "minutes each", "range", "share"]]
    return table.sort_values("share", ascending=False)


def outcome(
    tasks: Sequence[Task], machines: Machines, failures: Failures | None = None, trials: int = 1
) -> dict[str, float]:
    """Return what comes of a campaign: means over simulations that differ in the seed of the failures.

    Args:
        tasks: see `hcl.companion.schedule.simulate`.
        machines: likewise.
        failures: likewise.
        trials: number of simulations.

    Returns:
        ``hours`` until the end, GPU hours ``worked``, ``held`` and ``lost``, the share ``busy``, ``failures`` and
        ``retries``.
    """
    found = [simulate(tasks, machines, failures, seed=seed) for seed in range(trials)]
    values = [_values(schedule) for schedule in found]
    return {name: mean(value[name] for value in values) for name in values[0]}


def table(
    parts: Mapping[str, Sequence[Sequence[Task]]], gpus: Sequence[int], *, price: float = 0.0, a_node: int = 8
) -> pd.DataFrame:
    """Return the plan without failures: a row for each list of runs and number of GPUs.

    Args:
        parts: by what a list is called, the list with fast, central and slow times.
        gpus: numbers of GPUs.
        price: of a GPU hour, in whatever currency; 0 leaves the cost out.
        a_node: GPUs of a machine.
    """
    rows = []
    for name, lists in parts.items():
        for count in gpus:
            low, best, high = (outcome(tasks, Machines(gpus=count, a_node=a_node)) for tasks in lists)
            row: dict[str, object] = {"runs": name, "GPUs": count, "hours": best["hours"]}
            row["hours, range"] = _range(low["hours"], high["hours"])
            row |= {"GPU hours worked": best["worked"], "GPU hours held": best["held"]}
            row |= {"held, range": _range(low["held"], high["held"]), "busy": best["busy"]}
            if price:
                row["cost"] = f"{brief(best['held'] * price)} ({_range(low['held'] * price, high['held'] * price)})"
            rows.append(row)
    return pd.DataFrame(rows).set_index(["runs", "GPUs"])


def with_failures(
    tasks: Sequence[Task], gpus: Sequence[int], cases: Mapping[str, Failures], trials: int = 20, a_node: int = 8
) -> pd.DataFrame:
    """Return what failures of machines cost: means over simulations, a row for each case and number of GPUs.

    Args:
        tasks: see `hcl.companion.schedule.simulate`.
        gpus: numbers of GPUs.
        cases: of failures, by what they are called.
        trials: number of simulations.
        a_node: GPUs of a machine.
    """
    rows = []
    for name, failures in cases.items():
        for count in gpus:
            found = outcome(tasks, Machines(gpus=count, a_node=a_node), failures, trials)
            rows.append(
                {
                    "a machine fails": name, "GPUs": count, "hours": found["hours"], "failures": found["failures"],
                    "runs begun again": found["retries"], "GPU hours lost": found["lost"],
                }
            )  # fmt: skip
    return pd.DataFrame(rows).set_index(["a machine fails", "GPUs"])


def floor_at(tasks: Sequence[Task], a_node: int = 8) -> int:
    """Return the number of GPUs from which on a campaign takes as long as its critical path, within a hundredth.

    Args:
        tasks: see `hcl.companion.schedule.simulate`.
        a_node: see `table`.
    """
    path, enough = longest_chain(tasks)[0], len(tasks)
    for count in range(len(tasks), 0, -1):
        if simulate(tasks, Machines(gpus=count, a_node=a_node)).seconds > 1.01 * path:
            break
        enough = count
    return enough


def curve(tasks: Sequence[Task], gpus: Sequence[int], a_node: int = 8) -> pd.DataFrame:
    """Return hours and busy share by the number of GPUs, without failures, and the two bounds of the hours.

    Args:
        tasks: see `hcl.companion.schedule.simulate`.
        gpus: numbers of GPUs.
        a_node: see `table`.

    Returns:
        Columns ``hours``, ``busy``, ``work`` (all work evenly over the GPUs) and ``path`` (the critical path).
    """
    work, path = sum(task.seconds for task in tasks) / HOUR, longest_chain(tasks)[0] / HOUR
    rows = []
    for count in gpus:
        found = outcome(tasks, Machines(gpus=count, a_node=a_node))
        rows.append({"GPUs": count, "hours": found["hours"], "busy": found["busy"], "work": work / count, "path": path})
    return pd.DataFrame(rows).set_index("GPUs")


def _task(job: Job, seconds: float, among: dict[str, float] | None = None) -> Task:
    """Return a run with its time; what it starts from counts where it is in the list."""
    start = job.spec.start
    after = start.run_id if start is not None and (among is None or start.run_id in among) else None
    return Task(job.spec.run_id, seconds, after)


def _kind(job: Job) -> str:
    """Return what a run is of, as far as its cost goes."""
    spec = job.spec
    if spec.dataset == "synthetic":
        return "synthetic data"
    of = "Tiny-ImageNet" if spec.dataset == "tinyimagenet" else "CIFAR"
    views = "" if spec.positives == "label" else ", two views"
    stem = ", torchvision stem" if spec.stem == "torchvision" else ""
    return f"{of}, batch {spec.batch_size}{views}{stem}"


def _range(low: float, high: float) -> str:
    return f"{brief(low)}–{brief(high)}"


def _values(schedule: Schedule) -> dict[str, float]:
    return {
        "hours": schedule.seconds / HOUR, "worked": schedule.worked / HOUR, "held": schedule.held / HOUR,
        "lost": schedule.lost / HOUR, "busy": schedule.busy, "failures": schedule.failures,
        "retries": schedule.retries,
    }  # fmt: skip
