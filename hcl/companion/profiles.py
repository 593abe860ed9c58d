"""The profiles a figure can be run at: how far and on what its runs train, as values of their specs."""

from dataclasses import dataclass
from typing import Any

Changes = dict[str, Any]


@dataclass(frozen=True)
class Profile:
    """How far and on what to train: spec values for image data and for the synthetic data.

    Attributes:
        name: of the profile.
        summary: what it is and takes, for people.
        images: values of `RunSpec` for image data sets.
        synthetic: values for the synthetic data.
        dataset: data set used in place of a figure's own, where its files are not to be asked for.
    """

    name: str
    summary: str
    images: Changes
    synthetic: Changes
    dataset: str | None = None

    def values(self, dataset: str) -> Changes:
        """Return the spec values for a data set."""
        return self.synthetic if dataset == "synthetic" else self.images


_FULL_BATCH: Changes = {"batch_size": None}  # N = 300 < 512 would leave no batch at all (D19)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "a few epochs of an MLP on scikit-learn's digits: seconds on a CPU, shows that everything works",
            {
                "num_train": 600, "num_test": 200, "encoder": "mlp", "k": 32, "negatives": "per_anchor",
                "epochs": 3, "batch_size": 200,
            },
            {"encoder": "mlp", "k": 32, "negatives": "per_anchor", "epochs": 5, "eval_every": 5, **_FULL_BATCH},
            dataset="digits",
        ),
        Profile(
            "laptop",
            "10,000 images, a small ResNet on 4x4 patches, 60 epochs of batch 256 (an MLP for the synthetic data): "
            "two minutes a run on a CPU core",
            {
                "num_train": 10_000, "num_test": 2_000, "encoder": "small_resnet", "stem": "patch",
                "negatives": "per_anchor", "epochs": 60, "batch_size": 256, "eval_every": 5,
            },
            {"encoder": "mlp", "negatives": "per_anchor", "epochs": 400, "eval_every": 20, **_FULL_BATCH},
        ),
        Profile(
            "workstation",
            "10,000 images, the small ResNet on 4x4 patches, 600 epochs of batch 256, long enough for 100 classes to "
            "reach Neural-Collapse (CIFAR-10: 2,000 images, 3,000 epochs): half an hour a run on a CPU core",
            {
                "num_train": 10_000, "num_test": None, "encoder": "small_resnet", "stem": "patch",
                "negatives": "per_anchor", "epochs": 600, "batch_size": 256, "eval_every": 20,
            },
            {"encoder": "mlp", "negatives": "per_anchor", "epochs": 400, "eval_every": 20, **_FULL_BATCH},
        ),
        Profile(
            "gpu",
            "all images, ResNet-50 with the torchvision stem in bf16, 100 epochs: minutes on a GPU",
            {"stem": "torchvision", "epochs": 100, "precision": "bf16", "eval_every": 5},
            {"stem": "torchvision", "eval_every": 20, "precision": "bf16", **_FULL_BATCH},
        ),
        Profile(
            "paper",
            "the paper and its official code: ResNet-50 with the CIFAR stem, 400 epochs: a large part of an hour",
            {"eval_every": 10},
            {"eval_every": 20, **_FULL_BATCH},
        ),
    )
}  # fmt: skip
BEST_FIRST = ("paper", "gpu", "workstation", "laptop")
