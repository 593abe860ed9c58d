"""Random images in place of a data set's, of its shape: what a step costs does not depend on what they show."""

from dataclasses import replace
from functools import lru_cache

import torch

from hcl.companion.profiles import PROFILES
from hcl.training.catalogue import CATALOGUE
from hcl.training.data import Dataset
from hcl.training.spec import RunSpec

DATASET_OF = {CATALOGUE[name].num_classes: name for name in ("cifar10", "cifar100", "tinyimagenet")}


@lru_cache(maxsize=3)
def dataset(num_classes: int, num_train: int, num_test: int = 0, size: int = 32) -> Dataset:
    """Return random uint8 images, the same number of each class, in random order.

    Args:
        num_classes: C.
        num_train: training images.
        num_test: test images; 0 is one of each class.
        size: height and width.
    """
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = (torch.arange(count) % num_classes)[torch.randperm(count, generator=generator)]
        return torch.randint(256, (count, 3, size, size), dtype=torch.uint8, generator=generator), labels

    train, train_labels = split(num_train)
    test, test_labels = split(num_test or num_classes)
    return Dataset(DATASET_OF[num_classes], train, train_labels, test, test_labels, "made up")


def gpu_spec(stem: str, num_classes: int = 100, **changes: object) -> RunSpec:
    """Return a hardened supervised run of the ``gpu`` profile, with either stem, in bf16, batch 512."""
    values = {**PROFILES["gpu"].images, "stem": stem, "dataset": DATASET_OF[num_classes], **changes}
    return RunSpec(**{"supervised": True, "hardness": 5.0, **values})  # type: ignore[arg-type]


def laptop_spec(num_classes: int = 10, **changes: object) -> RunSpec:
    """Return a hardened supervised run of the ``laptop`` profile, with the convolutional stem of Figure 5."""
    values = {**PROFILES["laptop"].images, "stem": "cifar", "dataset": DATASET_OF[num_classes], **changes}
    return RunSpec(**{"supervised": True, "hardness": 5.0, **values})  # type: ignore[arg-type]


def quick(spec: RunSpec) -> RunSpec:
    """Return a spec small enough to show, in a second, that the code works."""
    return replace(spec, batch_size=32, k=16 if spec.k else None, num_train=None, num_test=None)


def encoder_label(spec: RunSpec) -> str:
    """Return ``"cifar stem"`` and ``"torchvision stem"`` for ResNet-50, else the encoder's name, and if on patches."""
    if spec.encoder == "resnet50":
        return f"{spec.stem} stem"
    return f"{spec.encoder} on patches" if spec.stem == "patch" else spec.encoder
