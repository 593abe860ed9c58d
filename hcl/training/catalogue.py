"""The data sets by name: their sizes, and where their files may lie."""

from dataclasses import dataclass
from pathlib import Path

from hcl.training.places import data_root


@dataclass(frozen=True)
class Entry:
    """What is known of a data set without reading it.

    Attributes:
        num_classes: C.
        num_train: images of the training split.
        num_test: images of the test split.
        files: patterns in the data folder, of which one has to be there; none where it needs no files.
    """

    num_classes: int
    num_train: int
    num_test: int
    files: tuple[str, ...] = ()


_TINY = ("tiny-imagenet-200", "tiny-imagenet-200*.tar.xz")
CATALOGUE = {
    "synthetic": Entry(3, 300, 300),
    "digits": Entry(10, 1_297, 500),
    "cifar10": Entry(10, 50_000, 10_000, ("cifar-10-batches-py", "cifar10", "cifar10.tar.xz")),
    "cifar100": Entry(100, 50_000, 10_000, ("cifar-100-python",)),
    "tinyimagenet": Entry(200, 100_000, 10_000, _TINY),
    "tinyimagenet100": Entry(100, 50_000, 5_000, _TINY),
}
NUM_CLASSES = {name: entry.num_classes for name, entry in CATALOGUE.items()}
NUM_TRAIN = {name: entry.num_train for name, entry in CATALOGUE.items()}


def available(name: str, root: Path | str | None = None) -> bool:
    """Return whether the files of a data set seem to be in the data folder, without reading them.

    Args:
        name: one of `CATALOGUE`.
        root: data folder; None is `hcl.training.places.data_root`.
    """
    folder = data_root() if root is None else Path(root)
    patterns = CATALOGUE[name].files
    return not patterns or any(next(folder.glob(pattern), None) is not None for pattern in patterns)
