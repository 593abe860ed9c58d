import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hcl.companion import profiles, registry
from hcl.companion import study as studies
from hcl.companion.registry import ROWS
from hcl.training import campaign, places, runs
from hcl.training.runs import Run
from hcl.training.spec import RunSpec
from hcl.training.train import MissingRunError

ROW_4 = "no normalisation"
TRAINED = [figure for figure in registry.FIGURES.values() if figure.dataset is not None]


def made_up(spec: RunSpec, **metrics: float) -> Run:
    """A record with the given last epoch."""
    return Run(spec, pd.DataFrame([{"epoch": spec.epochs, "zero_sum": 0.0, **metrics}]), {"means": np.eye(3)}, {})


@pytest.mark.parametrize("profile", profiles.PROFILES)
@pytest.mark.parametrize("figure", TRAINED, ids=lambda f: f.name)
def test_every_figure_has_distinct_valid_specs_at_every_profile(figure, profile):
    study = studies.study(figure.name, profile)
    assert len({spec.run_id for spec in study.specs}) == len(study.specs) >= 1
    assert {spec.hardness for spec in study.specs} == set(figure.hardness)
    one_sided = {"table1": True, "fig03_long": False, "negatives_images": False, "hscl_epochs": False}
    side = True if figure.name.startswith("mechanism") else one_sided.get(figure.name.removesuffix("_cifar10"))
    assert {spec.supervised for spec in study.specs} == ({True, False} if side is None else {side})


def test_paper_profile_is_the_paper():
    """Sec. 5 and D21: ResNet-50 with the CIFAR stem, 400 epochs, batch 512, Adam at 1e-3, k = 256, d = C - 1."""
    for spec in studies.study("fig05", "paper").specs:
        assert (spec.dataset, spec.encoder, spec.stem, spec.normalization) == (
            "cifar10", "resnet50", "cifar", "unit_ball",
        )  # fmt: skip
        assert (spec.epochs, spec.batch_size, spec.lr, spec.k, spec.representation_dim) == (400, 512, 1e-3, 256, 9)
        assert (spec.reduction, spec.negatives, spec.num_train) == ("anchor", "per_pair", None)


def test_figure_2_has_both_rows_on_the_same_data_and_initial_weights():
    specs = studies.study("fig02", "laptop").specs
    assert len(specs) == 16
    assert [spec.positives for spec in specs] == ["label"] * 8 + ["noise"] * 8
    assert len({(spec.seed, spec.encoder, spec.batch_size) for spec in specs}) == 1


def test_smoke_needs_no_files_and_other_profiles_use_the_papers_data(monkeypatch, tmp_path):
    monkeypatch.setenv("HCL_DATA", str(tmp_path))
    assert {spec.dataset for spec in studies.study("fig05", "smoke").specs} == {"digits"}
    assert {spec.dataset for spec in studies.study("fig03", "smoke").specs} == {"digits"}
    assert {spec.dataset for spec in studies.study("fig02", "smoke").specs} == {"synthetic"}
    assert {spec.dataset for spec in studies.study("fig05", "gpu").specs} == {"cifar10"}
    assert {spec.dataset for spec in studies.study("fig03", "gpu").specs} == {"cifar100"}
    assert {spec.dataset for spec in studies.study("fig05", "gpu", dataset="cifar100").specs} == {"cifar100"}


def record(study: studies.Study, keep=lambda spec: True) -> None:
    for spec in filter(keep, study.specs):
        arrays = {"means": np.zeros((spec.num_classes, spec.representation_dim), dtype="float32")}
        runs.save(replace(made_up(spec), arrays=arrays, provenance={"device": "made up"}), study.profile)


def test_the_stand_in_is_shown_where_only_it_is_there_and_says_so(runs_root, monkeypatch, tmp_path):
    """Real data at any profile, then the stand-in; without records the one whose files are there."""
    monkeypatch.setenv("HCL_DATA", str(tmp_path))
    show = lambda **options: studies.study("fig03", hardness=[0, 5], **options)  # noqa: E731
    assert (show().dataset, show().stands_in) == ("cifar100", False)
    record(show(profile="laptop", dataset="tinyimagenet100"), lambda spec: spec.supervised)
    assert show().dataset == "tinyimagenet100", "some records are better than none"
    for path in runs_root.glob("*/*"):
        shutil.rmtree(path)
    (tmp_path / "tiny-imagenet-200").mkdir()
    assert (show().dataset, show().stands_in) == ("tinyimagenet100", True)
    (tmp_path / "cifar-100-python").mkdir()
    assert show().dataset == "cifar100"
    record(show(profile="gpu", dataset="tinyimagenet100"))
    assert (show().dataset, show().profile, show().stands_in) == ("tinyimagenet100", "gpu", True)
    assert show(dataset="cifar100").profile == "laptop"
    record(show(profile="laptop", dataset="cifar100"))
    assert (show().dataset, show().profile) == ("cifar100", "laptop")
    assert show(profile="gpu").dataset == "tinyimagenet100"


