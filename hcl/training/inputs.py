"""What a run trains and tests on: the images its specification asks for, and no others."""

from functools import lru_cache
from pathlib import Path

from torch import Tensor

from hcl.training import data as datasets
from hcl.training import places
from hcl.training.catalogue import CATALOGUE
from hcl.training.data import Dataset
from hcl.training.spec import RunSpec


def load_data(spec: RunSpec, root: Path | None = None) -> Dataset:
    """Return the images a spec trains and tests on; those asked for last are kept in memory.

    Raises:
        hcl.training.data.DataError: if they are missing or incomplete.
    """
    names = ("dataset", "num_train", "num_test", "imbalance", *(["seed"] if spec.dataset == "synthetic" else []))
    only = RunSpec(supervised=True, **{name: getattr(spec, name) for name in names})
    return _load(only, (root or places.data_root()).absolute(), datasets.DATASETS.get(spec.dataset))


@lru_cache(maxsize=1)
def _load(spec: RunSpec, root: Path, loader: object) -> Dataset:
    # The loader is part of what is remembered: a name may be registered anew with other data.
    data = datasets.load(spec.dataset, root, seed=spec.seed)
    sizes = None if spec.imbalance == 1 else spec.class_sizes(data.train_labels.bincount().tolist())
    return data.subset(spec.num_train, spec.num_test, sizes)


def check_data(spec: RunSpec, data: Dataset) -> None:
    """Refuse images that are not those of a spec, under whose name they would be recorded.

    Raises:
        ValueError: if the name, the seed of synthetic data, the number of classes or of images of a split is another.
    """
    entry = CATALOGUE[spec.dataset]
    has: object
    for what, has, expected in (
        ("data set", data.name, spec.dataset),
        ("number of classes", data.num_classes, entry.num_classes),
        ("number of training images", len(data.train), spec.images),
        ("number of test images", len(data.test), spec.num_test or entry.num_test),
    ):
        if expected is not None and has != expected:  # sizes of registered data may not be known
            raise ValueError(_refusal(spec, f"{what} {has!r}", repr(expected)))
    if spec.dataset == "synthetic" and data.source != (source := f"generated from seed {spec.seed}"):
        raise ValueError(_refusal(spec, f"data {data.source}", f"those {source}"))
    if spec.imbalance > 1:
        counts = data.train_labels.bincount(minlength=entry.num_classes).tolist()
        if spec.num_train is not None and counts != (wanted := spec.class_sizes([len(data.train)] * len(counts))):
            raise ValueError(_refusal(spec, f"{counts} images of the classes", f"{wanted}"))
    balanced = ((data.train_labels, spec.num_train if spec.imbalance == 1 else None), (data.test_labels, spec.num_test))
    for labels, number in balanced:
        if number is not None and not _even(labels, entry.num_classes):
            raise ValueError(_refusal(spec, "more images of some classes than of others", "as many of each"))


def _even(labels: Tensor, num_classes: int) -> bool:
    return len(set(labels.bincount(minlength=num_classes).tolist())) == 1


def _refusal(spec: RunSpec, given: str, expected: str) -> str:
    return f"{spec.run_id}: {given} given, expected {expected}; hcl.training.train.load_data(spec) gives what fits."
