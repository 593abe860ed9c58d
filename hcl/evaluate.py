"""What is measured of an encoder: geometry of the class means, downstream accuracy, losses, all in eval mode."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from hcl import geometry
from hcl.data import Dataset, normalize
from hcl.objective import batch_loss, encode, views
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
def represent(model: nn.Module, inputs: Tensor, spec: RunSpec, batch_size: int | None = None) -> Tensor:
    """Return the (n, d) eval-mode representations of (n, ...) uint8 images or normalised inputs, on their device.

    Args:
        model: the encoder.
        inputs: on its device.
        spec: its ``precision``.
        batch_size: None is 1000 on a CPU and 2500 elsewhere, where a smaller last batch is filled up so that compiled
            code sees a single shape.
    """
    accelerated = inputs.device.type != "cpu"
    batch_size = batch_size or (2500 if accelerated else 1000)
    training = model.training
    model.eval()
    parts = []
    for batch in inputs.split(batch_size):
        x = normalize(batch)
        if accelerated and len(x) < batch_size:
            x = torch.cat([x, x[:1].expand(batch_size - len(x), *x.shape[1:])])
        parts.append(encode(model, x, spec.precision)[: len(batch)])
    model.train(training)
    return torch.cat(parts)


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
    seen = represent(model, data.train, spec)
    z = seen.double()
    z_test = represent(model, data.test, spec).double()
    labels = data.train_labels
    means = geometry.class_means(z, labels, data.num_classes)
    # Small matrices on the CPU: their decompositions take a GPU longer. This is also the one wait for the device.
    on_cpu = means.cpu()
    if not on_cpu.isfinite().all():
        raise DivergedError(f"{spec.run_id}: the representations are not finite. Try a lower lr or fp32.")
    metrics = {
        "test_accuracy": _share((z_test @ means.T).argmax(1) == data.test_labels),
        "train_accuracy": _share((z @ means.T).argmax(1) == labels),
        "ncc_accuracy": _share(torch.cdist(z_test, means).argmin(1) == data.test_labels),
        "zero_sum": geometry.zero_sum(on_cpu),
        "unit_norm": geometry.unit_norm(on_cpu),
        "equal_inner_product": geometry.equal_inner_product(on_cpu),
        "equal_inner_product_cosine": geometry.equal_inner_product(on_cpu, cosine=True),
        "within_class": geometry.within_class_variation(z, labels),
        "rank": geometry.spectrum_rank(on_cpu),
        "effective_rank": geometry.effective_rank(on_cpu),
        **_losses(model, data, spec, seen, generator),
    }
    return Evaluation({name: float(value) for name, value in metrics.items()}, means, z)


def _share(correct: Tensor) -> Tensor:
    return correct.double().mean()


@torch.no_grad()
def _losses(model: nn.Module, data: Dataset, spec: RunSpec, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    count, size = len(z), spec.batch_size or len(z)
    batches = [torch.randperm(count, device=z.device, generator=generator)[:size] for _ in range(LOSS_BATCHES)]
    if spec.positives == "label":
        shown = [z[batch] for batch in batches]
    elif LOSS_BATCHES * size < count:
        inputs = [views(data.train[batch], spec, generator=generator) for batch in batches]
        shown = list(represent(model, torch.cat(inputs), spec).split(2 * size))
    else:
        both = represent(model, views(data.train, spec, generator=generator), spec)
        shown = [torch.cat([view[batch] for view in both.split(count)]) for batch in batches]
    # Draws an anchor have the same expectation, with a fraction of the work.
    own = replace(spec, negatives="per_anchor")
    return {
        name: torch.stack(
            [
                batch_loss(part, data.train_labels[batch], of, generator=generator)
                for part, batch in zip(shown, batches, strict=True)
            ]
        ).mean()
        for name, of in (("loss", own), ("plain_loss", replace(own, hardness=0.0)))
    }