def test_without_seeds_each_setting_is_shown_with_those_it_has():
    show = lambda **options: studies.study("fig05", "laptop", hardness=[0, 5], **options)  # noqa: E731
    assert {spec.seed for spec in show().specs} == {0}
    record(show(seeds=[0, 2]))
    record(show(seeds=[3]), lambda spec: spec.supervised)
    assert [(spec.seed, spec.supervised, spec.hardness) for spec in show().specs] == [
        (0, True, 0), (2, True, 0), (3, True, 0), (0, True, 5), (2, True, 5), (3, True, 5),
        (0, False, 0), (2, False, 0), (0, False, 5), (2, False, 5),
    ]  # fmt: skip
    assert show().complete() and {spec.seed for spec in show(seeds=[3]).specs} == {3}


def test_a_row_of_figure_4_is_a_study_of_its_own():
    whole = studies.study("fig04", "workstation", dataset="tinyimagenet100")
    rows = [studies.study("fig04", "workstation", dataset="tinyimagenet100", row=row) for row in ROWS]
    assert [len(row.specs) for row in rows] == [10] * 4
    assert sum((row.specs for row in rows), ()) == whole.specs
    assert rows[0].specs == studies.study("fig03", "workstation", dataset="tinyimagenet100").specs
    with pytest.raises(ValueError, match="Unknown row 'third': expected one of unit ball, "):
        studies.study("fig04", row="third")


def test_rows_of_a_figure_stand_on_their_own(runs_root, monkeypatch):
    """Each is shown at its best profile with its seeds, a half-done one as far as it is, and nothing is trained."""
    monkeypatch.setenv("HCL_TRAIN", "0")
    ball, _, sphere, none = ROWS
    record(studies.study("fig06", "laptop"))
    record(studies.study("fig06", "workstation", row=ball, seeds=[0, 1]))
    record(studies.study("fig06", "workstation", row=none), lambda spec: spec.supervised)
    record(studies.study("fig06", "workstation", row=none, seeds=[2]), lambda spec: spec.method == "SCL")
    record(studies.study("fig06", "workstation", row=sphere), lambda spec: spec.supervised and spec.hardness)
    parts = studies.parts("fig06")
    assert [part.profile for part in parts] == ["workstation", "laptop", "laptop", "workstation"]
    assert [part.partial for part in parts] == [False, False, False, True]
    assert parts[0].specs == studies.study("fig05").specs and len(parts[0].specs) == 20
    found = studies.obtain(parts)
    assert [len(of) for of in found] == [20, 10, 10, 6]
    assert {run.spec.normalization for run in found[3]} == {"none"}
    assert studies.parts("fig05") == (studies.study("fig05"),)
    with pytest.raises(MissingRunError):
        studies.study("fig06", "workstation", row=none).runs()


def test_what_is_begun_at_a_better_profile_is_found_by_row(runs_root):
    record(studies.study("fig06", "laptop"))
    record(studies.study("fig06", "workstation", row=ROW_4), lambda spec: spec.method == "SCL")
    found = [studies.begun(part) for part in studies.parts("fig06")]
    assert found[:3] == [None] * 3
    assert (found[3].profile, len(found[3].specs), len(found[3].recorded())) == ("workstation", 10, 1)
    assert studies.begun(studies.study("fig05", "smoke")) is None


def test_half_of_the_lowest_profile_is_trained_to_its_end():
    record(studies.study("fig05", "laptop", hardness=[0, 5]), lambda spec: spec.supervised)
    study = studies.study("fig05", hardness=[0, 5])
    assert (study.profile, study.partial) == ("laptop", False)


