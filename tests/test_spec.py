"""Run specifications: validation and identity."""

import json
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from helpers import ROOT

from hcl.training.randomness import seed_for
from hcl.training.spec import MAX_EPOCHS, MAX_HARDNESS, MAX_SEED, RunSpec, check_feasible

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
        {"alpha": 1}, {"imbalance": 2},
        {"lr": 2e-3}, {"weight_decay": 1e-6}, {"precision": "bf16"}, {"eval_every": 5}, {"seed": 1},
        {"temperature": 0.5}, {"margin": 1, "k": 1}, {"objective": "sincere"},
        {"eps": 1e-4}, {"decay": "cosine"}, {"decay": "step"}, {"hardness_end": 10},
        {"hardness": 10, "hardness_end": 0},
    ],
    ids=str,
)  # fmt: skip
def test_every_field_is_part_of_the_identity(change):
    assert spec(**change).run_id != spec().run_id


def test_a_hardness_that_changes_is_in_the_name_of_the_run():
    rising, falling = spec(hardness_end=10), spec(hardness=10, hardness_end=0)
    assert rising.run_id.startswith("cifar10-hscl-0to10-s0-") and falling.run_id.startswith("cifar10-hscl-10to0-s0-")
    assert spec(hardness_end=10, init="near_nc").start == spec(hardness=10)


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
        ({"hardness": 1e300}, "hardness=1e\\+300: expected at most 1,000,000,000"),
        ({"hardness": 1.01e9}, "expected at most 1,000,000,000"),
        ({"seed": 2**63}, "seed=9223372036854775808: expected at most 4,294,967,295"),
        ({"seed": 2**32}, "expected at most 4,294,967,295"),
        ({"epochs": 1_000_001}, "epochs=1000001: expected at most 1,000,000"),
        ({"k": 10**20}, "k=100000000000000000000: expected at most 2,147,483,647"),
        ({"num_train": 0}, "num_train=0: expected at least 1"),
        ({"num_test": 0}, "num_test=0: expected at least 1"),
        ({"lr": 0.0}, "lr=0.0: expected a finite number > 0"),
        ({"lr": float("nan")}, "lr=nan: expected a finite number > 0"),
        ({"lr": float("inf")}, "lr=inf: expected a finite number > 0"),
        ({"weight_decay": -1e-6}, "weight_decay=-1e-06: expected a finite number >= 0"),
        ({"weight_decay": float("inf")}, "weight_decay=inf: expected a finite number >= 0"),
        ({"noise": -0.1}, "noise=-0.1: expected a finite number >= 0"),
        ({"noise": float("nan")}, "noise=nan: expected a finite number >= 0"),
        ({"supervised": 1}, "supervised=1: expected True or False"),
        ({"exclude_self": "no"}, "exclude_self='no': expected True or False"),
        ({"k": "256"}, "k='256': expected a whole number or None"),
        ({"k": 2.5}, "k=2.5: expected a whole number or None"),
        ({"epochs": True}, "epochs=True: expected a whole number"),
        ({"epochs": None}, "epochs=None: expected a whole number"),
        ({"temperature": 0.0}, "temperature=0.0: expected a finite number > 0"),
        ({"temperature": float("nan")}, "temperature=nan: expected a finite number > 0"),
        ({"lr": "0.1"}, "lr='0.1': expected a number"),
        ({"dataset": None}, "dataset=None: expected text"),
        ({"detach_weights": False}, "detach_weights=False needs k=None"),
        ({"eps": 0.0}, "eps=0.0: expected a finite number > 0"),
        ({"decay": "linear"}, "decay='linear': expected one of none, cosine, step"),
        ({"hardness_end": -1.0}, "hardness_end=-1.0: expected a finite number >= 0"),
        ({"hardness_end": 1e10}, "hardness_end=1e\\+10|hardness_end=10000000000.0: expected at most 1,000,000,000"),
        ({"hardness": 5, "hardness_end": 5}, "hardness_end=5 is the hardness of the whole run: leave it None"),
        ({"hardness_end": 0}, "hardness_end=0 is the hardness of the whole run"),
        ({"stem": "patch"}, 'stem="patch" is of the small ResNet'),
        (
            {"objective": "supcom"},
            "objective='supcom' \\(did you mean 'supcon'\\?\\): expected one of algorithm1, simclr,",
        ),
        (
            {"objective": "supcon"},
            'objective="supcon" has the anchor.s class among its negatives: set supervised=False',
        ),
        ({"objective": "spectral"}, 'objective="spectral" has the anchor.s class among'),
        ({"objective": "debiased"}, 'objective="debiased" has the anchor.s class among'),
        (
            {"objective": "sincere", "supervised": False},
            "leaves the anchor's class out of its negatives: set supervised=T",
        ),
        ({"objective": "sincere", "hardness": 2}, 'objective="sincere" has no hard negatives: set hardness=0'),
        (
            {"objective": "sincere", "positives": "augmentation"},
            'takes positives="label"; two views without labels are',
        ),
        ({"objective": "sincere", "exclude_self": True}, "exclude_self=True is of Algorithm 1: leave it out"),
        ({"objective": "sincere", "init": "near_nc"}, 'init="near_nc" is of Algorithm 1: leave it out'),
        ({"objective": "sincere", "detach_weights": False}, "detach_weights=False needs k=None"),
        ({"objective": "sincere", "alpha": 1.0}, "alpha needs a finite k and the loss of Algorithm 1"),
        ({"objective": "sincere", "margin": 1.0, "k": 1}, "margin, the triplet loss, needs k=1 or None, no alpha and"),
        ({"objective": "spectral", "supervised": False, "temperature": 0.1}, "has no temperature: set temperature=1"),
        ({"margin": 1.0}, "margin, the triplet loss, needs k=1 or None"),
        ({"margin": 0.0, "k": 1}, "margin=0.0: expected a finite number > 0"),
        ({"margin": 1.0, "k": 1, "alpha": 1.0}, "margin, the triplet loss, needs k=1 or None, no alpha"),
        ({"collisions": 0.1}, "collisions=0.1: there is nothing to take off"),
        ({"collisions": 1.0}, "collisions=1.0: expected a number from 0 to below 1"),
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
    with pytest.raises(ValueError, match="Unknown field colour, size: expected some of dataset, supervised"):
        RunSpec.from_dict(spec().to_dict() | {"size": 1, "colour": "red"})
    with pytest.raises(ValueError, match=r"Unknown field epoch \(did you mean 'epochs'\?\)"):
        RunSpec.from_dict(spec().to_dict() | {"epoch": 1})
    with pytest.raises(ValueError, match="No supervised: a run needs both"):
        RunSpec.from_dict({"dataset": "digits"})


