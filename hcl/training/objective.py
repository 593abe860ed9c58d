"""From a batch of images to its loss, as a run's spec says: the plain step that every fast path is checked against."""

from collections.abc import Callable
from math import ceil, sqrt

import torch
from torch import Tensor, nn

from hcl import augment
from hcl.hardening import Hardening, make
from hcl.losses import contrastive_loss, simclr_loss
from hcl.neighbours import debiased_loss, sincere_loss, spectral_loss, supcon_loss
from hcl.psi import LogSumExp, Psi, Triplet
from hcl.training.data import Dataset, normalize, standardize
from hcl.training.spec import RunSpec


def views(
    images: Tensor,
    spec: RunSpec,
    *,
    generator: torch.Generator,
    apply: Callable[[Tensor, augment.Augmentation], Tensor] = augment.apply,
) -> Tensor:
    """Return what the encoder is shown of a batch: its images or, after one another, two random views of each.

    Args:
        images: (n, channels, height, width), uint8 or float32.
        spec: its ``positives`` decide: by label no augmentation (D17), noise (D30) or SimCLR's augmentation (D15).
        generator: source of noise and augmentation, on the device of the images.
        apply: `hcl.augment.apply`, or a compiled one.

    Returns:
        (n, ...) or (2n, ...) float32, normalised.
    """
    if spec.positives == "label":
        return normalize(images)
    if spec.positives == "noise":
        images = normalize(images)  # noise is of a scale, and whole numbers have no room for it
        return torch.cat([add_noise(images, spec.noise, generator=generator) for _ in range(2)])
    twice = images.repeat(2, 1, 1, 1)
    return standardize(apply(twice, augment.draw(len(twice), *images.shape[2:], generator=generator)))


def add_noise(x: Tensor, std: float, *, generator: torch.Generator) -> Tensor:
    """Return inputs plus white Gaussian noise: the augmentation of Fig. 2, second row (D30)."""
    return torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator).mul_(std).add_(x)


def encode(model: nn.Module, x: Tensor, precision: str) -> Tensor:
    """Return the (n, d) float32 representations of inputs, the encoder in bf16 where ``precision`` says so."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return model(x)


def batch_loss(
    z: Tensor,
    labels: Tensor,
    spec: RunSpec,
    *,
    hardness: Tensor | None = None,
    uniforms: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the loss of a batch as the spec defines it.

    Args:
        z: (n, d) representations of `views`, or (2n, d) of two views each.
        labels: (n,) int64.
        spec: of the run.
        hardness: 0-d tensor in place of the spec's number, so that one compiled function serves every value.
        uniforms: of the shape of `draw_shape`, in place of the generator's draws.
        generator: source of the draws, on the device of ``z``.
    """
    z, z_pos = (z, None) if spec.positives == "label" else z.chunk(2)
    hardening = make(spec.hardening, spec.hardness if hardness is None else hardness)
    if spec.objective == "simclr":
        assert z_pos is not None
        of = labels if spec.supervised else None
        return simclr_loss(z, z_pos, of, hardening=hardening, temperature=spec.temperature)
    if spec.objective != "algorithm1":
        return _of_another_work(z, labels, spec, hardening)
    return contrastive_loss(
        z,
        labels,
        supervised=spec.supervised,
        hardening=hardening,
        temperature=spec.temperature,
        k=spec.k,
        reduction=spec.reduction,  # type: ignore[arg-type]
        negatives=spec.negatives,  # type: ignore[arg-type]
        z_pos=z_pos,
        exclude_self=spec.exclude_self,
        psi=psi_of(spec),
        detach_weights=spec.detach_weights,
        max_positives=None if uniforms is None else uniforms.shape[1],
        uniforms=uniforms,
        generator=generator,
    )


def psi_of(spec: RunSpec) -> Psi | None:
    """Return the loss function psi of a run with Algorithm 1; None is `hcl.psi.InfoNCE`."""
    if spec.margin is not None:
        return Triplet(spec.margin)
    return None if spec.alpha is None else LogSumExp(spec.alpha)


def _of_another_work(z: Tensor, labels: Tensor, spec: RunSpec, hardening: Hardening) -> Tensor:
    if spec.objective == "spectral":
        return spectral_loss(z, labels)
    if spec.objective == "debiased":
        return debiased_loss(
            z, labels, collisions=spec.collisions, hardening=hardening, temperature=spec.temperature,
            detach_weights=spec.detach_weights,
        )  # fmt: skip
    return (supcon_loss if spec.objective == "supcon" else sincere_loss)(z, labels, temperature=spec.temperature)


def draw_shape(spec: RunSpec, data: Dataset) -> tuple[int, int, int] | None:
    """Return the shape of a step's draws where shapes must not depend on the batch; None if it draws nothing.

    With ``per_pair`` negatives there must be a set of draws for each item of a class in the batch. The number of these
    is hypergeometric; its mean plus eight standard deviations is exceeded once in about a thousand runs, and then some
    pairs share their draws (see ``max_positives`` of `hcl.losses.contrastive_loss`): nothing is cut off.
    """
    if spec.k is None or spec.objective != "algorithm1":
        return None
    size = spec.batch_size or len(data.train)
    sets = 1
    if spec.negatives == "per_pair" and spec.positives == "label":
        count, largest = len(data.train), int(data.train_labels.bincount().max())
        mean = size * largest / count
        deviation = sqrt(mean * (1 - largest / count) * (count - size) / max(count - 1, 1))
        sets = min(ceil(mean + 8 * deviation), largest, size)
    return size, sets, spec.k
