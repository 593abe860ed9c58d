"""Data of one's own: made known by a name, trained on by a spec that names it, checked as nobody else has."""

import doctest

import numpy as np
import pytest
import torch

from hcl.training import catalogue, data, runs
from hcl.training.data import DataError, Dataset, register_dataset, unregister_dataset
from hcl.training.objective import views
from hcl.training.spec import RunSpec
from hcl.training.train import load_data, obtain, train


@pytest.fixture(autouse=True)
def _only_those_shipped():
    yield
    for name in set(catalogue.CATALOGUE) - set(catalogue.SHIPPED):
        unregister_dataset(name)


def parts(dtype=np.uint8, classes=3, each=8, channels=3):
    """Images of one brightness a class, and their labels, the test split being the first images."""
    labels = np.arange(classes * each) % classes
    noise = np.random.default_rng(0).integers(0, 20, (len(labels), channels, 8, 8))
    images = (60 * labels[:, None, None, None] + noise).astype(dtype)
    return images, labels, images[: 2 * classes], labels[: 2 * classes]


def spec(name, **changes):
    return RunSpec(
        **{"dataset": name, "supervised": True, "encoder": "mlp", "k": 4, "epochs": 2, "batch_size": 12, **changes}
    )


@pytest.mark.parametrize("form", ["arrays", "tensors", "a data set", "a function that returns one"])
def test_a_registered_data_set_is_trained_on_and_recorded_by_its_name(form, runs_root):
    name = f"shades_{form.replace(' ', '_')}"
    made = parts()
    tensors = tuple(map(torch.as_tensor, made))
    whole = Dataset("of another name", *tensors, "a test")
    given = {"arrays": lambda: made, "tensors": lambda: tensors, "a data set": whole}.get(form, lambda: whole)
    register_dataset(name, given, None if form == "a data set" else 3)
    run = obtain(spec(name), progress=False)
    assert run.path.name.startswith(f"{name}-scl-s0-") and run.spec.num_classes == 3
    loaded = load_data(spec(name))
    assert loaded.name == name and loaded.fingerprint == run.provenance["data_fingerprint"] == whole.fingerprint
    assert runs.load(run.path).spec == run.spec
    assert obtain(spec(name), progress=False).path == run.path, "the record is found again"
    assert train(spec(name, supervised=False, hardness=5), data=loaded, progress=False).final["loss"] > 0


def test_the_example_of_the_documentation_runs_as_it_stands():
    found = doctest.testmod(data)
    assert found.attempted >= 5 and found.failed == 0


def test_identities_of_other_runs_stay_and_names_are_free_again():
    before = RunSpec(dataset="digits", supervised=True).run_id
    register_dataset("mine", parts, 3, num_train=24)
    assert RunSpec(dataset="digits", supervised=True).run_id == before
    assert (spec("mine").images_an_epoch, spec("mine").representation_dim, data.available("mine")) == (24, 2, True)
    assert spec("mine").run_id == spec("mine").run_id != spec("mine", seed=1).run_id
    unregister_dataset("mine")
    with pytest.raises(ValueError, match="dataset='mine': expected one of synthetic, digits"):
        spec("mine")
    register_dataset("mine", parts, 3)
    assert spec("mine").images_an_epoch > 0, "not known before it is loaded"
    with pytest.raises(ValueError, match="There is no registered data set 'digits'"):
        unregister_dataset("digits")


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("digits", 3, "There is a data set 'digits' already"),
        ("mine", None, "num_classes=None: expected the number of classes, at least 2"),
        ("mine", 1, "num_classes=1: expected"),
        ("mine", 3.0, "num_classes=3.0: expected"),
        ("a/b", 3, "Name of a data set 'a/b': expected letters"),
        ("", 3, "Name of a data set ''"),
        ("synthetic-2", 3, "Name of a data set 'synthetic-2'"),
    ],
)
def test_a_name_or_number_that_cannot_be_is_refused(name, classes, message):
    known = set(data.DATASETS)
    with pytest.raises(ValueError, match=message):
        register_dataset(name, parts, classes)
    assert set(data.DATASETS) == known == set(catalogue.CATALOGUE)


def changed(position, value):
    made = list(parts())
    made[position] = value(made[position])
    return tuple(made)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (parts()[:3], "expected training images, their labels, test images and their labels"),
        (changed(0, lambda x: x[:, 0]), r"\(24, 8, 8\) in torch.uint8 found in the training split"),
        (changed(0, lambda x: x.astype(np.int32)), "torch.int32 found in the training split"),
        (parts(channels=1), "uint8 images of 1 channels, where 3 are expected"),
        (changed(2, lambda x: x[:, :, :4]), "training and test images differ in shape or type"),
        (changed(2, lambda x: x.astype(np.float32)), "training and test images differ in shape or type"),
        (changed(0, lambda x: x.astype(np.float32) * np.nan), "values that are not finite in the training split"),
        (changed(1, lambda y: y[:-1]), "24 images but 23 labels in the training split"),
        (changed(1, lambda y: y.astype(np.float32)), "whole numbers expected"),
        (changed(3, lambda y: y + 1), "labels other than all of 0 to 2 in the test split"),
        (changed(3, lambda y: y * 0), "labels other than all of 0 to 2 in the test split"),
        (parts(classes=4), "labels other than all of 0 to 2 in the training split"),
    ],
)
def test_data_that_are_not_as_they_should_be_are_refused_in_one_line(given, message):
    register_dataset("mine", lambda: given, 3)
    with pytest.raises(DataError, match=f"mine: .*{message}") as caught:
        data.load("mine")
    assert "\n" not in str(caught.value)


def test_a_data_set_of_another_number_of_classes_is_refused_at_once():
    whole = Dataset("x", *map(torch.as_tensor, parts()), "a test")
    with pytest.raises(DataError, match="labels other than all of 0 to 3"):
        register_dataset("mine", whole, 4)
    assert "mine" not in data.DATASETS and "mine" not in catalogue.CATALOGUE


def test_floats_are_used_as_they_are_and_labels_become_int64():
    images, labels, *test = parts(np.float64, channels=2)
    register_dataset("mine", lambda: (images, labels.astype(np.uint8), *test), 3)
    loaded = data.load("mine")
    assert loaded.train.dtype == torch.float32 and loaded.train_labels.dtype == torch.int64
    assert torch.equal(loaded.train, torch.from_numpy(images).float())


# Noise is of floats: images in whole numbers are normalised before it (D22, D30)


def test_noisy_copies_of_images_are_normalised_images_with_noise_of_the_stated_size():
    digits = data.digits()
    noisy = spec("digits", positives="noise", noise=0.1)
    shown = views(digits.train, noisy, generator=torch.Generator().manual_seed(0))
    first, second = shown.chunk(2)
    noise = torch.stack([first, second]) - data.normalize(digits.train)
    assert shown.dtype == torch.float32 and not first.equal(second)
    assert float(noise.std()) == pytest.approx(0.1, rel=0.01) and abs(float(noise.mean())) < 1e-3
    assert train(spec("digits", positives="noise", epochs=1), data=digits, progress=False).final["loss"] > 0


def test_noisy_copies_of_floats_are_what_they_were():
    points = data.synthetic()
    shown = views(points.train, spec("synthetic", positives="noise"), generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    expected = [points.train + 0.1 * torch.randn(points.train.shape, generator=generator) for _ in range(2)]
    torch.testing.assert_close(shown, torch.cat(expected), rtol=0, atol=1e-6)
