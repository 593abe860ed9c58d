"""The page that compares trained losses: its runs, its table and figure, claims that hold and fail."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT

from hcl.companion import entries_neighbours, figures_neighbours, neighbours_trained, pages, pictures, registry, style
from hcl.companion import study as studies
from hcl.companion.claims.neighbours_trained import TRAINED
from hcl.companion.evidence import Evidence
from hcl.companion.verdicts import NC_METRICS
from hcl.training import combinations, runs

STUDY = studies.at(registry.FIGURES["neighbours_trained"], "workstation", "tinyimagenet100")
FIG03 = studies.at(registry.FIGURES["fig03"], "workstation", "tinyimagenet100")
SPECS = {neighbours_trained.named(spec): spec for spec in STUDY.specs}
BY_NAME = {claim.name.removeprefix("neighbours_trained-"): claim for claim in TRAINED}


def made(spec, distance=0.0, rank=1.0, **more):
    """A run that has settled long before its end."""
    columns = dict.fromkeys(NC_METRICS, distance) | {
        "effective_rank": rank * 99, "clusters": 100 if rank > 0.5 else 10,
        "least_distance": 1.4 if rank > 0.5 else 0.0, "within_class": 0.05, "norm": 1.0, "squared_norm": 1.0,
        "test_accuracy": 0.07, "linear_probe_backbone": 0.08, "knn": 0.06, **more,
    }  # fmt: skip
    history = pd.DataFrame({"epoch": range(0, 600, 20), "train_loss": int(spec.digest, 16) / 2**32, **columns})
    return runs.Run(spec, history, {"means": np.eye(3)}, {"device": "made up", "train_seconds": 1170.0})


def evidence(of):
    """The evidence of runs that a function makes of each name and spec, for three seeds a little apart."""
    found = []
    for name, spec in SPECS.items():
        for seed in range(3):
            distance, rank = of(name)
            found.append(made(replace(spec, seed=seed), distance, rank - 0.001 * seed))
    return Evidence(tuple(run.spec for run in found), tuple(found))


def test_the_runs_of_the_papers_losses_are_those_of_figure_3():
    shared = [spec for spec in STUDY.specs if spec in FIG03.specs]
    assert {(spec.method, spec.hardness) for spec in shared} == {
        ("SCL", 0), ("HSCL", 5), ("HSCL", 10), ("UCL", 0), ("HUCL", 5),
    }  # fmt: skip
    new = [spec for spec in STUDY.specs if spec not in shared]
    assert len(new) == 8 and len({spec.run_id for spec in STUDY.specs}) == 13 == len(SPECS), "as the module says"
    for name in ("num_train", "num_test", "encoder", "stem", "normalization", "dim", "epochs", "batch_size", "lr"):
        assert len({getattr(spec, name) for spec in STUDY.specs}) == 1, name
    assert {spec.objective for spec in new} == {*combinations.OF_OTHERS, "algorithm1"}
    assert {spec.temperature for spec in new} == {1, entries_neighbours.OWN_TEMPERATURE}


def test_all_but_the_first_runs_are_dropped_first_and_these_come_after_those_of_other_works():
    steps = registry.order("workstation")
    own = [at for at, step in enumerate(steps) if step.figure == "neighbours_trained"]
    before = [at for at, step in enumerate(steps) if step.figure.startswith(("hscl", "negatives"))]
    assert min(own) > max(before) and [steps[at].seeds for at in own] == [(0,), (1, 2)]


def test_smoke_has_every_setting_and_hardness_can_be_chosen():
    smoke = studies.study("neighbours_trained", "smoke").specs
    assert len(smoke) == 13 and {spec.dataset for spec in smoke} == {"digits"}
    few = studies.study("neighbours_trained", "smoke", hardness=[5]).specs
    assert [neighbours_trained.named(spec) for spec in few] == [
        "HSCL, β = 5",
        "HUCL, β = 5",
        "debiased and hard, β = 5",
    ]


def test_the_table_has_a_row_for_every_loss_and_says_which_wait():
    waiting = neighbours_trained.table(STUDY, [])
    assert list(waiting.index.get_level_values("loss")) == list(SPECS) and set(waiting["seeds"]) == {"waits"}
    spec = SPECS["SINCERE"]
    two = [made(replace(spec, seed=seed), effective_rank=90.0 + seed, knn=np.nan) for seed in (0, 1)]
    table = neighbours_trained.table(STUDY, two).droplevel(0)
    row = table.loc["SINCERE"]
    assert row["seeds"] == "0, 1" and row["effective rank"] == "90.5\u00a0±\u00a00.7" and row["k-NN"] == "–"
    assert row["ms a step"] == "50\u00a0±\u00a00.0", "1,170 seconds of 600 epochs of 39 steps"
    assert (table.drop("SINCERE")["seeds"] == "waits").all()


def test_the_plan_counts_the_runs_of_the_entry():
    table = neighbours_trained.plan(STUDY)
    assert list(table["number"]) == [5, 8, 10, 16] and (table["to be made"] <= table["number"]).all()


def test_the_figure_has_a_sign_a_run_and_says_which_losses_wait():
    by_setting = neighbours_trained.by_setting(STUDY, [made(SPECS["SCL"]), made(SPECS["SupCon"])])
    drawn = figures_neighbours.ends(by_setting, 100)
    assert pictures.colours(drawn.svg) <= set(style.dark_of()) and drawn.alt and len(drawn.axes) == 6
    for axis in drawn.axes:
        assert sum(text.get_text() == "waits" for text in axis.texts) == 11
        signs = [line.get_ydata()[0] for line in axis.lines if line.get_marker() in ("o", "X")]
        assert sorted(signs) == [7, 12], "SCL is the first from above, SupCon the sixth"


def at_collapse(name):
    return 0.0, 1.0


def collapsed(name):
    return 0.3, 0.1


EXPECTED = {  # claim: where it holds, where it fails, as (distance, share of the dimensions) by name
    "sincere": (at_collapse, collapsed),
    "supcon": (at_collapse, collapsed),
    "spectral": (at_collapse, collapsed),
    "debiased-scl": (collapsed, lambda name: collapsed(name) if name == "SCL" else at_collapse(name)),
    "debiased-sincere": (collapsed, lambda name: collapsed(name) if name == "SINCERE" else at_collapse(name)),
    "plain": (collapsed, at_collapse),
    "temperature": (lambda name: at_collapse(name) if "t =" in name else collapsed(name),
                    lambda name: collapsed(name) if "t =" in name else at_collapse(name)),
    "hard": (lambda name: at_collapse(name) if "hard" in name else collapsed(name),
             lambda name: collapsed(name) if "hard" in name else at_collapse(name)),
    "hard-hscl": (lambda name: collapsed(name) if "hard" in name else at_collapse(name),
                  lambda name: at_collapse(name) if "hard" in name else collapsed(name)),
    "triplet": (collapsed, at_collapse),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_NAME)
def test_a_claim_holds_fails_and_waits_as_its_runs_say(name):
    holds, fails = EXPECTED[name]
    assert BY_NAME[name].check(evidence(holds)).status == "reproduced"
    assert BY_NAME[name].check(evidence(fails)).status == "not reproduced"
    assert BY_NAME[name].check(Evidence(STUDY.specs, ())).status == "waiting"


def test_one_temperature_at_neural_collapse_is_enough():
    def of(name):
        return at_collapse(name) if name.endswith("t = 0.1") else collapsed(name)

    for name in ("sincere", "supcon"):
        assert BY_NAME[name].check(evidence(of)).status == "reproduced"


def test_the_page_of_a_figure_that_is_begun_shows_what_there_is_and_trains_nothing(monkeypatch):
    monkeypatch.setenv("HCL_TRAIN", "0")
    monkeypatch.setenv("HCL_RUNS", str(ROOT / "runs"))
    page = pages.begun("neighbours_trained")
    assert page.study.partial and page.at_best and page.study.profile == "workstation"
    assert {run.spec.method for run in page.runs} >= {"SCL", "UCL", "HSCL", "HUCL"}
    assert set(page.study.specs) >= set(STUDY.specs)
    assert "Still to be made" in str(page.note().data) or not page.study.left()
