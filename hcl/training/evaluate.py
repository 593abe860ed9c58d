"""What is measured of an encoder: geometry of the class means, downstream accuracy, losses, all in eval mode."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hcl import geometry
from hcl.choices import one_of
from hcl.errors import HclError
from hcl.inputs import at_least_float32
from hcl.training import hscl, probe
from hcl.training.combinations import OF_OTHERS
from hcl.training.data import Dataset, normalize
from hcl.training.objective import batch_loss, encode, views
from hcl.training.spec import RunSpec

Precision = Literal["fp32", "bf16"]

LOSS_BATCHES = 10  # batches that the losses of an evaluation average over
HARDNESS = (2.0, 5.0, 10.0, 30.0)  # of the hardened losses that are measured in every run
AT_THE_END = (
    "linear_probe", "linear_probe_backbone", "knn", "knn_backbone", "downstream_loss", "downstream_loss_test",
)  # fmt: skip  # metrics of the last epoch only
INSIDE = 1 - 1e-6  # a norm below this is inside the unit ball: features projected onto it have 1 up to rounding
_PAIRED = 2000  # training items whose inner products are counted


class DivergedError(HclError, RuntimeError):
    """The representations or the loss of a run are no longer finite."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one epoch, and what they were computed from.

    Attributes:
        metrics: see `evaluate`.
        means: (C, d) float64 class means of the training split.
        z: (n, d) representations of the training split.
        spectrum: (d,) of `hcl.geometry.covariance_spectrum`, on the CPU.
        similarities: (2, bins) of `hcl.geometry.similarity_histogram`, of 2,000 training items at most, on the CPU.
    """

    metrics: dict[str, float]
    means: Tensor
    z: Tensor
    spectrum: Tensor
    similarities: Tensor


@torch.no_grad()
def represent(
    model: nn.Module,
    inputs: Tensor,
    spec: RunSpec | None = None,
    batch_size: int | None = None,
    *,
    precision: Precision | None = None,
) -> Tensor:
    """Return the (n, d) eval-mode representations of (n, ...) uint8 images or normalised inputs, on their device.

    Args:
        model: the encoder, left in the modes its modules were in.
        inputs: on its device.
        spec: of a run, for its ``precision``.
        batch_size: None is 1000 on a CPU and 2500 elsewhere, where a smaller last batch is filled up so that compiled
            code sees a single shape.
        precision: ``"fp32"``, the default without a spec, or ``"bf16"`` autocast; in place of a spec.

    Returns:
        (n, d), in float32 at least.

    Raises:
        ValueError: for an unknown precision, or if both it and a spec are given.
    """
    computed = _precision(spec, precision)
    accelerated = inputs.device.type != "cpu"
    batch_size = batch_size or (2500 if accelerated else 1000)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    parts = []
    try:
        for batch in inputs.split(batch_size):
            x = normalize(batch)
            if accelerated and len(x) < batch_size:
                x = torch.cat([x, x[:1].expand(batch_size - len(x), *x.shape[1:])])
            parts.append(at_least_float32(encode(model, x, computed)[: len(batch)]))
    finally:
        for module, training in modes:
            module.training = training
    return torch.cat(parts)


def _precision(spec: RunSpec | None, precision: Precision | None) -> str:
    if spec is not None and precision is not None:
        raise ValueError("A spec and precision both say how to compute: pass one of them.")
    if spec is not None:
        return spec.precision
    one_of("precision", precision or "fp32", get_args(Precision))
    return precision or "fp32"


def evaluate(
    model: nn.Module,
    data: Dataset,
    spec: RunSpec,
    *,
    generator: torch.Generator,
    last: bool = False,
    hardness: float | None = None,
) -> Evaluation:
    """Measure an encoder on the class means of the training split in eval mode (D36).

    The metrics are:

    - ``test_accuracy``, ``train_accuracy``: share of images whose class mean has the largest inner product with
      their representation, the official code's mean classifier (D38); ``ncc_accuracy``: nearest mean, test split;
    - ``zero_sum`` (norm of the mean, D33), ``unit_norm``, ``equal_inner_product`` and its form with cosines (D34);
    - ``within_class`` distance and ``nc1``, the quotient of the scatters within and between classes (D39);
    - ``rank`` of the spectrum above ln = -10, ``effective_rank`` (D40); ``clusters`` of class means and the
      ``least_distance`` of two (D46);
    - ``norm`` and ``squared_norm``, means over the representations, and ``inside``, the share of those whose norm is
      below 1, all on the training split;
    - ``loss``, the run's own, hardened where it is, and ``plain_loss``, without hardening, on the same
      representations (D44, Theorem 1), over 10 batches of the run's size; on these too ``scl``, ``hscl_2`` to
      ``hscl_30``, ``ucl`` and ``hucl_2`` to ``hucl_30`` in the limit k -> infinity, without noise of draws;
      and, of runs with the loss of H-SCL, what `hcl.training.hscl.measure` returns;
    - at the end `AT_THE_END`: test accuracy of a linear probe on the representations and on the features before the
      projection head, and of nearest neighbours on both; ``downstream_loss``, the least loss of a linear classifier
      with unit weights on the training split (`hcl.downstream`), and that of the same weights on the test split.

    Args:
        model: the encoder.
        data: splits on the device of the model.
        spec: of the run.
        generator: source of batches and draws of the losses, on that device.
        last: measure `AT_THE_END` too.
        hardness: of the run's own loss at this epoch; None is the spec's.

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
    metrics: dict[str, Tensor | float] = {
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
        **_losses(
            model,
            data,
            spec if hardness is None else replace(spec, hardness=hardness, hardness_end=None),
            seen,
            generator,
        ),
        "nc1": geometry.nc1(z, labels),
        "clusters": geometry.cluster_count(on_cpu),
        "least_distance": geometry.least_distance(on_cpu),
        **_norms(z),
    }
    if last:
        metrics |= _downstream(model, data, spec, seen, z_test)
    some = slice(None, None, -(-len(seen) // _PAIRED))
    return Evaluation(
        {name: float(value) for name, value in metrics.items()},
        means,
        z,
        geometry.covariance_spectrum(on_cpu),
        geometry.similarity_histogram(seen[some].float(), labels[some]).cpu(),
    )


def _norms(z: Tensor) -> dict[str, Tensor]:
    norm = z.norm(dim=1)
    return {"norm": norm.mean(), "squared_norm": norm.square().mean(), "inside": _share(norm < INSIDE)}


def _downstream(model: nn.Module, data: Dataset, spec: RunSpec, z: Tensor, z_test: Tensor) -> dict[str, float]:
    backbone = [represent(model.backbone, images, spec).float() for images in (data.train, data.test)]  # type: ignore[arg-type]
    labels, test_labels = data.train_labels, data.test_labels
    return {
        "linear_probe": probe.linear_probe(z, labels, z_test, test_labels),
        "linear_probe_backbone": probe.linear_probe(backbone[0], labels, backbone[1], test_labels),
        "knn": probe.knn_accuracy(z, labels, z_test, test_labels),
        "knn_backbone": probe.knn_accuracy(backbone[0], labels, backbone[1], test_labels),
        **probe.downstream_losses(z, labels, z_test, test_labels),
    }


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
    pairs = list(zip(shown, batches, strict=True))
    exact = pairs if size < count else pairs[:1]  # of all items, whatever their order

    def mean_loss(of: RunSpec, over: list[tuple[Tensor, Tensor]]) -> Tensor:
        return torch.stack([batch_loss(z, data.train_labels[i], of, generator=generator) for z, i in over]).mean()

    return {
        "loss": mean_loss(own, pairs),
        "plain_loss": mean_loss(replace(own, hardness=0.0), pairs),
        **{name: mean_loss(of, exact) for name, of in limit_losses(spec).items()},
        **(
            hscl.measure([(z, data.train_labels[i]) for z, i in exact], spec.temperature) if hscl.measured(spec) else {}
        ),
    }


def limit_losses(spec: RunSpec) -> dict[str, RunSpec]:
    """Return the specs of the losses that every run is measured by: of each method, in the limit k -> infinity."""
    exact = replace(spec, k=None, alpha=None, hardening="exponential", hardness=0.0, **_as_of_the_paper(spec))
    return {
        (f"{'h' * bool(beta)}{name}" + (f"_{beta:g}" if beta else "")): replace(exact, supervised=s, hardness=beta)
        for s, name in ((True, "scl"), (False, "ucl"))
        for beta in (0.0, *HARDNESS)
    }


def _as_of_the_paper(spec: RunSpec) -> dict[str, Any]:
    """Return what the loss of another work has to change to be one of Algorithm 1."""
    other = {"objective": "algorithm1", "collisions": 0.0} if spec.objective in OF_OTHERS else {}
    return {"margin": None, **other}
