"""The page on the mechanism's runs: steps that are read from records, and runs that are planned."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hcl.companion import mechanism_runs, registry
from hcl.companion import study as studies
from hcl.companion.entries_mechanism import FIGURES, RUNS, SCHEDULES
from hcl.companion.labels import label
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

SPEC = RunSpec(dataset="cifar10", supervised=True, num_train=2_000, batch_size=256, epochs=40, eval_every=10)
HISTORY = pd.DataFrame(
    {
        "epoch": [0, 10, 20, 30, 40], "effective_rank": [6.0, 1.5, 4.4, 4.6, 9.0], "rank": [9, 5, 7, 9, 9],
        "clusters": [1, 2, 10, 9, 10], "within_class": [0.5, 0.2, 0.1, 0.1, 0.1], "zero_sum": 0.0,
    }
)  # fmt: skip


def run(spec=SPEC, history=HISTORY):
    return Run(spec, history, {"means": np.eye(10)}, {})


def test_steps_are_those_of_whole_batches():
    assert mechanism_runs.steps_an_epoch(SPEC) == 7  # 2,000 / 256, the rest dropped
    assert mechanism_runs.steps_an_epoch(replace(SPEC, batch_size=None)) == 1


def test_the_first_step_is_that_of_an_evaluation_which_reaches_the_value():
    late = HISTORY.assign(effective_rank=[0.5, 1.5, 4.4, 4.6, 9.0])
    assert mechanism_runs.first_step(run(history=late), "effective_rank", 4.5) == 30 * 7
    assert mechanism_runs.first_step(run(), "clusters", 10) == 20 * 7
    assert np.isnan(mechanism_runs.first_step(run(), "clusters", 11))
    assert np.isnan(mechanism_runs.first_step(run(history=HISTORY.drop(columns="clusters")), "clusters", 10))


def test_the_course_says_how_low_the_rank_falls_after_the_start():
    table = mechanism_runs.course_table([run(replace(SPEC, hardness=5.0)), run()])
    assert [name for name, _ in table.index] == ["SCL", "HSCL, β = 5"]
    row = table.iloc[0]
    assert row["effective rank, least"] == 1.5 and row["at step"] == 70 and row["above the floor, least"] == 5
    assert row["effective rank, end"] == 9 and row["clusters, end"] == 10
    assert len(mechanism_runs.course_table([])) == 0


def test_images_a_class_are_compared_at_equal_steps():
    more = replace(SPEC, num_train=10_000, epochs=10)  # 39 steps an epoch
    short = pd.DataFrame({"epoch": [0, 5, 10], "effective_rank": [1.0, 2.0, 3.0], "within_class": 0.1, "zero_sum": 0.0})
    table = mechanism_runs.images_table([run(more, short), run()])
    assert list(table.index.get_level_values("images a class")) == [200, 1000]
    # 40 epochs of 7 steps are 280; of 39 steps 7 epochs are fewer, so the last evaluation is that of epoch 5.
    assert table["step"].tolist() == [280, 195] and table["effective rank"].tolist() == [9.0, 2.0]
    assert len(mechanism_runs.images_table([])) == 0


def test_the_plan_names_every_run_once_and_counts_what_is_recorded(runs_root):
    table = mechanism_runs.planned()
    assert table.loc["all", "number"] == 75 == table["number"].iloc[:-1].sum() and table.loc["all", "recorded"] == 0
    assert list(table.index[:-1]) == [registry.FIGURES[name].title for name in RUNS]
    assert set(RUNS) == {figure.name for figure in FIGURES} - {"mechanism", "mechanism_course"}
    specs = [spec for name in RUNS for spec in studies.study(name, "workstation", seeds=(0, 1, 2)).specs]
    assert len(set(specs)) == len(specs) == 75


def test_the_runs_come_after_those_of_the_paper_and_the_first_seed_before_the_others():
    steps = registry.order("workstation")
    names = [step.figure for step in steps]
    paper = max(at for at, name in enumerate(names) if registry.FIGURES[name].part == registry.PAPER)
    assert min(names.index(name) for name in RUNS) > paper
    own = [step for step in steps if step.figure in RUNS]
    assert [step.figure for step in own] == [*RUNS, *RUNS] and own[0].seeds == (0,) and own[-1].seeds == (1, 2)


def test_what_is_recorded_for_other_figures_is_not_trained_again():
    course = studies.study("mechanism_course", "workstation", dataset="tinyimagenet100").specs
    headline = studies.study("fig03", "workstation", dataset="tinyimagenet100").specs
    assert set(course) == {spec for spec in headline if spec.supervised}


def test_schedules_change_their_hardness_and_the_optimiser_is_named():
    specs = studies.study("mechanism_schedule", "workstation", dataset="tinyimagenet100").specs
    assert {spec.hardness: spec.hardness_end for spec in specs} == dict(SCHEDULES)
    assert [label(spec) for spec in specs][:2] == ["HSCL, β = 0 to 10", "HSCL, β = 10 to 0"]
    assert label(replace(SPEC, eps=1e-4)) == "SCL, eps 0.0001" and label(replace(SPEC, decay="cosine")) == "SCL, cosine"
    other = studies.study("mechanism_schedule", "workstation", hardness=[5.0]).specs
    assert [spec.hardness_end for spec in other] == [0.0]


@pytest.mark.parametrize("name", ["few", "fewer", "batch_steps"])
def test_as_many_steps_are_as_many(name):
    (spec,) = studies.study(f"mechanism_{name}", "workstation", dataset="tinyimagenet100").specs
    (base,) = (
        s for s in studies.study("mechanism_course", "workstation", dataset="tinyimagenet100").specs if s.hardness == 5
    )
    steps = [of.epochs * mechanism_runs.steps_an_epoch(of) for of in (spec, base)]
    assert steps[0] == pytest.approx(steps[1], rel=0.01)
