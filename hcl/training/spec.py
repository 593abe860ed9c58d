"""The specification of a training run: everything that decides its result, and nothing else."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any, get_args, get_type_hints

from hcl.choices import EncoderName, Family, Negatives, Normalization, Reduction, Stem, meant
from hcl.training.catalogue import CATALOGUE

_CHOICES = {
    "dataset": tuple(CATALOGUE),
    "encoder": get_args(EncoderName),
    "stem": get_args(Stem),
    "normalization": get_args(Normalization),
    "hardening": get_args(Family),
    "reduction": get_args(Reduction),
    "negatives": get_args(Negatives),
    "positives": ("label", "noise", "augmentation"),
    "objective": ("algorithm1", "simclr"),
    "precision": ("fp32", "bf16"),
    "init": ("random", "near_nc"),
}


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What a run trains on, with which encoder and loss, and for how long.

    The identity of a run is made of the values that differ from the defaults below, so a field added later leaves
    the identity of older runs alone as long as its default is what they did. A default never changes.

    Attributes:
        dataset: name in `hcl.training.catalogue.CATALOGUE`.
        num_train: training images, the first of each class; None is all.
        num_test: test images, likewise.
        encoder: ``"resnet50"``, ``"small_resnet"`` or ``"mlp"``.
        stem: of a ResNet, ``"cifar"`` (official), ``"torchvision"`` (D21), or of the small one ``"patch"``.
        normalization: ``"unit_ball"``, ``"unit_sphere"`` or ``"none"`` (f / sqrt(d), D27).
        dim: representation dimension d; None is C - 1.
        supervised: SCL and HSCL if True, UCL and HUCL if False.
        hardening: ``"exponential"``, ``"polynomial"`` or ``"threshold"``.
        hardness: its beta, epsilon or tau; 0 is no hardening.
        k: negatives a pair; None is the exact expectation.
        reduction: ``"anchor"`` (Algorithm 1) or ``"pair"`` (official code, D1).
        negatives: ``"per_pair"`` (Algorithm 1) or ``"per_anchor"`` (D2).
        exclude_self: drop the anchor from its own negatives (D4).
        positives: ``"label"``, all items of the class in the batch (D5), ``"noise"``, a second noisy copy (D30), or
            ``"augmentation"``, a second augmented view (SimCLR sampling, Sec. B.5, D15).
        objective: ``"algorithm1"``, or ``"simclr"``, eq. (42), which takes two views and ignores k (D13).
        noise: standard deviation of the noise of ``positives="noise"``; .1 is the paper's variance of .01.
        epochs: of training, >= 1.
        batch_size: None is the whole training split; otherwise an incomplete last batch is dropped (D19).
        lr: learning rate of Adam.
        weight_decay: of Adam, added to the gradient (D18).
        precision: ``"fp32"`` or ``"bf16"`` autocast of the encoder; similarities and loss are float32 always.
        eval_every: evaluate after epochs 0 to 10, every multiple of this, and the last.
        init: ``"random"`` weights, or ``"near_nc"``: those that the run `start` ended with (Table 2, D26).
        seed: of weights, data order, draws, noise and synthetic data, keyed on (seed, epoch).
        detach_weights: no gradient through the negatives' weights, as in the official code (D6); False needs k = None.

    Raises:
        ValueError: for a value out of range; the message names the field and what was expected.
    """

    dataset: str
    supervised: bool
    num_train: int | None = None
    num_test: int | None = None
    encoder: str = "resnet50"
    stem: str = "cifar"
    normalization: str = "unit_ball"
    dim: int | None = None
    hardening: str = "exponential"
    hardness: float = 0.0
    k: int | None = 256
    reduction: str = "anchor"
    negatives: str = "per_pair"
    exclude_self: bool = False
    positives: str = "label"
    objective: str = "algorithm1"
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

    def __post_init__(self) -> None:
        for name, hint in _hints().items():
            object.__setattr__(self, name, _coerce(name, getattr(self, name), hint))
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name}={value!r}{meant(value, choices)}: expected one of {', '.join(choices)}.")
        for name, least in (("k", 1), ("epochs", 1), ("batch_size", 2), ("dim", 1), ("eval_every", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}={value}: expected at least {least}.")
        if not self.lr > 0 or not self.weight_decay >= 0 or not self.noise >= 0:
            raise ValueError(f"Expected lr > 0, weight_decay >= 0 and noise >= 0, got {self}.")
        if self.objective == "simclr" and self.positives == "label":
            raise ValueError('objective="simclr" takes two views: set positives to "augmentation" or "noise".')
        if self.positives == "augmentation" and self.dataset == "synthetic":
            raise ValueError('positives="augmentation" takes images; for the synthetic data there is "noise".')
        if not self.detach_weights and (self.k is not None or self.objective != "algorithm1"):
            raise ValueError("detach_weights=False needs k=None: drawing negatives has no gradient (D6).")
        if self.stem == "patch" and self.encoder == "resnet50":
            raise ValueError('stem="patch" is of the small ResNet: ResNet-50 has "cifar" and "torchvision" (D21).')
        if not 0 <= self.hardness < math.inf:
            raise ValueError(f"hardness={self.hardness!r}: expected a finite number >= 0.")

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
        return (self.num_train or CATALOGUE[self.dataset].num_train) * (1 if self.positives == "label" else 2)

    @property
    def method(self) -> str:
        """``"SCL"``, ``"HSCL"``, ``"UCL"`` or ``"HUCL"``."""
        return ("H" if self.hardness else "") + ("SCL" if self.supervised else "UCL")

    @property
    def start(self) -> "RunSpec | None":
        """The run whose final weights this one starts from: HSCL with beta = 10, all else equal; None at random."""
        if self.init == "random":
            return None
        return replace(self, init="random", supervised=True, hardening="exponential", hardness=10.0)

    @property
    def digest(self) -> str:
        """Eight hex digits that identify the spec."""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def run_id(self) -> str:
        """Name of the run's folder, for people as well: data set, method, hardness, seed, digest."""
        hardness = f"-{self.hardness:g}" if self.hardness else ""
        return f"{self.dataset}-{self.method.lower()}{hardness}-s{self.seed}-{self.digest}"

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
            ValueError: for a field that does not exist.
        """
        if unknown := set(values) - {f.name for f in fields(cls)}:
            raise ValueError(f"Unknown field {', '.join(sorted(unknown))}: this record is of another version.")
        return cls(**values)


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(RunSpec)


def _coerce(name: str, value: Any, hint: Any) -> Any:
    """Return the value as its declared type, so that 5 and 5.0 are one run; refuse what does not convert."""
    kinds = get_args(hint) or (hint,)  # (int, NoneType) for int | None
    if type(value) in kinds:
        return value
    if float in kinds and type(value) is int:
        return float(value)
    if int in kinds and type(value) is float and value.is_integer():
        return int(value)
    names = {str: "text", bool: "True or False", int: "a whole number", float: "a number", type(None): "None"}
    raise ValueError(f"{name}={value!r}: expected {' or '.join(names[kind] for kind in kinds)}.")
