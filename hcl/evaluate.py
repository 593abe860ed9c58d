"""What is measured of an encoder: geometry of the class means, downstream accuracy, losses, all in eval mode."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hcl import geometry
from hcl.data import Dataset, normalize
from hcl.hardening import Uniform, make
from hcl.losses import contrastive_loss
from hcl.spec import RunSpec

LOSS_BATCHES = 10  # batches that the losses of an evaluation average over


class DivergedError(RuntimeError):
    """The representations or the loss of a run are no longer finite."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one epoch, and what they were computed from.

    Attributes:
        metrics: see `evaluate`.
        means: (C, d) float64 class means of the training split.
        z: (n, d) representations of the training split.
    """

    metrics: dict[str, float]
    means: Tensor
    z: Tensor


@torch.no_grad()
def represent(model: nn.Module, images: Tensor, spec: RunSpec, batch_size: int = 1000) -> Tensor:
    """Return the (n, d) eval-mode representations of (n, ...) images or inputs, on their device."""
    training = model.training
    model.eval()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=spec.precision == "bf16"):
        parts = [model(as_input(batch)) for batch in images.split(batch_size)]
    model.train(training)
    return torch.cat(parts)


def as_input(x: Tensor) -> Tensor:
    """Return images normalised, in the channels-last layout, which doubles the speed of convolutions on a CPU."""
    return normalize(x).contiguous(memory_format=torch.channels_last)


def evaluate(model: nn.Module, data: Dataset, spec: RunSpec, *, generator: torch.Generator) -> Evaluation:
    """Measure an encoder on the class means of the training split in eval mode (D36).

    The metrics are:

    - ``test_accuracy``, ``train_accuracy``: share of images whose class mean has the largest inner product with
      their representation, the official code's mean classifier (D38); ``ncc_accuracy``: nearest mean, test split;
    - ``zero_sum`` (norm of the mean, D33), ``unit_norm``, ``equal_inner_product`` and its form with cosines (D34);
    - ``within_class`` distance, ``rank`` of the spectrum above ln = -10, ``effective_rank`` (D39, D40);
    - ``loss``, the run's own, hardened where it is, and ``plain_loss``, without hardening, on the same
      representations (D44, Theorem 1), over 10 batches of the run's size.

    Args:
        model: the encoder.
        data: splits on the device of the model.
        spec: of the run.
        generator: source of batches and draws of the losses, on that device.

    Raises:
        DivergedError: if a representation is not finite.
    """
    z = represent(model, data.train, spec).double()
    if not z.isfinite().all():
        raise DivergedError(f"{spec.run_id}: the representations are not finite. Try a lower lr or fp32.")
    z_test = represent(model, data.test, spec).double()
    labels = data.train_labels
    means = geometry.class_means(z, labels, data.num_classes)
    metrics = {
        "test_accuracy": _share((z_test @ means.T).argmax(1) == data.test_labels),
        "train_accuracy": _share((z @ means.T).argmax(1) == labels),
        "ncc_accuracy": _share(torch.cdist(z_test, means).argmin(1) == data.test_labels),
        "zero_sum": geometry.zero_sum(means),
        "unit_norm": geometry.unit_norm(means),
        "equal_inner_product": geometry.equal_inner_product(means),
        "equal_inner_product_cosine": geometry.equal_inner_product(means, cosine=True),
        "within_class": geometry.within_class_variation(z, labels),
        "rank": geometry.spectrum_rank(means),
        "effective_rank": geometry.effective_rank(means),
        **_losses(model, data, spec, z, generator),
    }
    return Evaluation({name: float(value) for name, value in metrics.items()}, means, z)


def _share(correct: Tensor) -> Tensor:
    return correct.double().mean()


def _losses(model: nn.Module, data: Dataset, spec: RunSpec, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    z_pos = None
    if spec.positives == "noise":
        z, z_pos = (
            represent(model, add_noise(data.train, spec.noise, generator=generator), spec).double() for _ in range(2)
        )
    batches = [
        torch.randperm(len(z), device=z.device, generator=generator)[: spec.batch_size] for _ in range(LOSS_BATCHES)
    ]
    totals = {}
    for name, hardening in (("loss", make(spec.hardening, spec.hardness)), ("plain_loss", Uniform())):
        losses = [
            contrastive_loss(
                z[batch],
                data.train_labels[batch],
                supervised=spec.supervised,
                hardening=hardening,
                k=spec.k,
                reduction=spec.reduction,  # type: ignore[arg-type]
                negatives="per_anchor",  # the same expectation, with a fraction of the draws
                z_pos=None if z_pos is None else z_pos[batch],
                exclude_self=spec.exclude_self,
                generator=generator,
            )
            for batch in batches
        ]
        totals[name] = torch.stack(losses).mean()
    return totals


def add_noise(x: Tensor, std: float, *, generator: torch.Generator) -> Tensor:
    """Return inputs plus white Gaussian noise: the augmentation of Fig. 2, second row (D30)."""
    return x + std * torch.randn(x.shape, dtype=x.dtype, device=x.device, generator=generator)
