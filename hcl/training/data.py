"""Data sets as tensors: the whole of each in memory, images as uint8, with a fingerprint of the pixels."""

import socket
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from torch import Tensor

from hcl.choices import one_of
from hcl.training import catalogue
from hcl.training.catalogue import NUM_CLASSES, NUM_TRAIN, available
from hcl.training.dataset import Dataset, Parts, from_parts
from hcl.training.images import Arrays, DataError, cached, read_cifar10, read_tinyimagenet
from hcl.training.places import data_root

__all__ = [
    "DATASETS", "NUM_CLASSES", "NUM_TRAIN", "DataError", "Dataset", "available", "cifar10", "cifar100", "digits",
    "load", "register_dataset", "synthetic", "tinyimagenet", "tinyimagenet100", "unregister_dataset",
]  # fmt: skip

default_root = data_root  # its name of before

# The official code normalises every data set with these CIFAR-10 figures (D22).
IMAGE_MEAN = (0.4914, 0.4822, 0.4465)
IMAGE_STD = (0.2023, 0.1994, 0.2010)


def normalize(x: Tensor) -> Tensor:
    """Return uint8 images as float32, scaled to [0, 1] and `standardize`d; floats unchanged."""
    if x.dtype != torch.uint8:
        return x
    mean, std = _statistics(x.device)
    return x.float().div_(255).sub_(mean).div_(std)  # in place: a batch of its own already


def standardize(x: Tensor) -> Tensor:
    """Return (..., 3, h, w) images in [0, 1] less `IMAGE_MEAN`, over `IMAGE_STD`."""
    mean, std = _statistics(x.device)
    return x.sub(mean).div_(std)


@lru_cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    # Kept, because a step that is being captured must not copy from the host.
    mean, std = (torch.tensor(v, device=device)[:, None, None] for v in (IMAGE_MEAN, IMAGE_STD))
    return mean, std


def synthetic(seed: int = 0) -> Dataset:
    """Return the synthetic data of Sec. 5: 3 classes x 100 points of 3072 dimensions, as (3, 32, 32) inputs (D30).

    Class means are uniform in [-1, 1]^3072, covariances the identity. Inputs are not scaled. The test split is 100
    further points of each class (the paper has none).

    Args:
        seed: of means and points.
    """
    generator = torch.Generator().manual_seed(seed)
    means = torch.rand(3, 1, 3072, generator=generator) * 2 - 1
    labels = torch.arange(3).repeat_interleave(100)
    train, test = ((means + torch.randn(3, 100, 3072, generator=generator)).view(300, 3, 32, 32) for _ in range(2))
    return Dataset("synthetic", train, labels, test, labels.clone(), f"generated from seed {seed}")


