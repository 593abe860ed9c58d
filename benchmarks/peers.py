"""The losses of the library beside those of other packages that compute the same value: time and peak memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import hcl
from benchmarks import loss, peak, published
from benchmarks.checks import row
from benchmarks.harness import Case, Row, Setting
from hcl import neighbours

SHOWN = ("case", "ms", "memory_mb", "refused", "repeats", "value", "tolerance", "passed", "of")
DIM, T, ROWS = 128, 0.5, 256
PACKAGES = {"lightly": "lightly", "pytorch-metric-learning": "pytorch_metric_learning"}
DRAWN = "Algorithm 1"
_TOLERANCE = 1e-12  # relative, in double precision
_DRAWS = 200
Loss = Callable[[Tensor, Tensor, int, torch.Generator], Tensor]


@dataclass(frozen=True)
class Form:
    """A way to compute a loss.

    Attributes:
        value: what it computes; forms of the same one agree, in the mean where negatives are drawn.
        by: whose it is.
        loss: of (n, d) points on the sphere, their labels, k and a generator.
        most: points beyond which it is not measured.
    """

    value: str
    by: str
    loss: Loss
    most: int = 8192

    @property
    def absent(self) -> bool:
        """Whether it is of a package that is not installed."""
        return self.by in PACKAGES and find_spec(PACKAGES[self.by]) is None


def _hard(sampling: Callable[[int, torch.Generator], Any], rows: int | None = None) -> Loss:
    def loss_of(z: Tensor, labels: Tensor, k: int, generator: torch.Generator) -> Tensor:
        return hcl.contrastive_loss(
            z, labels, supervised=True, hardening=hcl.Exponential(loss.BETA), sampling=sampling(k, generator), rows=rows
        )

    return loss_of


def _views(rows: int | None = None) -> Loss:
    return lambda z, labels, k, generator: hcl.simclr_loss(*z.chunk(2), temperature=T, rows=rows)


def _lightly(z: Tensor, labels: Tensor, k: int, generator: torch.Generator) -> Tensor:
    from lightly.loss import NTXentLoss

    return NTXentLoss(temperature=T)(*z.chunk(2))


def _metric_learning(name: str) -> Loss:
    def loss_of(z: Tensor, labels: Tensor, k: int, generator: torch.Generator) -> Tensor:
        from pytorch_metric_learning import losses

        return getattr(losses, name)(temperature=T)(z, labels)

    return loss_of


def _own(function: Callable[..., Tensor]) -> Loss:
    return lambda z, labels, k, generator: function(z, labels, temperature=T)


def _anchor(k: int, generator: torch.Generator) -> hcl.Drawn:
    return hcl.Drawn(k=k, per="anchor", generator=generator)


def _pair(k: int, generator: torch.Generator) -> hcl.Drawn:
    return hcl.Drawn(k=k, generator=generator)


def _exact(k: int, generator: torch.Generator) -> hcl.Exact:
    return hcl.Exact()


def _loop(z: Tensor, labels: Tensor, k: int, generator: torch.Generator) -> Tensor:
    return loss.loop(z, labels, loss.BETA, k, loss.by_torch(generator))


_EXACT = f"{DRAWN} in expectation"
FORMS = (
    Form("NT-Xent", "hcl", _views()),
    Form("NT-Xent", f"hcl, {ROWS} rows", _views(ROWS)),
    Form("NT-Xent", "lightly", _lightly),
    Form("NT-Xent", "pytorch-metric-learning", _metric_learning("NTXentLoss")),
    Form("SupCon", "hcl", _own(neighbours.supcon_loss)),
    Form("SupCon", "its authors", _own(published.supcon)),
    Form("SupCon", "pytorch-metric-learning", _metric_learning("SupConLoss")),
    Form("SINCERE", "hcl", _own(neighbours.sincere_loss)),
    Form("SINCERE", "its authors", _own(published.sincere)),
    Form("SINCERE", "pytorch-metric-learning", _metric_learning("NTXentLoss")),
    Form(DRAWN, "hcl, per pair", _hard(_pair)),
    Form(DRAWN, "hcl, per anchor", _hard(_anchor)),
    Form(DRAWN, f"hcl, per anchor, {ROWS} rows", _hard(_anchor, ROWS)),
    Form(DRAWN, "loop", _loop, most=2048),  # beyond, minutes a step
    Form(_EXACT, "hcl, exact", _hard(_exact)),
    Form(_EXACT, f"hcl, exact, {ROWS} rows", _hard(_exact, ROWS)),
)


def absent() -> str:
    """Return in a sentence which packages are not measured as they are not installed, empty where all are."""
    names = [name for name in PACKAGES if find_spec(PACKAGES[name]) is None]
    return f"Not measured, not installed: {', '.join(names)} (pip install --group peers)." if names else ""


def inputs(form: Form, size: loss.Size, device: torch.device, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Return (n, d) points, not normalised yet, and labels: as many of each class, or those of pairs of views."""
    classes = size.batch // 2 if form.value == "NT-Xent" else size.classes
    x = torch.randn(size.batch, DIM, generator=torch.Generator().manual_seed(0), dtype=dtype).to(device)
    return [x.requires_grad_(), torch.arange(size.batch, device=device) % classes]