def test_every_committed_record_has_a_spec_that_holds_and_that_its_data_set_can_serve():
    paths = sorted((ROOT / "runs").glob("*/[!.]*/spec.json"))
    for path in paths:
        recorded = RunSpec.from_dict(json.loads(path.read_text(encoding="utf-8")))
        assert recorded.run_id == path.parent.name
        check_feasible(recorded)
    assert len(paths) > 200


@pytest.mark.parametrize("family", ["exponential", "polynomial", "threshold"])
@pytest.mark.parametrize("changes", [{}, {"k": 8}, {"objective": "simclr", "positives": "noise"}], ids=str)
@pytest.mark.parametrize("norm", [1.0, 30.0])
def test_the_loss_is_finite_at_the_largest_hardness(family, changes, norm):
    """That of most weight on one negative: what float32 makes of it neither overflows nor is NaN, nor its gradient."""
    import torch

    from hcl.training.objective import batch_loss

    hardest = spec(hardness=MAX_HARDNESS, hardening=family, **({"k": None} | changes))
    generator = torch.Generator().manual_seed(0)
    views = 1 if hardest.positives == "label" else 2
    z = torch.nn.functional.normalize(torch.randn(20 * views, 5, generator=generator), dim=1).mul_(norm)
    z.requires_grad_()
    hardness = torch.tensor(hardest.hardness)  # as the engine holds it
    loss = batch_loss(z, torch.arange(20) % 4, hardest, hardness=hardness, generator=generator)
    loss.backward()
    assert loss.isfinite() and z.grad is not None and z.grad.isfinite().all()


def test_seeds_and_epochs_never_meet_in_one_number():
    ends = [(seed, epoch) for seed in (0, 1, MAX_SEED - 1, MAX_SEED) for epoch in (0, 1, MAX_EPOCHS)]
    made = {seed_for(*end, stream) for end in ends for stream in ("weights", "order", "draws", "evaluation")}
    assert len(made) == 4 * len(ends) and max(made) < 2**63 and min(made) == 0
    for seed, epoch in ((MAX_SEED + 1, 0), (-1, 0), (2**63, 0), (0, MAX_EPOCHS + 1)):
        with pytest.raises(ValueError, match="expected a seed from 0"):
            seed_for(seed, epoch, "order")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_train": 15}, "num_train=15: expected a multiple of the 10 classes"),
        ({"num_test": 15}, "num_test=15: expected a multiple of the 10 classes"),
        ({"num_train": 50_010}, "num_train=50010: cifar10 has 50,000 training images"),
        ({"num_train": 500}, "batch_size=512: there are 500 training images"),
        ({"batch_size": 50_001}, "batch_size=50001: there are 50000 training images"),
    ],
)
def test_what_a_data_set_cannot_serve_is_refused_before_it_is_read(changes, message):
    with pytest.raises(ValueError, match=message):
        check_feasible(spec(**changes))
    for fine in ({}, {"num_train": 500, "batch_size": None}, {"num_train": 520}, {"num_train": 50_000}):
        check_feasible(spec(**fine))


def test_a_record_without_a_later_field_takes_its_default():
    values = spec(hardness=5).to_dict()
    del values["weight_decay"], values["temperature"]
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
