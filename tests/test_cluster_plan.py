"""The plan of the paper's runs on GPUs: its runs, their predicted times by hand, its tables and figures."""

import json
import math
from dataclasses import replace

import pytest
from helpers import ROOT

from hcl.companion import cluster_plan, figures_cluster, registry
from hcl.companion import study as studies
from hcl.companion.chains import Task, longest_chain, useful_gpus
from hcl.companion.gpu_times import BOUNDS, GpuTimes
from hcl.companion.schedule import Failures, Machines, simulate
from hcl.training.spec import RunSpec

PAPER = RunSpec(dataset="cifar100", supervised=True, eval_every=10)


@pytest.fixture(scope="module")
def times():
    return GpuTimes()


@pytest.fixture(scope="module")
def jobs():
    return cluster_plan.jobs(seeds=(0, 1))


# Times


def test_a_run_takes_its_steps_its_evaluations_and_its_setup(times):
    """By hand: 400 epochs of 50,000 images at 16,000 a second, twice that in fp32; 50 evaluations of 60,000 images."""
    found = times.of(PAPER)
    assert found.training == pytest.approx(400 * 50_000 / 16_000 * 2)
    assert found.evaluation == pytest.approx(50 * 60_000 / 512 * 4.3e-3 * 2)
    assert found.setup == pytest.approx(math.sqrt(24 * 129))
    assert found.seconds == found.training + found.evaluation + found.setup
    fast, slow = times.of(PAPER, "fast"), times.of(PAPER, "slow")
    assert (fast.training, slow.training) == pytest.approx((20e6 / 18_000 * 2, 20e6 / 15_000 * 3))
    assert (fast.setup, slow.setup) == (24, 129) and slow.evaluation == pytest.approx(50 * 60_000 / 512 * 6.7e-3 * 3)


def test_what_makes_a_run_longer(times):
    def training(**changes):
        return times.of(replace(PAPER, **changes)).training

    plain = training()
    assert training(precision="bf16") == pytest.approx(plain / 2)
    assert training(positives="augmentation") == pytest.approx(2 * plain)
    assert training(positives="augmentation", batch_size=256) == pytest.approx(2 * plain), "512 images at a time"
    assert training(dataset="tinyimagenet") == pytest.approx(2 * plain)
    assert training(batch_size=64) == pytest.approx(plain * 16_000 / 10_700)
    assert training(batch_size=32) == pytest.approx(plain * 16_000 / 7_300)
    assert training(batch_size=1024) == pytest.approx(plain) and training(batch_size=16) == training(batch_size=32)
    assert training(stem="torchvision") == pytest.approx(400 * 50_000 / 110_000 * 2)
    assert training(dataset="synthetic", batch_size=None) == pytest.approx(plain * 300 / 50_000)


def test_every_run_of_the_paper_has_a_prediction_within_its_range(times, jobs):
    for job in jobs:
        fast, central, slow = (times.of(job.spec, bound).seconds for bound in BOUNDS)
        assert 0 < fast < central < slow < 10 * fast


def test_another_encoder_has_none(times):
    with pytest.raises(ValueError, match="mlp, central: expected resnet50"):
        times.of(replace(PAPER, encoder="mlp"))


# Runs


def test_all_runs_of_all_figures_are_there_once_seed_by_seed(jobs):
    names = [job.spec.run_id for job in jobs]
    every = {
        spec
        for name in registry.CAMPAIGN
        for spec in studies.at(registry.FIGURES[name], "paper", registry.FIGURES[name].dataset, seeds=(0, 1)).specs
    }
    every |= {spec.start for spec in every if spec.start is not None}
    assert len(names) == len(set(names)) and {job.spec for job in jobs} == every
    assert [job.spec.seed for job in jobs] == sorted(job.spec.seed for job in jobs)


def test_runs_from_a_near_nc_model_wait_for_it(jobs):
    tasks = {task.name: task for task in cluster_plan.predicted(jobs)}
    waiting = {job.spec.run_id: job.spec.start.run_id for job in jobs if job.spec.start is not None}
    assert waiting and {name: tasks[name].after for name in waiting} == waiting
    assert all(task.after is None for name, task in tasks.items() if name not in waiting)
    simulate(list(tasks.values()), Machines(gpus=8))  # which refuses a list out of order


