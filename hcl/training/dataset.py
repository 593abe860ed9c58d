"""A data set in memory: images and labels of two splits, with a fingerprint; one's own made into it, and checked."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from hcl.training.images import DataError

Array = np.ndarray | Tensor
Parts = tuple[Array, Array, Array, Array]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of a training and a test split.

    Attributes:
        name: of the data set.
        train: (n, channels, height, width), uint8 images, or float32 inputs used as they are.
        train_labels: (n,) int64.
        test: like ``train``.
        test_labels: like ``train_labels``.
        source: what it was read from, for the record.
    """

    name: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    source: str

    @cached_property
    def num_classes(self) -> int:
        """Number of classes C."""
        return int(self.train_labels.max()) + 1

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return tuple(self.train.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of all pixels and labels."""
        digest = hashlib.sha256()
        for tensor in (self.train, self.train_labels, self.test, self.test_labels):
            digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def subset(
        self, num_train: int | None, num_test: int | None, class_sizes: Sequence[int] | None = None
    ) -> "Dataset":
        """Return the first images of each class, the same number of each; None keeps all.

        Args:
            num_train: of the training split.
            num_test: of the test split.
            class_sizes: number of training images of each class, in place of ``num_train``.

        Raises:
            ValueError: if a number is not a multiple of the number of classes or larger than what there is.
        """
        train, test = (
            _first_of_each_class(labels, self.num_classes, number, split)
            for split, labels, number in (
                ("training", self.train_labels, num_train if class_sizes is None else None),
                ("test", self.test_labels, num_test),
            )
        )
        if class_sizes is not None:
            train = _first(self.train_labels, class_sizes)
        return replace(
            self,
            train=self.train[train],
            train_labels=self.train_labels[train],
            test=self.test[test],
            test_labels=self.test_labels[test],
        )


def _first_of_each_class(labels: Tensor, num_classes: int, number: int | None, split: str) -> Tensor:
    if number is None:
        return torch.arange(len(labels))
    each, rest = divmod(number, num_classes)
    least = int(labels.bincount(minlength=num_classes).min())
    if rest or not 1 <= each <= least:
        raise ValueError(
            f"Cannot take {number} {split} images: expected a multiple of {num_classes} classes, at most {least} each."
        )
    return _first(labels, [each] * num_classes)


def _first(labels: Tensor, class_sizes: Sequence[int]) -> Tensor:
    return torch.cat([torch.nonzero(labels == c)[:each, 0] for c, each in enumerate(class_sizes)]).sort().values


def from_parts(name: str, given: Dataset | Parts, num_classes: int) -> Dataset:
    """Return data of one's own as a data set, checked as nobody else has.

    Args:
        name: to give it.
        given: a data set, or training images, their labels, test images and their labels as arrays or tensors. Images
            are (n, 3, height, width) in uint8, and normalised as all are (D22); inputs (n, channels, height, width) in
            float are used as they are. Labels are whole numbers from 0, (n,).
        num_classes: number of classes C; each split has items of all.

    Raises:
        DataError: for data that are not so.
    """
    source, parts = "registered by its user", given
    if isinstance(given, Dataset):
        source, parts = given.source, (given.train, given.train_labels, given.test, given.test_labels)
    if not isinstance(parts, tuple | list) or len(parts) != 4:
        raise DataError(f"{name}: expected training images, their labels, test images and their labels.")
    train, train_labels, test, test_labels = map(torch.as_tensor, parts)
    for split, x, labels in (("training", train, train_labels), ("test", test, test_labels)):
        if fault := _fault(x, labels, num_classes):
            raise DataError(f"{name}: {fault} in the {split} split.")
    if train.shape[1:] != test.shape[1:] or (train.dtype == torch.uint8) != (test.dtype == torch.uint8):
        raise DataError(f"{name}: training and test images differ in shape or type.")
    train, test = (x if x.dtype == torch.uint8 else x.float() for x in (train, test))
    return Dataset(name, train, train_labels.long(), test, test_labels.long(), source)


def _fault(x: Tensor, labels: Tensor, num_classes: int) -> str:
    """Return in words what is wrong with images and labels of a split, empty for nothing."""
    if x.dim() != 4 or not (x.dtype == torch.uint8 or x.is_floating_point()):
        return f"images (n, channels, height, width) in uint8 or float expected, {tuple(x.shape)} in {x.dtype} found"
    if x.dtype == torch.uint8 and x.shape[1] != 3:
        return f"uint8 images of {x.shape[1]} channels, where 3 are expected (repeat grey ones, or give floats),"
    if not x.isfinite().all():
        return "values that are not finite"
    if labels.dim() != 1 or labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        return f"labels (n,) of whole numbers expected, {tuple(labels.shape)} in {labels.dtype} found"
    if len(labels) != len(x):
        return f"{len(x)} images but {len(labels)} labels"
    if labels.unique().tolist() != list(range(num_classes)):
        return f"labels other than all of 0 to {num_classes - 1}"
    return ""
