"""Run specifications: validation and identity."""

import json
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from hcl.training.spec import RunSpec

PLAIN = {"dataset": "cifar10", "supervised": True}


def spec(**changes):
    return RunSpec(**(PLAIN | changes))


def test_the_identity_of_a_run_is_pinned():
    """Records are found by it: a change here orphans every record there is."""
    assert spec().run_id == "cifar10-scl-s0-50cbe83b"
    full = spec(supervised=False, hardness=2.5, epochs=60, batch_size=None, encoder="small_resnet", k=None, seed=3)
    assert full.run_id == "cifar10-hucl-2.5-s3-d4383ea0"


def test_a_default_given_explicitly_is_not_part_of_the_identity():
    """So that a field added later leaves the identity of older runs alone."""
    defaults = {f.name: f.default for f in fields(RunSpec) if f.name not in PLAIN}
    assert spec(**defaults).run_id == spec().run_id and spec(**defaults) == spec()


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "digits"}, {"supervised": False}, {"num_train": 600}, {"num_test": 200}, {"encoder": "mlp"},
        {"stem": "torchvision"}, {"init": "near_nc"}, {"normalization": "none"}, {"dim": 9},
        {"hardening": "polynomial"}, {"hardness": 5},
        {"k": 32}, {"k": None}, {"reduction": "pair"}, {"negatives": "per_anchor"}, {"exclude_self": True},
        {"positives": "noise"}, {"noise": 0.2}, {"epochs": 399}, {"batch_size": 64}, {"batch_size": None},
        {"lr": 2e-3}, {"weight_decay": 1e-6}, {"precision": "bf16"}, {"eval_every": 5}, {"seed": 1},
    ],
    ids=str,
)  # fmt: skip
def test_every_field_is_part_of_the_identity(change):
    assert spec(**change).run_id != spec().run_id


def test_whole_numbers_and_floats_are_one_run():
    assert spec(hardness=5).run_id == spec(hardness=5.0).run_id
    assert spec(hardness=5) == spec(hardness=5.0) and type(spec(hardness=5).hardness) is float
    assert spec(epochs=7.0) == spec(epochs=7) and type(spec(epochs=7.0).epochs) is int
    assert type(spec(k=32.0).k) is int


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "mnist"}, "dataset='mnist': expected one of synthetic, digits, cifar10"),
        ({"encoder": "vit"}, "encoder='vit': expected one of resnet50, small_resnet, mlp"),
        ({"stem": "vgg"}, "stem="),
        ({"normalization": "ball"}, "normalization='ball': expected one of unit_ball, unit_sphere, none"),
        ({"reduction": "mean"}, "reduction="),
        ({"negatives": "all"}, "negatives="),
        ({"positives": "views"}, "positives="),
        ({"precision": "fp16"}, "precision="),
        ({"hardening": "cosine"}, "hardening='cosine': expected one of exponential"),
        ({"hardness": -1.0}, "hardness=.*: expected a finite number >= 0"),
        ({"hardness": float("inf")}, "hardness=.*: expected a finite number >= 0"),
        ({"k": 0}, "k=0: expected at least 1"),
        ({"epochs": 0}, "epochs=0: expected at least 1"),
        ({"batch_size": 1}, "batch_size=1: expected at least 2"),
        ({"dim": 0}, "dim=0: expected at least 1"),
        ({"eval_every": 0}, "eval_every=0"),
        ({"seed": -1}, "seed=-1: expected at least 0"),
        ({"lr": 0.0}, "Expected lr > 0"),
        ({"lr": float("nan")}, "Expected lr > 0"),
        ({"weight_decay": -1e-6}, "weight_decay >= 0"),
        ({"noise": -0.1}, "noise >= 0"),
        ({"supervised": 1}, "supervised=1: expected True or False"),
        ({"exclude_self": "no"}, "exclude_self='no': expected True or False"),
        ({"k": "256"}, "k='256': expected a whole number or None"),
        ({"k": 2.5}, "k=2.5: expected a whole number or None"),
        ({"epochs": True}, "epochs=True: expected a whole number"),
        ({"epochs": None}, "epochs=None: expected a whole number"),
        ({"lr": "0.1"}, "lr='0.1': expected a number"),
        ({"dataset": None}, "dataset=None: expected text"),
        ({"detach_weights": False}, "detach_weights=False needs k=None"),
        ({"stem": "patch"}, 'stem="patch" is of the small ResNet'),
    ],
)
def test_bad_values_are_refused_with_the_name_of_the_field(changes, message):
    with pytest.raises(ValueError, match=message):
        spec(**changes)


def test_dataset_and_supervised_have_no_default():
    with pytest.raises(TypeError):
        RunSpec(dataset="digits")
    with pytest.raises(TypeError):
        RunSpec(supervised=True)


def test_specs_are_frozen_and_hashable():
    assert len({spec(), spec(), spec(seed=1)}) == 2
    with pytest.raises(FrozenInstanceError):
        spec().seed = 3


@pytest.mark.parametrize("changes", [{}, {"k": None, "hardness": 5, "batch_size": None, "dim": 7}])
def test_a_spec_survives_json(changes):
    original = spec(**changes)
    assert RunSpec.from_dict(json.loads(json.dumps(original.to_dict()))) == original


def test_unknown_fields_are_named():
    with pytest.raises(ValueError, match="Unknown field colour, size: this record is of another version"):
        RunSpec.from_dict(spec().to_dict() | {"size": 1, "colour": "red"})


def test_a_record_without_a_later_field_takes_its_default():
    values = spec(hardness=5).to_dict()
    del values["weight_decay"]
    assert RunSpec.from_dict(values) == spec(hardness=5)


@pytest.mark.parametrize(
    ("supervised", "hardness", "method"), [(True, 0, "SCL"), (True, 5, "HSCL"), (False, 0, "UCL"), (False, 5, "HUCL")]
)
def test_method_is_named_as_in_the_paper(supervised, hardness, method):
    assert spec(supervised=supervised, hardness=hardness).method == method


@pytest.mark.parametrize(("dataset", "classes"), [("synthetic", 3), ("cifar100", 100), ("tinyimagenet", 200)])
def test_dimension_is_one_less_than_the_number_of_classes(dataset, classes):
    assert spec(dataset=dataset).num_classes == classes
    assert spec(dataset=dataset).representation_dim == classes - 1
    assert spec(dataset=dataset, dim=64).representation_dim == 64


def test_the_first_epochs_the_last_and_the_multiples_are_evaluated():
    chosen = replace(spec(), epochs=33, eval_every=15)
    assert [e for e in range(34) if chosen.evaluated(e)] == [*range(11), 15, 30, 33]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [({}, 50_000), ({"num_train": 600}, 600), ({"positives": "augmentation", "num_train": 600}, 1_200)],
)
def test_two_views_are_twice_the_images(changes, shown):
    assert spec(**changes).images_an_epoch == shown