@pytest.mark.parametrize(
    ("inside", "same"),
    [
        ({"train_inside": [np.nan, 0, 0], "inside": [1, 0, 0]}, True),
        ({"train_inside": [np.nan, 0.1, 0]}, False),
        ({"train_inside": [np.nan, 0, 0], "inside": [0, 0, 0.1]}, False),
        ({}, False),
    ],
    ids=["none inside", "some inside", "some inside in eval mode", "older record"],
)  # fmt: skip
def test_a_run_on_the_ball_stands_in_for_that_on_the_sphere(runs_root, inside, same):
    """Where no feature lay inside: then the study is complete, a campaign has nothing to make, and the run says so."""
    ball, _, sphere, _ = studies.parts("fig06", "laptop", hardness=[0])
    for spec in ball.specs:
        history = pd.DataFrame({"epoch": [0, 1, spec.epochs], "zero_sum": [0.3, 0.2, 0.1], "inside": 0.0, **inside})
        if not inside:
            history = history.drop(columns="inside")
        means = np.zeros((spec.num_classes, spec.representation_dim), dtype="float32")
        runs.save(Run(spec, history, {"means": means, "spectra": np.zeros((3, 9))}, {"device": "made up"}), "laptop")
    assert sphere.complete() == same and bool(sphere.left()) != same
    assert (campaign.missing(sphere.jobs()) == []) == same
    assert len(campaign.missing(studies.study("fig06", "laptop", hardness=[0], row=ROW_4).jobs())) == 2
    for run in sphere.records():
        assert same and run.spec.normalization == "unit_sphere"
        assert run.same_as == replace(run.spec, normalization="unit_ball").run_id and run.path.name == run.same_as
        assert run.evaluated["epoch"].tolist() == [1, run.spec.epochs], "untrained features lay inside in eval mode"
        assert len(run.arrays["spectra"]) == 2
    record(sphere)
    assert [run.same_as for run in sphere.records()] == ["", ""], "its own record comes first"


def test_figure_4_has_four_rows_and_table_2_its_start():
    rows = studies.study("fig04", "paper").specs
    assert [(s.init, s.normalization) for s in rows[::10]] == [
        ("random", "unit_ball"), ("near_nc", "unit_ball"), ("random", "unit_sphere"), ("random", "none"),
    ]  # fmt: skip
    table = studies.study("table2", "paper").specs
    assert len(table) == 11 and all(spec.start == table[0] for spec in table[1:])
    assert set(table) <= set(rows) and set(studies.study("fig03", "paper").specs) <= set(rows)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("fig08", "batch_size", 64), ("fig09", "batch_size", 32), ("fig12", "objective", "simclr"),
        ("fig12", "positives", "augmentation"), ("fig13", "positives", "augmentation"),
        ("fig13", "objective", "algorithm1"), ("fig07", "dataset", "tinyimagenet"),
    ],
)  # fmt: skip
def test_what_a_figure_changes(name, field, value):
    assert {getattr(spec, field) for spec in studies.study(name, "paper").specs} == {value}
    assert {spec.epochs for spec in studies.study(name, "paper").specs} == {400}


def test_polynomial_hardening_at_zero_is_the_run_of_figure_3():
    specs = studies.study("fig10", "paper").specs
    plain = {spec for spec in specs if spec.hardness == 0}
    assert plain <= set(studies.study("fig03", "paper").specs)
    assert {spec.hardening for spec in set(specs) - plain} == {"polynomial"}


def test_the_fidelity_page_changes_one_thing_at_a_time():
    from dataclasses import asdict

    specs = studies.study("fidelity", "laptop").specs
    base = {(s.supervised, s.hardness): asdict(s) for s in studies.study("fidelity_base", "laptop").specs}
    for spec in specs:
        of = base[spec.supervised, spec.hardness]
        assert sum(value != of[name] for name, value in asdict(spec).items()) <= 1


def test_overrides_reach_the_specs():
    study = studies.study("fig05", "smoke", hardness=[0, 7], seeds=[3, 4], epochs=2)
    assert len(study.specs) == 8
    assert {(s.hardness, s.seed, s.epochs) for s in study.specs} == {(h, s, 2) for h in (0, 7) for s in (3, 4)}


def test_unknown_names_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match="fig05"):
        studies.study("fig99")
    with pytest.raises(ValueError, match="laptop"):
        studies.study("fig05", "huge")
    with pytest.raises(ValueError, match="trains nothing"):
        studies.study("theory")


