"""The training step made fast: resident data and one compiled, captured step that serves every hardness and seed."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from hcl import augment
from hcl.models import build
from hcl.training import products
from hcl.training.data import Dataset
from hcl.training.evaluate import INSIDE, represent
from hcl.training.fold import Folded
from hcl.training.objective import batch_loss, draw_shape, encode, views
from hcl.training.optimizer import adam, set_lr
from hcl.training.randomness import generator_for, seed_for
from hcl.training.schedule import lr_in
from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques

__all__ = ["Engine", "Techniques"]

_WARM_UP = 3  # steps before a capture: compilation, choice of kernels
_ANY = (
    "hardness",
    "hardness_end",
    "seed",
    "epochs",
    "eval_every",
    "init",
)  # fields of which one engine serves any value


class Engine:
    """Model, optimiser, data and code of a training step, for any number of runs one after the other.

    Every tensor keeps its place from run to run, so that a captured graph stays valid. Runs may differ in hardness,
    seed and length. Several engines on one GPU work at the same time, each on a stream of its own.

    Args:
        spec: of the first run.
        data: its images, from `hcl.training.train.load_data`.
        device: to train on.
        techniques: None is `Techniques.best` for the spec; what fails on this machine is left out, with a warning.

    Attributes:
        data: on the device.
        model: the encoder.
        steps: of an epoch.
        techniques: those in use.
        shared_draws: batches of the run so far that had more items of a class than sets of draws (`draw_shape`).

    Raises:
        ValueError: if a batch is larger than the training split, or a technique is not for the spec or the device.
    """

    def __init__(
        self, spec: RunSpec, data: Dataset, *, device: torch.device, techniques: Techniques | None = None
    ) -> None:
        size = spec.batch_size or len(data.train)
        if size > len(data.train):
            raise ValueError(f"batch_size={size}, but there are {len(data.train)} training images: lower it.")
        self.device = device
        self.techniques = self._asked = techniques or Techniques.best(device, spec=spec)
        if self.techniques.graph and device.type != "cuda":
            raise ValueError(f"A CUDA graph needs a GPU, the device is {device}: leave Techniques.graph False.")
        if self.techniques.products and (self.techniques.compile or not products.suit(spec)):
            raise ValueError("Products are of the small ResNet in fp32, not compiled: leave Techniques.products False.")
        if self.techniques.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.steps = len(data.train) // size
        self.shared_draws = 0
        self._spec, self._now, self._host = spec, spec, data
        self.data = resident(data, device, self.techniques.channels_last and spec.encoder != "mlp")
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream(device))
        with self.work():
            self._make_model()
            self._order = torch.arange(self.steps * size, device=device).view(self.steps, size)
            self._position = torch.zeros(1, dtype=torch.int64, device=device)
            self._total = torch.zeros((), dtype=torch.float64, device=device)
            self._inside = torch.zeros((), dtype=torch.int64, device=device)
            self._finite = torch.zeros((), dtype=torch.int64, device=device)
            self._hardness = torch.zeros((), device=device)
            self._draws = torch.Generator(device)
            self._draw_shape = draw_shape(spec, data)
            self._prepare()

    def fits(self, spec: RunSpec, data: Dataset, device: torch.device, techniques: Techniques | None) -> bool:
        """Return whether this engine can make a run as it would be made by an engine of its own."""
        names = [field.name for field in fields(RunSpec) if field.name not in _ANY]
        same = all(getattr(spec, name) == getattr(self._spec, name) for name in names)
        asked = techniques or Techniques.best(device, spec=spec)
        return same and data is self._host and device == self.device and asked == self._asked

    def begin(self, spec: RunSpec, weights: dict[str, Tensor] | None = None) -> None:
        """Start a run: weights from its seed unless they are given, a new optimiser, its hardness."""
        self._spec = self._now = spec
        self.shared_draws = 0
        with self.work():
            self._hardness.fill_(spec.hardness)
            self.model.load_state_dict(weights or self._new_encoder().state_dict())
            for state in self._optimizer.state.values():
                for value in state.values():
                    value.zero_()

    def launch(self, epoch: int) -> None:
        """Enqueue the steps of an epoch; on a GPU this returns before they are done, and nothing waits for it."""
        spec = self._spec
        self._now = replace(spec, hardness=spec.hardness_in(epoch), hardness_end=None)
        order = torch.randperm(len(self._host.train), generator=generator_for(spec.seed, epoch, "order"))
        order = order[: self._order.numel()].view_as(self._order)  # an incomplete last batch is dropped (D19)
        self._count_shared_draws(order)
        with self.work():
            self._order.copy_(order.pin_memory() if self.stream is not None else order, non_blocking=True)
            self._position.zero_()
            self._total.zero_()
            self._inside.zero_()
            self._finite.zero_()
            self._hardness.fill_(self._now.hardness)
            set_lr(self._optimizer, lr_in(epoch, spec.epochs, spec.lr, spec.decay))
            self._draws.manual_seed(seed_for(spec.seed, epoch, "draws"))
            self.model.train()
            for _ in range(self.steps):
                self._advance()

    def finish(self) -> float:
        """Wait for the steps of the epoch and return the mean of their train-mode losses."""
        with self.work():
            return float(self._total) / self.steps

    def finite(self) -> int:
        """Return how many steps of the finished epoch there were before the first whose loss was not finite."""
        with self.work():
            return int(self._finite)

    def inside(self) -> float:
        """Return the share of the features of the finished epoch, in train mode, that lay inside the unit ball."""
        views = 1 if self._spec.positives == "label" else 2
        with self.work():
            return float(self._inside) / (self._order.numel() * views)

    def frozen(self) -> nn.Module:
        """Return the encoder as it stands, for use in eval mode; a copy of its own where it is folded."""
        with self.work():
            if self._folded is not None:
                self._folded.refresh()
        return self._frozen

    def state(self) -> dict[str, Any]:
        """Return copies of weights, statistics and the optimiser's state on the CPU."""
        with self.work():
            return {
                "model": {name: value.to("cpu", copy=True) for name, value in self.model.state_dict().items()},
                "optimizer": [
                    {name: value.to("cpu", copy=True) for name, value in self._optimizer.state[parameter].items()}
                    for parameter in self.model.parameters()
                ],
                "shared_draws": self.shared_draws,
            }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the `state` of a run that was begun with an equal spec."""
        with self.work():
            self.model.load_state_dict(state["model"])
            for parameter, values in zip(self.model.parameters(), state["optimizer"], strict=True):
                for name, value in values.items():
                    self._optimizer.state[parameter][name].copy_(value)
        self.shared_draws = state["shared_draws"]

    @contextmanager
    def work(self) -> Iterator[None]:
        """Make the engine's stream the current one, and its choice of kernels; both are put back afterwards."""
        strict = self.techniques.deterministic
        before = torch.get_deterministic_debug_mode()
        with (
            torch.cuda.stream(self.stream),
            torch.backends.cudnn.flags(enabled=True, benchmark=not strict, deterministic=strict),
        ):
            # It warns of an operation that has no such kernel, of which compiled code may be free.
            torch.set_deterministic_debug_mode(max(before, int(strict)))
            try:
                yield
            finally:
                torch.set_deterministic_debug_mode(before)

    def _new_encoder(self) -> nn.Module:
        spec = self._spec
        return build(
            spec.encoder,
            spec.representation_dim,
            image_shape=self._host.image_shape,
            stem=spec.stem,  # type: ignore[arg-type]
            normalization=spec.normalization,
            seed=seed_for(spec.seed, 0, "weights"),
        )

    def _make_model(self) -> None:
        layout = torch.channels_last if self.techniques.channels_last else torch.contiguous_format
        self.model = self._new_encoder().to(device=self.device, memory_format=layout)  # type: ignore[call-overload]
        self._optimizer = adam(self.model, self._spec, self.techniques, self.device)
        self._folded = Folded(self.model) if self.techniques.fold else None

    def _prepare(self) -> None:
        """Compile and capture the step; give up first the capture, then the compilation, where they fail."""
        while True:
            try:
                return self._compile_and_capture()
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                if not (self.techniques.graph or self.techniques.compile):
                    raise
                dropped = "graph" if self.techniques.graph else "compile"
                self.techniques = replace(self.techniques, **{dropped: False})
                warnings.warn(f"Trained without {dropped}, which fails here: {error!r}", RuntimeWarning, stacklevel=4)

    def _compile_and_capture(self) -> None:
        use = self.techniques
        self._advance: Callable[[], Any] = self._step
        self._encode, self._loss, self._apply = encode, batch_loss, augment.apply
        if use.products:
            self._encode = lambda model, x, precision: products.forward(model, x)
        self._frozen = self.model if self._folded is None else self._folded.model
        if use.compile:
            torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
            self._encode = torch.compile(encode, dynamic=False)
            self._loss = torch.compile(batch_loss, dynamic=False, fullgraph=True)
            self._apply = torch.compile(augment.apply, dynamic=False, fullgraph=True)
            self._frozen = torch.compile(self._frozen, dynamic=False)  # type: ignore[assignment]
        if not (use.compile or use.graph):
            return
        self.model.train()
        for _ in range(_WARM_UP):
            self._position.zero_()
            self._step()
        represent(self._frozen, self.data.test[:1], self._spec)
        if use.graph:
            self._position.zero_()
            self._optimizer.zero_grad(set_to_none=True)
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self._draws)
            with torch.cuda.graph(graph, stream=self.stream):
                self._step()
            self._advance = graph.replay

    def _step(self) -> None:
        spec, static = self._now, self.techniques.compile or self.techniques.graph
        index = self._order.index_select(0, self._position).flatten()
        self._position += 1
        x = views(rows(self.data.train, index), spec, generator=self._draws, apply=self._apply)
        labels = self.data.train_labels.index_select(0, index)
        z = self._encode(self.model, x, spec.precision)
        self._inside += (z.detach().norm(dim=1) < INSIDE).sum()
        if static:
            shape = self._draw_shape
            uniforms = None if shape is None else torch.rand(shape, device=self.device, generator=self._draws)
            loss = self._loss(z, labels, spec, hardness=self._hardness, uniforms=uniforms)
        else:
            loss = self._loss(z, labels, spec, generator=self._draws)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._total += loss.detach()
        self._finite += self._total.isfinite()

    def _count_shared_draws(self, order: Tensor) -> None:
        if self._draw_shape is None or self._spec.negatives == "per_anchor" or self._spec.positives != "label":
            return
        of_step = torch.arange(self.steps)[:, None] * self._host.num_classes
        counts = (self._host.train_labels[order] + of_step).flatten().bincount()
        largest = torch.nn.functional.pad(counts, (0, self.steps * self._host.num_classes - len(counts)))
        self.shared_draws += int((largest.view(self.steps, -1).amax(1) > self._draw_shape[1]).sum())


@lru_cache(maxsize=2)
def resident(data: Dataset, device: torch.device, channels_last: bool) -> Dataset:
    """Return a data set on a device, images with the channels innermost if ``channels_last``."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    train, test = (images.to(device).contiguous(memory_format=layout) for images in (data.train, data.test))
    labels = {name: getattr(data, name).to(device) for name in ("train_labels", "test_labels")}
    return replace(data, train=train, test=test, **labels)


def rows(images: Tensor, index: Tensor) -> Tensor:
    """Return the images of given indices, in the memory layout of all."""
    if images.ndim == 4 and images.is_contiguous(memory_format=torch.channels_last):
        return images.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2)
    return images.index_select(0, index)