def digits() -> Dataset:
    """Return scikit-learn's 8x8 digits as (3, 8, 8) images: 10 classes, 1,297 training and 500 test images.

    They come with scikit-learn, so that everything runs with no download; the paper does not use them.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = torch.from_numpy((bunch.images * (255 / 16)).round().astype(np.uint8))
    images = grey[:, None].repeat(1, 3, 1, 1)
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    return Dataset("digits", images[:-500], labels[:-500], images[-500:], labels[-500:], "scikit-learn")


def cifar10(root: Path | str | None = None, *, download: bool = True) -> Dataset:
    """Return CIFAR-10: 50,000 + 10,000 images of 32x32 in 10 classes.

    Args:
        root: folder that holds ``cifar-10-batches-py`` (torchvision's files), ``cifar10`` (an image folder
            ``{train,test}/<class>/*.jpg``) or ``cifar10.tar.xz`` (the same, packed); None is
            `hcl.training.places.data_root`.
        download: fetch torchvision's files where none of these is there.

    Raises:
        DataError: if it is not there and cannot be fetched, or is incomplete.
    """
    root = data_root() if root is None else Path(root)
    folder, archive = root / "cifar10", root / "cifar10.tar.xz"
    if not (root / "cifar-10-batches-py").exists():
        if folder.is_dir():
            return _from_arrays("cifar10", read_cifar10(folder), "image folder cifar10")
        if archive.exists():
            arrays = cached("cifar10", [archive], lambda: read_cifar10([archive]))
            return _from_arrays("cifar10", arrays, "archive cifar10.tar.xz")
    return _torchvision("cifar10", root, download, f", {folder} and {archive}")


def cifar100(root: Path | str | None = None, *, download: bool = True) -> Dataset:
    """Return CIFAR-100: 50,000 + 10,000 images of 32x32 in 100 classes.

    Args:
        root: folder that holds ``cifar-100-python`` (torchvision's files); None is `hcl.training.places.data_root`.
        download: fetch them where they are not there.

    Raises:
        DataError: if it is not there and cannot be fetched, or is incomplete.
    """
    root = data_root() if root is None else Path(root)
    return _torchvision("cifar100", root, download, "")


def tinyimagenet(root: Path | str | None = None) -> Dataset:
    """Return Tiny-ImageNet at 32x32: 200 classes of 500 training and 50 validation images (D23).

    Args:
        root: folder that holds ``tiny-imagenet-200`` (the original layout) or the archives
            ``tiny-imagenet-200*.tar.xz``; None is `hcl.training.places.data_root`.

    Raises:
        DataError: if it is not there or incomplete.
    """
    return _tinyimagenet("tinyimagenet", root, 200)


def tinyimagenet100(root: Path | str | None = None) -> Dataset:
    """Return the first 100 classes of `tinyimagenet`: the shape of CIFAR-100's training split.

    Args:
        root: as for `tinyimagenet`; of the archives, parts 0 and 1 suffice.

    Raises:
        DataError: if it is not there or incomplete.
    """
    return _tinyimagenet("tinyimagenet100", root, 100)


def _tinyimagenet(name: str, root: Path | str | None, num_classes: int) -> Dataset:
    root = data_root() if root is None else Path(root)
    folder, pattern = root / "tiny-imagenet-200", "tiny-imagenet-200*.tar.xz"
    if folder.is_dir():
        return _from_arrays(name, read_tinyimagenet(folder, num_classes), "folder tiny-imagenet-200")
    if archives := sorted(root.glob(pattern)):
        arrays = cached(name, archives, lambda: read_tinyimagenet(archives, num_classes))
        return _from_arrays(name, arrays, f"{len(archives)} archives {pattern}")
    raise DataError(
        f"{name} not found: looked for {folder} and {root / pattern}. Get tiny-imagenet-200.zip from Stanford's CS231n "
        f"course, unpack it into {root}, or set HCL_DATA to the folder that holds it."
    )


def _torchvision(name: str, root: Path, download: bool, others: str) -> Dataset:
    import torchvision  # takes seconds: only where it is needed

    kind = getattr(torchvision.datasets, name.upper())
    base = kind.base_folder
    present = (root / base).exists()
    timeout = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(30)
        splits = [kind(root, train=train, download=download and not present) for train in (True, False)]
    except (RuntimeError, URLError, OSError) as error:
        looked = f"looked for {root / base}{others}"
        fault = "is truncated or not the original" if present else f"not found: {looked}; nothing could be downloaded"
        raise DataError(
            f"{name} {fault} ({error}). Put torchvision's files into {root / base}, with a network by "
            f"torchvision.datasets.{name.upper()}({str(root)!r}, download=True), or set HCL_DATA to the folder "
            "that holds them. The data set 'digits' needs no files."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    arrays: Arrays = {}
    for split, part in zip(("train", "test"), splits, strict=True):
        arrays[f"{split}_images"] = part.data.transpose(0, 3, 1, 2).copy()
        arrays[f"{split}_labels"] = np.asarray(part.targets)
    return _from_arrays(name, arrays, f"torchvision's {base}")


def _from_arrays(name: str, arrays: Arrays, source: str) -> Dataset:
    train, test = (torch.from_numpy(arrays[f"{s}_images"]) for s in ("train", "test"))
    train_labels, test_labels = (torch.from_numpy(arrays[f"{s}_labels"].astype(np.int64)) for s in ("train", "test"))
    return Dataset(name, train, train_labels, test, test_labels, source)


DATASETS: dict[str, Callable[[Path | None, int], Dataset]] = {
    "synthetic": lambda root, seed: synthetic(seed),
    "digits": lambda root, seed: digits(),
    "cifar10": lambda root, seed: cifar10(root),
    "cifar100": lambda root, seed: cifar100(root),
    "tinyimagenet": lambda root, seed: tinyimagenet(root),
    "tinyimagenet100": lambda root, seed: tinyimagenet100(root),
}


Loader = Callable[[], Dataset | Parts]


def register_dataset(
    name: str, loader: Loader | Dataset, num_classes: int | None = None, *, num_train: int | None = None
) -> None:
    """Make data of your own known by a name, which a `RunSpec` can then have as its ``dataset``.

    It is known to this process and to those that it starts to train, if it is registered at the top of the program.

        >>> import numpy as np
        >>> from hcl.training.data import register_dataset
        >>> from hcl.training.spec import RunSpec
        >>> def load():  # two classes, dark and bright
        ...     labels = np.arange(80) % 2
        ...     images = np.zeros((80, 3, 8, 8), np.uint8) + (30 + 170 * labels[:, None, None, None]).astype(np.uint8)
        ...     return images, labels, images[:20], labels[:20]
        >>> register_dataset("shades", load, num_classes=2)
        >>> RunSpec(dataset="shades", supervised=True, encoder="mlp", batch_size=20).representation_dim
        1

    Args:
        name: letters, digits, ``_`` and ``.``; of no other data set.
        loader: a `Dataset`, or a function without arguments that returns one, or the four parts of which
            `hcl.training.dataset.from_parts` makes one: training images, their labels, test images, their labels.
        num_classes: number of classes C, >= 2; None is that of a `Dataset`.
        num_train: images of the training split, where known, to tell beforehand how long a run takes.

    Raises:
        ValueError: for a name that is taken or no name, or a number of classes that is missing or less than 2.
        DataError: for a `Dataset` that is not as it should be; what a function returns is looked at when it is loaded.
    """
    load: Loader
    if isinstance(loader, Dataset):
        num_classes = loader.num_classes if num_classes is None else num_classes
        own = from_parts(name, loader, num_classes)
        load, num_train = (lambda: own), len(own.train)
    else:
        load = loader
    if type(num_classes) is not int or num_classes < 2:
        raise ValueError(f"num_classes={num_classes!r}: expected the number of classes, at least 2.")
    classes = num_classes
    catalogue.add(name, catalogue.Entry(classes, num_train))
    DATASETS[name] = lambda root, seed: from_parts(name, load(), classes)


def unregister_dataset(name: str) -> None:
    """Forget a registered data set, so that its name is free for other data.

    Raises:
        ValueError: for one that was not registered.
    """
    catalogue.remove(name)
    del DATASETS[name]


def load(name: str, root: Path | str | None = None, *, seed: int = 0) -> Dataset:
    """Return a data set by name.

    Args:
        name: one of `DATASETS`.
        root: data folder; None is `hcl.training.places.data_root`.
        seed: of the synthetic data.

    Raises:
        ValueError: for an unknown name.
        DataError: if its files are missing or incomplete.
    """
    one_of("data set", name, DATASETS)
    return DATASETS[name](None if root is None else Path(root), seed)