def step(form: Form, size: loss.Size, device: torch.device, dtype: torch.dtype = torch.float32) -> loss.Step:
    """Return a function that returns loss and gradient, of points that are normalised first, as some losses do."""
    x, labels = inputs(form, size, device, dtype)
    generator = torch.Generator(device).manual_seed(0)

    def carried_out() -> tuple[Tensor, Tensor]:
        value = form.loss(F.normalize(x), labels, size.k, generator)
        return value.detach(), torch.autograd.grad(value, x)[0]

    return carried_out  # type: ignore[return-value]


def agreement(form: Form, first: Form) -> Row:
    """Compare value and gradient of a form with those of another, in double precision, parts being three."""
    size = loss.Size(2 * ROWS + 64 if "rows" in form.by else 64, 8, 16)
    found, expected = (step(each, size, torch.device("cpu"), torch.float64)() for each in (form, first))
    apart = [float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True)]
    return row(max(apart), _TOLERANCE, f"relative difference from {first.by}, of value and gradient the larger")


def in_the_mean(form: Form, first: Form) -> Row:
    """Compare means over draws of two forms."""
    drawn = []
    for each in (form, first):
        once = step(each, loss.Size(48, 8, 16), torch.device("cpu"), torch.float64)
        drawn.append(torch.stack([once()[0] for _ in range(_DRAWS)]))
    error = (torch.stack(drawn).var(1).sum() / _DRAWS).sqrt()
    apart = float(abs(drawn[0].mean() - drawn[1].mean()) / error)
    return row(apart, 4.5, f"difference from {first.by} of means over {_DRAWS} draws, in standard errors")


def measure(setting: Setting, form: Form, size: loss.Size) -> Row:
    """Return the row of a form at a size."""
    said = {"loss": form.value, "by": form.by, "batch": size.batch, "k": size.k if form.value == DRAWN else None,
            "classes": None if form.value == "NT-Xent" else size.classes}  # fmt: skip
    if setting.gpu:
        try:
            timing = setting.timed(step(form, size, setting.device))
        except torch.OutOfMemoryError:
            return {**said, "refused": "more than the device has", "repeats": 1}
        return said | timing.row() | {"memory_mb": torch.cuda.max_memory_allocated(setting.device) / 2**20}
    make, warm = (partial(step, form, each, setting.device) for each in (size, loss.Size(32, 8, 8)))
    return said | peak.measured(make, warm, repeats=2 if setting.quick else 20)


def sizes(form: Form, *, quick: bool) -> Iterator[loss.Size]:
    """Yield the sizes to measure a form at: batches, then numbers of classes and of negatives where it has them."""
    if quick:
        yield loss.Size(32, 8, 8)
        return
    yield from (loss.Size(batch, 64, 256) for batch in (128, 512, 2048, 8192))
    if form.value != "NT-Xent":
        yield from (loss.Size(512, classes, 256) for classes in (8, 256))
    if form.value == DRAWN:
        yield from (loss.Size(512, 64, k) for k in (32, 1024))


def name_of(form: Form, size: loss.Size) -> str:
    """Return the name of a case."""
    parts = [f"B={size.batch}"]
    parts += [f"C={size.classes}"] if form.value != "NT-Xent" else []
    parts += [f"k={size.k}"] if form.value == DRAWN else []
    return f"{form.value}, {form.by}, {', '.join(parts)}"


def cases(setting: Setting) -> Iterator[Case]:
    """Yield that forms agree, then their costs, the largest batches last."""
    there = [form for form in FORMS if not form.absent]
    for form in there:
        alike = [other for other in there[: there.index(form)] if other.value == form.value]
        if alike:
            exact = form.value != DRAWN or "rows" in form.by  # in parts the draws are the same
            check, other = (
                (agreement, alike[-1] if "rows" in form.by else alike[0]) if exact else (in_the_mean, alike[0])
            )
            yield Case(f"{form.value}, {form.by}, agrees", partial(check, form, other), 10.0)
    every = [(form, size) for form in there for size in sizes(form, quick=setting.quick) if size.batch <= form.most]
    for form, size in sorted(every, key=lambda pair: pair[1].batch):
        yield Case(name_of(form, size), partial(measure, setting, form, size), 20.0 if size.batch > 2048 else 5.0)