def test_measured_times_are_those_of_the_records():
    tasks = cluster_plan.measured(root=ROOT / "runs")
    assert len(tasks) > 50 and any(task.after for task in tasks)
    for task in tasks:
        made = json.loads((ROOT / "runs/workstation" / task.name / "provenance.json").read_text())
        assert task.seconds == made["wall_seconds"]


# Tables


def test_the_table_of_kinds_counts_every_run_and_all_of_the_work(jobs, times):
    table = cluster_plan.by_kind(jobs, times)
    assert table["number"].sum() == len(jobs) and table["share"].sum() == pytest.approx(1)
    hours = sum(task.seconds for task in cluster_plan.predicted(jobs)) / 3600
    assert (table["number"] * table["minutes each"]).sum() / 60 == pytest.approx(hours)


def test_the_plan_says_hours_gpu_hours_and_what_they_cost():
    lists = [[Task(f"run {at}", 3600.0 * factor) for at in range(6)] for factor in (1, 2, 4)]
    table = cluster_plan.table({"six": lists}, [1, 4, 100], price=2.5)
    assert list(table["hours"]) == [12, 4, 2] and list(table["hours, range"]) == ["6–24", "2–8", "1–4"]
    assert list(table["GPU hours worked"]) == [12] * 3 and list(table["GPU hours held"]) == [12, 16, 200]
    assert list(table["busy"]) == [1, 0.75, 0.06] and table["cost"].iloc[1] == "40 (20–80)"
    assert "cost" not in cluster_plan.table({"six": lists}, [1])


def test_failures_cost_hours_and_the_seeds_are_those_of_the_trials():
    tasks = [Task(f"run {at}", 3600.0) for at in range(40)]
    cases = {"never": Failures(), "often": Failures(between=3600, away=600, every=60)}
    table = cluster_plan.with_failures(tasks, [4, 16], cases, trials=5, a_node=4)
    assert (table.loc["never", ["failures", "runs begun again", "GPU hours lost"]] == 0).all(axis=None)
    assert (table.loc["often", "hours"] > table.loc["never", "hours"]).all()
    one = [simulate(tasks, Machines(gpus=16, a_node=4), cases["often"], seed=seed).retries for seed in range(5)]
    assert table.loc[("often", 16), "runs begun again"] == sum(one) / 5


def test_the_curve_is_between_its_bounds(jobs):
    curve = cluster_plan.curve(cluster_plan.predicted(jobs), [1, 3, 64, 1000])
    assert (curve["hours"] >= curve[["work", "path"]].max(axis=1) - 1e-9).all()
    assert (curve["hours"] <= curve["work"] + curve["path"]).all() and curve["busy"].iloc[0] == pytest.approx(1)


def test_from_the_floor_on_more_gpus_bring_nothing(jobs):
    tasks = cluster_plan.predicted(jobs[:60])
    floor, path = cluster_plan.floor_at(tasks), longest_chain(tasks)[0]
    assert useful_gpus(tasks) - 1 < floor < len(tasks)
    times = [simulate(tasks, Machines(gpus=gpus)).seconds / path for gpus in (floor - 1, floor, len(tasks))]
    assert times[0] > 1.01 >= times[1] >= times[2] == pytest.approx(1)
    assert cluster_plan.floor_at([Task("a", 1.0)]) == 1


# Figures


def test_the_figures_show_every_line_and_every_run():
    tasks = [Task(f"run {at}", 60.0 * (1 + at)) for at in range(9)]
    frames = tuple(cluster_plan.curve(tasks, [1, 2, 4]) for _ in range(3))
    drawn = figures_cluster.scaling({"nine": frames, "again": frames[:1]}, "GPUs", [1, 4], "alt")
    hours, busy = drawn.axes
    assert len(hours.lines) == 6 and len(busy.lines) == 4 and len(hours.collections) == 1
    assert list(hours.lines[1].get_ydata()) == list(frames[0]["hours"])
    schedule = simulate(tasks, Machines(gpus=2))
    (panel,) = figures_cluster.places({"one": schedule}, ["run 3"], "marked", "alt").axes
    bars = panel.patches
    assert len(bars) == 9 and sum(bar.get_width() for bar in bars) == pytest.approx(schedule.worked / 3600)
    assert len({bar.get_facecolor() for bar in bars}) == 2
