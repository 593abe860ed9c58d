"""Classes that are not equally frequent: how many images each has, and that a run trains on just these."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from helpers import CPU

from hcl.companion import labels
from hcl.training import imbalance, inputs, train
from hcl.training.spec import RunSpec, check_feasible

SPEC = RunSpec(
    dataset="digits", supervised=False, num_train=300, num_test=100, encoder="mlp", k=4, alpha=1.0, imbalance=10.0,
    normalization="unit_sphere", negatives="per_anchor", epochs=1, batch_size=100,
)  # fmt: skip


@pytest.mark.parametrize("ratio", [1, 2.5, 10, 100])
@pytest.mark.parametrize("number", [100, 2000, 1234])
def test_sizes_sum_up_and_are_within_one_of_equal_factors(number, ratio):
    found = imbalance.sizes(number, 10, ratio)
    assert sum(found) == number and found == sorted(found, reverse=True)
    shares = imbalance.shares(10, ratio)
    assert shares[0] / shares[-1] == pytest.approx(ratio) and sum(shares) == pytest.approx(1)
    assert all(b / a == pytest.approx(ratio ** (-1 / 9)) for a, b in pairwise(shares))
    assert all(abs(size - number * share) < 1 for size, share in zip(found, shares, strict=True))


def test_the_most_there_can_be_takes_all_of_the_first_class():
    assert imbalance.most([500] * 10, 1) == [500] * 10
    found = imbalance.most([500] * 3, 100)
    assert found == [500, 50, 5]
    assert imbalance.most([500, 20, 500], 100) == [200, 20, 2]


def test_a_run_trains_on_these_images_and_no_others():
    data = inputs.load_data(SPEC)
    counts = data.train_labels.bincount().tolist()
    assert counts == imbalance.sizes(300, 10, 10) and data.test_labels.bincount().tolist() == [10] * 10
    full = inputs.load_data(replace(SPEC, imbalance=1.0, num_train=None))
    for c in range(10):
        theirs, ours = full.train[full.train_labels == c], data.train[data.train_labels == c]
        assert torch.equal(ours, theirs[: len(ours)])
    inputs.check_data(SPEC, data)
    with pytest.raises(ValueError, match="images of the classes given"):
        inputs.check_data(replace(SPEC, imbalance=5.0), data)
    with pytest.raises(ValueError, match="images of the classes given"):
        inputs.check_data(SPEC, inputs.load_data(replace(SPEC, imbalance=1.0)))
    with pytest.raises(ValueError, match="more images of some classes"):
        inputs.check_data(replace(SPEC, imbalance=1.0), data)


def test_a_run_ends_with_its_downstream_loss():
    run = train.train(SPEC, data=inputs.load_data(SPEC), device=str(CPU), progress=False)
    assert 0 < run.final["downstream_loss"] < 3 and 0 < run.final["downstream_loss_test"] < 3
    assert run.history["downstream_loss"].isna().tolist() == [True, False]


def test_images_are_counted_without_reading_them():
    assert SPEC.images == 300 and SPEC.images_an_epoch == 300
    whole = RunSpec(dataset="cifar10", supervised=False, imbalance=10.0)
    assert whole.images == sum(imbalance.most([5000] * 10, 10)) and replace(whole, imbalance=1.0).images == 50_000
    assert replace(whole, positives="augmentation").images_an_epoch == 2 * whole.images


def test_a_run_without_these_fields_is_the_run_it_was():
    plain = RunSpec(dataset="cifar10", supervised=True)
    assert replace(plain, imbalance=1.0, alpha=None).run_id == "cifar10-scl-s0-50cbe83b"
    assert len({plain.run_id, replace(plain, imbalance=2.0).run_id, replace(plain, alpha=1.0).run_id}) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imbalance": 0.5}, "imbalance=0.5: expected a number from 1"),
        ({"imbalance": float("nan")}, "imbalance=nan"),
        ({"alpha": 0.0}, "alpha=0.0: expected a finite number > 0"),
        ({"alpha": float("inf")}, "alpha=inf"),
        ({"k": None}, "alpha needs a finite k"),
        ({"objective": "simclr", "positives": "augmentation"}, "alpha needs a finite k"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **changes)


def test_more_of_a_class_than_there_are_is_refused_before_any_data_is_read():
    with pytest.raises(ValueError, match="imbalance=100: the classes would have"):
        check_feasible(replace(SPEC, num_train=1000, imbalance=100.0))
    with pytest.raises(ValueError, match="imbalance=1000"):
        check_feasible(replace(SPEC, num_train=50, batch_size=20, imbalance=1000.0))
    check_feasible(SPEC)


def test_such_runs_are_called_what_they_are():
    said = labels.training(SPEC)
    assert labels.label(SPEC) == "UCL, k = 4, 10 to 1"
    assert "(10 times as many of the first class as of the last)" in said and "in log(1 + sum)" in said
    assert labels.bound(SPEC) != labels.bound(SPEC)  # no theorem is about classes of unequal size
    even = replace(SPEC, imbalance=1.0)
    assert labels.bound(even) > labels.bound(replace(even, alpha=None))
