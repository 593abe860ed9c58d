"""The loss step, forward and backward, against the loop over anchors of Algorithm 1."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import made_up
from benchmarks.harness import Case, Row, Setting, Timing, captured
from hcl.training.catalogue import CATALOGUE
from hcl.training.data import Dataset
from hcl.training.objective import batch_loss, draw_shape
from hcl.training.spec import RunSpec

SHOWN = ("case", "ms", "ms_min", "spread", "repeats", "times_loop", "memory_mb")
BETA = 5.0
Step = Callable[[], Tensor]
Choose = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Size:
    """Batch size, number of classes, negatives a pair; d = C - 1."""

    batch: int = 512
    classes: int = 100
    k: int = 256

    def __str__(self) -> str:
        return f"B={self.batch}, C={self.classes}, k={self.k}"


# Least important last: the time may not reach them.
MAIN = (Size(), Size(classes=10))
SCALING = (
    *(Size(batch=batch) for batch in (128, 256, 1024, 2048)),
    Size(classes=200),
    *(Size(k=k) for k in (32, 64, 128, 512)),
)
EAGER: dict[str, dict[str, Any]] = {
    "per_pair": {"negatives": "per_pair"},
    "per_anchor": {"negatives": "per_anchor"},
    "exact": {"k": None},
}


def loop(z: Tensor, labels: Tensor, beta: float, k: int, choose: Choose) -> Tensor:
    """Algorithm 1 with a Python loop over anchors, fresh draws for every pair (supervised, mean over anchors)."""
    s = z @ z.T
    losses = []
    for i in range(len(z)):
        same = labels == labels[i]
        p = (beta * s[i].detach()).masked_fill(same, -torch.inf).softmax(0)
        positives = s[i][same]
        drawn = choose(p, k * len(positives)).view(-1, k)
        losses.append(F.softplus(s[i][drawn].exp().mean(1).log() - positives).mean())
    return torch.stack(losses).mean()


def by_torch(generator: torch.Generator) -> Choose:
    """Return draws that stay on the device."""
    return lambda p, count: torch.multinomial(p, count, replacement=True, generator=generator)


def by_numpy(source: np.random.Generator) -> Choose:
    """Return draws on the host, as the official code makes them: the device waits for each anchor's."""

    def choose(p: Tensor, count: int) -> Tensor:
        weights = p.double().cpu().numpy()
        return torch.from_numpy(source.choice(len(weights), count, p=weights / weights.sum())).to(p.device)

    return choose


@lru_cache(maxsize=32)
def inputs(size: Size, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return random representations on the unit sphere, and labels."""
    generator = torch.Generator().manual_seed(0)
    z = F.normalize(torch.randn(size.batch, size.classes - 1, generator=generator)).to(device)
    return z.requires_grad_(), torch.randint(size.classes, (size.batch,), generator=generator).to(device)


def spec_of(size: Size, form: str) -> RunSpec:
    """Return a spec with the loss of a form of `EAGER`."""
    values: dict[str, Any] = {"dataset": made_up.DATASET_OF[size.classes], "batch_size": size.batch, "k": size.k}
    return RunSpec(supervised=True, hardness=BETA, **(values | EAGER[form]))


def population(spec: RunSpec) -> Dataset:
    """Return a data set with the label counts of the spec's, and images of one pixel."""
    return made_up.dataset(spec.num_classes, CATALOGUE[spec.dataset].num_train, size=1)


def eager(spec: RunSpec, z: Tensor, labels: Tensor) -> Step:
    """Return the loss and gradient of the plain path."""
    generator = torch.Generator(z.device).manual_seed(0)
    return partial(_with_gradient, lambda: batch_loss(z, labels, spec, generator=generator), z)


def static(spec: RunSpec, z: Tensor, labels: Tensor, *, compiled: bool, graph: bool) -> Step:
    """Return the loss and gradient as the engine computes them: draws of a fixed shape, compiled, captured."""
    shape = draw_shape(spec, population(spec))
    generator = torch.Generator(z.device).manual_seed(0)
    hardness = torch.full((), spec.hardness, device=z.device)
    loss_of = torch.compile(batch_loss, dynamic=False, fullgraph=True) if compiled else batch_loss

    def loss() -> Tensor:
        uniforms = None if shape is None else torch.rand(shape, device=z.device, generator=generator)
        return loss_of(z, labels, spec, hardness=hardness, uniforms=uniforms)

    step = partial(_with_gradient, loss, z)
    return captured(step, generator)[0] if graph else step  # type: ignore[return-value]


def time_of(setting: Setting, spec: RunSpec, *, compiled: bool, graph: bool) -> Timing:
    """Return the time of a spec's loss alone, in the form of a training step's."""
    z, labels = inputs(Size(spec.batch_size or 512, spec.num_classes, spec.k or 1), setting.device)
    if compiled or graph:
        return setting.timed(static(spec, z, labels, compiled=compiled, graph=graph))
    return setting.timed(eager(spec, z, labels))


def _with_gradient(loss: Callable[[], Tensor], z: Tensor) -> Tensor:
    value = loss()
    torch.autograd.grad(value, z)
    return value


def cases(setting: Setting) -> Iterator[Case]:
    """Yield every form at the paper's sizes, then how some of them scale."""
    device, of_loop = setting.device, dict[Size, float]()
    main, scaling = ((Size(16, 10, 8),), (Size(32, 10, 8),)) if setting.quick else (MAIN, SCALING)

    def step(form: str, size: Size) -> Step:
        z, labels = inputs(size, device)
        if form in EAGER:
            return eager(spec_of(size, form), z, labels)
        if form.startswith("loop"):
            numpy = form == "loop, NumPy draws"
            choose = by_numpy(np.random.default_rng(0)) if numpy else by_torch(torch.Generator(device).manual_seed(0))
            return partial(_with_gradient, lambda: loop(z, labels, BETA, size.k, choose), z)
        name, _, technique = form.partition(", ")
        return static(
            spec_of(size, name), z, labels, compiled=technique != "fixed shape", graph=technique == "captured"
        )

    def measure(form: str, size: Size) -> Row:
        timing = setting.timed(step(form, size))
        memory = torch.cuda.max_memory_allocated(device) / 2**20 if setting.gpu else None
        if size not in of_loop:  # measured in the same process, also where its own row was passed over
            of_loop[size] = timing.median if form == "loop" else setting.timed(step("loop", size)).median
        row = {"form": form, "batch": size.batch, "classes": size.classes, "k": size.k}
        return row | timing.row() | {"times_loop": of_loop[size] / timing.median, "memory_mb": memory}

    every = ("loop", "loop, NumPy draws", *EAGER, "per_pair, fixed shape")
    fast = ("per_pair, captured", "per_anchor, captured", "exact, captured") if setting.gpu else ()
    some = ("loop", *EAGER, *fast[:2])
    for sizes, forms in ((main, (*every, *fast, *(("per_pair, compiled",) if fast else ()))), (scaling, some)):
        for size in sizes:
            for form in forms:
                if setting.gpu and form == "per_pair" and size.batch > 1024:
                    continue  # without a fixed shape a GPU draws for B positives an anchor: more than it can hold
                needed = 40 if "captured" in form or "compiled" in form else 12
                yield Case(f"{form}, {size}", partial(measure, form, size), needed)
