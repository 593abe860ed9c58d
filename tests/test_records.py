"""What the committed records say, number by number."""

import numpy as np
import pytest
import torch
from helpers import ROOT

from hcl.companion import study as studies
from hcl.companion.labels import label
from hcl.geometry import cluster_count
from hcl.training import runs

# 600 epochs on 10,000 images of 100 classes, seed 0, at the last epoch: own loss, test accuracy, zero-sum, unit-norm,
# equal inner product, rank, effective rank, clusters.
EPOCH_600 = {
    "SCL": (0.3453, 0.034, 0.049, 0.0016, 0.303, 6, 5.5, 7),
    "HSCL, β = 2": (0.3251, 0.070, 0.017, 0.0068, 0.030, 67, 56.1, 93),
    "HSCL, β = 5": (0.3143, 0.074, 0.006, 0.0054, 0.008, 98, 88.5, 100),
    "HSCL, β = 10": (0.3123, 0.065, 0.004, 0.0029, 0.003, 99, 98.3, 100),
    "HSCL, β = 30": (0.3141, 0.055, 0.004, 0.0019, 0.004, 99, 98.4, 100),
    "UCL": (0.3381, 0.029, 0.023, 0.0007, 0.204, 9, 8.4, 10),
    "HUCL, β = 2": (0.3663, 0.065, 0.018, 0.0104, 0.037, 65, 52.5, 94),
    "HUCL, β = 5": (0.5684, 0.070, 0.010, 0.0146, 0.036, 87, 62.9, 100),
    "HUCL, β = 10": (0.6829, 0.073, 0.023, 0.0062, 0.226, 19, 12.6, 100),
    "HUCL, β = 30": (0.6927, 0.065, 0.383, 0.0028, 0.338, 7, 5.7, 100),
}
COLUMNS = ("loss", "test_accuracy", "zero_sum", "unit_norm", "equal_inner_product", "rank", "effective_rank")
HALF_A_DIGIT = (0.00006, 0.00051, 0.00051, 0.00006, 0.00051, 0.1, 0.051)


@pytest.fixture(scope="module")
def figure_3():
    study = studies.study("fig03", "workstation", dataset="tinyimagenet100", seeds=[0], root=ROOT / "runs")
    return {label(run.spec): run for run in study.records(ROOT / "runs")}


@pytest.mark.parametrize("method", EPOCH_600)
def test_the_main_result_on_a_hundred_classes(figure_3, method):
    """Long enough, the small network that stays in a few dimensions goes to Neural-Collapse with hard negatives."""
    run, (*expected, clusters) = figure_3[method], EPOCH_600[method]
    for name, value, digits in zip(COLUMNS, expected, HALF_A_DIGIT, strict=True):
        assert abs(run.final[name] - value) <= digits, (name, run.final[name], value)
    assert cluster_count(torch.from_numpy(run.arrays["means"])) == clusters


def test_a_short_run_shows_the_opposite_of_a_long_one(figure_3):
    """HSCL, β = 5: the rank above the floor falls before it climbs, while the effective rank climbs from the start."""
    history = figure_3["HSCL, β = 5"].evaluated.set_index("epoch")
    assert history.loc[1, "rank"] == 91 and history["rank"].loc[20:200].min() == 53
    assert history.loc[600, "rank"] == 98
    assert np.diff(history["effective_rank"].loc[20:]).min() > -1


def test_newer_records_hold_what_every_run_measures():
    """All that were made since have norms, clusters, NC1, losses of all methods, probes and spectra."""
    new = [run for run in runs.all_records(ROOT / "runs") if "train_inside" in run.history]
    assert len(new) >= 64
    for run in new:
        assert {"norm", "clusters", "nc1", "inside", "hscl_10", "hucl_30"} <= set(run.evaluated.columns)
        assert np.isfinite(run.final[["linear_probe", "linear_probe_backbone", "knn"]].astype(float)).all()
        assert len(run.arrays["spectra"]) == len(run.arrays["similarities"]) == len(run.evaluated)
        assert run.provenance["peak_memory_mib"] > 0
        if run.spec.dataset == "synthetic":
            assert len(run.arrays["points"]) == len(run.arrays["point_epochs"]) >= 35
