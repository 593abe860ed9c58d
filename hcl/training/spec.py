"""The specification of a training run: everything that decides its result, and nothing else."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any, get_args, get_type_hints

from hcl.choices import EncoderName, Family, Negatives, Normalization, Reduction, Stem, as_declared, meant
from hcl.training import combinations
from hcl.training.catalogue import CATALOGUE
from hcl.training.imbalance import most, sizes
from hcl.training.schedule import DECAYS, hardness_in

_CHOICES = {
    "encoder": get_args(EncoderName),
    "stem": get_args(Stem),
    "normalization": get_args(Normalization),
    "hardening": get_args(Family),
    "reduction": get_args(Reduction),
    "negatives": get_args(Negatives),
    "positives": ("label", "noise", "augmentation"),
    "objective": combinations.OBJECTIVES,
    "precision": ("fp32", "bf16"),
    "init": ("random", "near_nc"),
    "decay": DECAYS,
}
# Seeds and epochs are made into one number of 64 bits (`hcl.training.randomness`), a million epochs apart.
MAX_SEED = 2**32 - 1
MAX_EPOCHS = 1_000_000
# Two inner products near 1 that float32 tells apart differ by 6e-8 at least: at a beta of 1e9 their weights differ by a
# factor of e^60, and all weight is on the hardest negative. A larger one changes nothing, and overflows in the end.
MAX_HARDNESS = 1e9
_LEAST = {
    "num_train": 1, "num_test": 1, "k": 1, "epochs": 1, "batch_size": 2, "dim": 1, "eval_every": 1, "seed": 0,
}  # fmt: skip
_MOST: dict[str, float] = {"seed": MAX_SEED, "epochs": MAX_EPOCHS}
_MOST |= dict.fromkeys(("hardness", "hardness_end"), MAX_HARDNESS)
_MOST |= dict.fromkeys(("num_train", "num_test", "k", "batch_size", "dim", "eval_every"), 2**31 - 1)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What a run trains on, with which encoder and loss, and for how long.

    The identity of a run is made of the values that differ from the defaults below, so a field added later leaves
    the identity of older runs alone as long as its default is what they did. A default never changes.

    Attributes:
        dataset: name in `hcl.training.catalogue.CATALOGUE`, where `hcl.training.data.register_dataset` adds.
        num_train: training images, the first of each class; None is all.
        num_test: test images, likewise.
        imbalance: training images of the first class to those of the last, by equal factors from class to class
            (`hcl.training.imbalance`), >= 1; 1 is as many of each. There are ``num_train`` of them in all, None being
            as many as there can be. Test images are not touched.
        encoder: ``"resnet50"``, ``"small_resnet"`` or ``"mlp"``.
        stem: of a ResNet, ``"cifar"`` (official), ``"torchvision"`` (D21), or of the small one ``"patch"``.
        normalization: ``"unit_ball"``, ``"unit_sphere"`` or ``"none"`` (f / sqrt(d), D27).
        dim: representation dimension d; None is C - 1.
        supervised: SCL and HSCL if True, UCL and HUCL if False.
        hardening: ``"exponential"``, ``"polynomial"`` or ``"threshold"``.
        hardness: its beta, epsilon or tau, 0 to 1e9; 0 is no hardening, and 1e9 all weight on the hardest negative.
        k: negatives a pair; None is the exact expectation.
        alpha: > 0 of the loss log(alpha + sum of k exponentials), `hcl.psi.LogSumExp`; 1 is the loss without 1/k of
            Awasthi et al. (2022). None is `hcl.psi.InfoNCE`. It needs a k.
        reduction: ``"anchor"`` (Algorithm 1) or ``"pair"`` (official code, D1).
        negatives: ``"per_pair"`` (Algorithm 1) or ``"per_anchor"`` (D2).
        exclude_self: drop the anchor from its own negatives (D4).
        positives: ``"label"``, all items of the class in the batch (D5), ``"noise"``, a second noisy copy (D30), or
            ``"augmentation"``, a second augmented view (SimCLR sampling, Sec. B.5, D15).
        objective: ``"algorithm1"``, or ``"simclr"``, eq. (42), which takes two views and ignores k (D13), or of another
            work (`hcl.neighbours`) ``"supcon"``, ``"sincere"``, ``"debiased"`` (with a hardness that of Robinson et
            al.) or ``"spectral"``: positives by label but for the anchor, negatives each item once; k, negatives and
            reduction are ignored.
        margin: > 0 of the triplet loss, `hcl.psi.Triplet`, in Algorithm 1 with k = 1; None is `hcl.psi.InfoNCE`.
        collisions: of ``"debiased"``, 0 <= tau < 1, the share of negatives that is taken for the anchor's class.
        noise: standard deviation of the noise of ``positives="noise"``, of images after normalisation; .1 is the
            paper's variance of .01.
        epochs: of training, 1 to 1,000,000.
        batch_size: None is the whole training split; otherwise an incomplete last batch is dropped (D19).
        lr: learning rate of Adam.
        weight_decay: of Adam, added to the gradient (D18).
        precision: ``"fp32"`` or ``"bf16"`` autocast of the encoder; similarities and loss are float32 always.
        eval_every: evaluate after epochs 0 to 10, every multiple of this, and the last.
        init: ``"random"`` weights, or ``"near_nc"``: those that the run `start` ended with (Table 2, D26).
        seed: of weights, data order, draws, noise and synthetic data, keyed on (seed, epoch); below 2^32.
        detach_weights: no gradient through the negatives' weights, as in the official code (D6); False needs k = None.
        temperature: > 0, divides every inner product, that of the hardening too; 1 is the paper's, .5 H-SCL's (D11).
        eps: > 0, of Adam, added to the root of the second moment: a gradient far below it makes a small step.
        decay: of the learning rate from epoch to epoch, ``"none"``, ``"cosine"`` or ``"step"``
            (`hcl.training.schedule.lr_in`).
        hardness_end: hardness of the last epoch; from ``hardness``, that of the first, it changes by equal amounts from
            epoch to epoch. None is the same hardness throughout.

    Raises:
        ValueError: for a value out of range; the message names the field and what was expected.
    """

    dataset: str
    supervised: bool
    num_train: int | None = None
    num_test: int | None = None
    imbalance: float = 1.0
    encoder: str = "resnet50"
    stem: str = "cifar"
    normalization: str = "unit_ball"
    dim: int | None = None
    hardening: str = "exponential"
    hardness: float = 0.0
    k: int | None = 256
    alpha: float | None = None
    reduction: str = "anchor"
    negatives: str = "per_pair"
    exclude_self: bool = False
    positives: str = "label"
    objective: str = "algorithm1"
    margin: float | None = None
    collisions: float = 0.0
    noise: float = 0.1
    epochs: int = 400
    batch_size: int | None = 512
    lr: float = 1e-3
    weight_decay: float = 0.0
    precision: str = "fp32"
    eval_every: int = 1
    init: str = "random"
    seed: int = 0
    detach_weights: bool = True
    temperature: float = 1.0
    eps: float = 1e-8
    decay: str = "none"
    hardness_end: float | None = None

    def __post_init__(self) -> None:
        for name, hint in _hints().items():
            object.__setattr__(self, name, as_declared(name, getattr(self, name), hint))
        for name, choices in ({"dataset": tuple(CATALOGUE)} | _CHOICES).items():
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name}={value!r}{meant(value, choices)}: expected one of {', '.join(choices)}.")
        self._check_ranges()
        combinations.check(self)

    def _check_ranges(self) -> None:
        for name, least in _LEAST.items():
            if (value := getattr(self, name)) is not None and value < least:
                raise ValueError(f"{name}={value}: expected at least {least}.")
        for name in ("hardness", "hardness_end", "weight_decay", "noise", "lr", "temperature", "eps"):
            value, above = getattr(self, name), name in ("lr", "temperature", "eps")
            if value is not None and (not 0 <= value < math.inf or (above and value == 0)):
                raise ValueError(f"{name}={value!r}: expected a finite number {'>' if above else '>='} 0.")
        if not 1 <= self.imbalance <= 1e6:
            raise ValueError(f"imbalance={self.imbalance!r}: expected a number from 1 to 1,000,000.")
        for name in ("alpha", "margin"):
            if (value := getattr(self, name)) is not None and not 0 < value < math.inf:
                raise ValueError(f"{name}={value!r}: expected a finite number > 0.")
        if not 0 <= self.collisions < 1:
            raise ValueError(f"collisions={self.collisions!r}: expected a number from 0 to below 1.")
        if self.hardness_end == self.hardness:
            raise ValueError(f"hardness_end={self.hardness_end:g} is the hardness of the whole run: leave it None.")
        for name, largest in _MOST.items():
            if (value := getattr(self, name)) is not None and value > largest:
                raise ValueError(f"{name}={value}: expected at most {largest:,.0f}.")

    @property
    def num_classes(self) -> int:
        """Number of classes C of the data set."""
        return CATALOGUE[self.dataset].num_classes

    @property
    def representation_dim(self) -> int:
        """Representation dimension d."""
        return self.num_classes - 1 if self.dim is None else self.dim

    @property
    def images_an_epoch(self) -> int:
        """Number of images that the encoder is shown in an epoch, two views of each unless positives are by label."""
        number = self.images or 1  # not known of every registered data set
        return number * (1 if self.positives == "label" else 2)

    @property
    def images(self) -> int | None:
        """Number of training images; None where it is not known of a registered data set."""
        there = CATALOGUE[self.dataset].num_train
        if self.num_train is not None or there is None or self.imbalance == 1:
            return self.num_train or there
        return sum(most([there // self.num_classes] * self.num_classes, self.imbalance))

    def class_sizes(self, available: Sequence[int]) -> list[int]:
        """Return how many training images each class has.

        Args:
            available: of each class.

        Raises:
            ValueError: if these are too few, or a class would have none.
        """
        if self.num_train is None:
            wanted = list(available) if self.imbalance == 1 else most(available, self.imbalance)
        else:
            wanted = sizes(self.num_train, len(available), self.imbalance)
        if any(not 1 <= number <= there for number, there in zip(wanted, available, strict=True)):
            raise ValueError(
                f"num_train={self.num_train}, imbalance={self.imbalance:g}: the classes would have {wanted[0]} to "
                f"{wanted[-1]} images; expected 1 to {min(available)}."
            )
        return wanted

    @property
    def method(self) -> str:
        """``"SCL"``, ``"HSCL"``, ``"UCL"`` or ``"HUCL"``."""
        return ("H" if self.hardness or self.hardness_end else "") + ("SCL" if self.supervised else "UCL")

    @property
    def start(self) -> "RunSpec | None":
        """The run whose final weights this one starts from: HSCL with beta = 10, all else equal; None at random."""
        if self.init == "random":
            return None
        return replace(self, init="random", supervised=True, hardening="exponential", hardness=10.0, hardness_end=None)

    @property
    def digest(self) -> str:
        """Eight hex digits that identify the spec."""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def run_id(self) -> str:
        """Name of the run's folder, for people as well: data set, method or loss, hardness, seed, digest."""
        end = "" if self.hardness_end is None else f"to{self.hardness_end:g}"
        hardness = f"-{self.hardness:g}{end}" if self.hardness or end else ""
        name = self.objective if self.objective in combinations.OF_OTHERS else self.method.lower()
        return f"{self.dataset}-{name}{hardness}-s{self.seed}-{self.digest}"

    def hardness_in(self, epoch: int) -> float:
        """Return the hardness that an epoch is trained with; 0, before any training, has that of the first."""
        return hardness_in(epoch, self.epochs, self.hardness, self.hardness_end)

    def evaluated(self, epoch: int) -> bool:
        """Return whether the metrics are measured after this epoch (0 is the initial state)."""
        return epoch <= 10 or epoch % self.eval_every == 0 or epoch == self.epochs

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunSpec":
        """Return the spec of `to_dict`.

        Raises:
            ValueError: for a field that does not exist, and for one without a default that is not there.
        """
        known = [f.name for f in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            name = f"{unknown[0]}{meant(unknown[0], known)}" if len(unknown) == 1 else ", ".join(unknown)
            raise ValueError(f"Unknown field {name}: expected some of {', '.join(known)}.")
        if missing := [name for name in known[:2] if name not in values]:
            raise ValueError(f"No {' and no '.join(missing)}: a run needs both.")
        return cls(**values)


def check_feasible(spec: RunSpec) -> None:
    """Refuse, before any data is read, a spec that its data set cannot serve.

    Args:
        spec: of a run; what is not known of its data set is not checked.

    Raises:
        ValueError: if images asked for are no multiple of the classes or more than there are, or fill no batch.
    """
    entry = CATALOGUE[spec.dataset]
    for name in ("num_train", "num_test"):
        if (number := getattr(spec, name)) is not None and number % entry.num_classes:
            raise ValueError(f"{name}={number}: expected a multiple of the {entry.num_classes} classes.")
    if entry.num_train is None:
        return
    if spec.num_train is not None and spec.num_train > entry.num_train:
        raise ValueError(f"num_train={spec.num_train}: {spec.dataset} has {entry.num_train:,} training images.")
    if spec.imbalance > 1:
        spec.class_sizes([entry.num_train // entry.num_classes] * entry.num_classes)
    images = spec.images or entry.num_train
    if spec.batch_size is not None and spec.batch_size > images:
        raise ValueError(
            f"batch_size={spec.batch_size}: there are {images} training images; expected at most as many, or None for "
            "all in one batch (D19)."
        )


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(RunSpec)