def test_auto_takes_the_best_profile_with_every_run(runs_root):
    def made(profile: str, hardness: float) -> None:
        record(studies.study("fig05", profile, hardness=[0, 5], seeds=[0]), lambda spec: spec.hardness == hardness)

    assert studies.study("fig05", hardness=[0, 5]).profile == "laptop"
    made("gpu", 0)
    made("gpu", 5)
    assert studies.study("fig05", hardness=[0, 5]).profile == "gpu"
    record(studies.study("fig05", "paper", hardness=[0, 5]), lambda spec: spec.supervised and not spec.hardness)
    assert studies.study("fig05", hardness=[0, 5]).profile == "gpu", "a quarter is not enough"
    made("paper", 0)
    half = studies.study("fig05", hardness=[0, 5])
    assert (half.profile, half.partial, half.complete()) == ("paper", True, False)
    assert {spec.hardness for spec in half.recorded()} == {0} and {spec.hardness for spec in half.left()} == {5}
    assert not studies.study("fig05", "paper", hardness=[0, 5]).partial, "what is asked for by name is trained"
    made("paper", 5)
    whole = studies.study("fig05", hardness=[0, 5])
    assert (whole.profile, whole.partial) == ("paper", False)
    assert json.loads(next((runs_root / "gpu").glob("*/spec.json")).read_text())["epochs"] == 100


@pytest.mark.parametrize("profile", ["workstation", "gpu"])
def test_a_campaign_of_all_makes_every_run_of_every_figure(profile):
    made = {
        spec
        for step in registry.order(profile)
        for spec in studies.study(step.figure, profile, seeds=step.seeds, hardness=step.hardness, row=step.row).specs
    }
    assert {spec for figure in TRAINED for spec in studies.study(figure.name, profile, seeds=[0]).specs} <= made
    assert sorted(registry.CAMPAIGN) == sorted(figure.name for figure in TRAINED)


def test_the_workstation_campaign_begins_with_what_decides_most():
    """Figure 2 with five seeds, Table 2 from its start, Figure 5, then more seeds of four settings of Figure 3."""
    first = registry.order("workstation")[:6]
    assert [(step.figure, step.seeds) for step in first] == [
        ("fig02", (0, 1, 2, 3, 4)), ("fig03", (0,)), ("table1", (0,)), ("table2", (0,)), ("fig05", (0,)),
        ("fig03", (1, 2)),
    ]  # fmt: skip
    assert first[-1].hardness == (0, 5)


def test_cifar10_is_trained_at_workstation_until_its_images_are_fitted():
    """Fewer images and more epochs than the profile has; Figure 5 is the first row of Figure 6."""
    for name in ("fig05", "fig06", "fig11"):
        specs = studies.study(name, "workstation").specs
        assert {(s.num_train, s.epochs, s.eval_every, s.stem) for s in specs} == {(2000, 3000, 100, "patch")}
    assert studies.study("fig05", "workstation").specs == studies.study("fig06", "workstation", row="unit ball").specs
    assert {s.epochs for s in studies.study("fidelity", "workstation").specs} == {60}


def test_committed_records_are_whole_and_complete_at_laptop(tmp_path, monkeypatch):
    """Each is of a figure, every figure of the paper has all its runs at laptop, and all is small."""
    monkeypatch.setenv("HCL_DATA", str(tmp_path))
    root = places.PACKAGE.parent / "runs"
    records = runs.all_records(root)
    for run in records:
        assert np.isfinite(run.final.to_numpy(dtype=float)).all(), run.path
        assert all(np.isfinite(array).all() for array in run.arrays.values()), run.path
        assert run.provenance["commit"] and not run.provenance["commit"].endswith("-modified"), run.path
    belonging: set[RunSpec] = set()
    for figure in TRAINED:
        found = [studies.study(figure.name, profile, root=root) for profile in profiles.BEST_FIRST]
        belonging |= {spec for study in found for spec in study.specs}
        belonging |= {spec for seed in range(10) for study in found for spec in seeded(study, seed)}
        assert figure.part != registry.PAPER or found[-1].complete(root), figure.name
    assert {run.spec for run in records} <= belonging
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < 40e6


@pytest.mark.parametrize("figure", ["fig03", "fig05"])
def test_the_headline_settings_are_recorded_with_three_seeds(figure):
    root = places.PACKAGE.parent / "runs"
    study = studies.study(figure, "laptop", root=root)
    assert len({spec.seed for spec in study.specs}) >= 3 and study.complete(root)


def seeded(study: studies.Study, seed: int) -> list[RunSpec]:
    return [replace(spec, seed=seed) for spec in study.specs]
