import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hcl import paper, runs
from hcl.runs import Run
from hcl.spec import RunSpec

TRAINED = [figure for figure in paper.FIGURES.values() if figure.dataset is not None]


def made_up(spec: RunSpec, **metrics: float) -> Run:
    """A record with the given last epoch."""
    return Run(spec, pd.DataFrame([{"epoch": spec.epochs, "zero_sum": 0.0, **metrics}]), {"means": np.eye(3)}, {})


@pytest.mark.parametrize("profile", paper.PROFILES)
@pytest.mark.parametrize("figure", TRAINED, ids=lambda f: f.name)
def test_every_figure_has_distinct_valid_specs_at_every_profile(figure, profile):
    study = paper.study(figure.name, profile)
    assert len({spec.run_id for spec in study.specs}) == len(study.specs) >= 2
    assert {spec.hardness for spec in study.specs} == set(figure.hardness)
    assert {spec.supervised for spec in study.specs} == {True, False}


def test_paper_profile_is_the_paper():
    """Sec. 5 and D21: ResNet-50 with the CIFAR stem, 400 epochs, batch 512, Adam at 1e-3, k = 256, d = C - 1."""
    for spec in paper.study("fig05", "paper").specs:
        assert (spec.dataset, spec.encoder, spec.stem, spec.normalization) == (
            "cifar10", "resnet50", "cifar", "unit_ball",
        )  # fmt: skip
        assert (spec.epochs, spec.batch_size, spec.lr, spec.k, spec.representation_dim) == (400, 512, 1e-3, 256, 9)
        assert (spec.reduction, spec.negatives, spec.num_train) == ("anchor", "per_pair", None)


def test_figure_2_has_both_rows_on_the_same_data_and_initial_weights():
    specs = paper.study("fig02", "laptop").specs
    assert len(specs) == 16
    assert [spec.positives for spec in specs] == ["label"] * 8 + ["noise"] * 8
    assert len({(spec.seed, spec.encoder, spec.batch_size) for spec in specs}) == 1


def test_smoke_needs_no_files_and_other_profiles_use_the_papers_data():
    assert {spec.dataset for spec in paper.study("fig05", "smoke").specs} == {"digits"}
    assert {spec.dataset for spec in paper.study("fig05", "gpu").specs} == {"cifar10"}
    assert {spec.dataset for spec in paper.study("fig05", "gpu", dataset="cifar100").specs} == {"cifar100"}


def test_overrides_reach_the_specs():
    study = paper.study("fig05", "smoke", hardness=[0, 7], seeds=[3, 4], epochs=2)
    assert len(study.specs) == 8
    assert {(s.hardness, s.seed, s.epochs) for s in study.specs} == {(h, s, 2) for h in (0, 7) for s in (3, 4)}


def test_unknown_names_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match="fig05"):
        paper.study("fig99")
    with pytest.raises(ValueError, match="laptop"):
        paper.study("fig05", "huge")
    with pytest.raises(ValueError, match="trains nothing"):
        paper.study("theory")


def test_auto_takes_the_best_profile_with_every_run(runs_root):
    def record(profile: str, hardness: float) -> None:
        study = paper.study("fig05", profile, hardness=[0, 5])
        for spec in study.specs:
            if spec.hardness == hardness:
                arrays = {"means": np.zeros((10, 9), dtype="float32")}
                runs.save(replace(made_up(spec), arrays=arrays, provenance={"device": "made up"}), profile)

    assert paper.study("fig05", hardness=[0, 5]).profile == "laptop"
    record("gpu", 0)
    record("gpu", 5)
    assert paper.study("fig05", hardness=[0, 5]).profile == "gpu"
    record("paper", 0)  # half of it is not enough
    assert paper.study("fig05", hardness=[0, 5]).profile == "gpu"
    record("paper", 5)
    assert paper.study("fig05", hardness=[0, 5]).profile == "paper"
    assert json.loads(next((runs_root / "gpu").glob("*/spec.json")).read_text())["epochs"] == 100


def test_committed_records_are_whole_and_complete_at_laptop():
    """Every record in the repository loads, and every figure has all its runs at laptop."""
    root = runs.PACKAGE.parent / "runs"
    records = runs.all_records(root)
    assert len(records) >= 26
    for run in records:
        assert np.isfinite(run.final.to_numpy(dtype=float)).all(), run.path
        assert all(np.isfinite(array).all() for array in run.arrays.values()), run.path
        assert run.provenance["commit"] and not run.provenance["commit"].endswith("-modified"), run.path
    for figure in TRAINED:
        study = paper.study(figure.name, "laptop")
        assert study.recorded(root) == study.specs
