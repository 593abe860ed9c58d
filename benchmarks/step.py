"""The training step: what each technique brings, what loss and augmentation take of it, other batches and classes."""

import importlib
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from benchmarks import loss, made_up, roofline
from benchmarks.harness import Case, Row, Setting, Timing, captured
from hcl import augment
from hcl.training import provenance
from hcl.training.data import Dataset, normalize
from hcl.training.engine import Engine, Techniques, resident, rows
from hcl.training.objective import views
from hcl.training.spec import RunSpec

SHOWN = (
    "case", "ms", "spread", "images_per_second", "rate_without_loss", "gain", "tflop_per_second", "gb_per_second",
    "of_roofline", "loss_ms", "loss_share", "augmentation_share", "setup_seconds", "memory_gb",
)  # fmt: skip
_NAMES = ("channels_last", "fused_adam", "compile", "graph")


def make_engine(spec: RunSpec, data: Dataset, device: torch.device, techniques: Techniques) -> Engine:
    """Return an engine with just these techniques.

    Raises:
        RuntimeError: if one of them does not work here.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine = Engine(spec, data, device=device, techniques=techniques)
    if engine.techniques != techniques:
        reasons = "; ".join(str(w.message) for w in caught if issubclass(w.category, RuntimeWarning))
        raise RuntimeError(f"{techniques} became {engine.techniques}: {reasons}")
    return engine


def time_epochs(engine: Engine, spec: RunSpec, *, at_most: float = 8.0, repeats: int = 9) -> Timing:
    """Return seconds a step, over whole epochs, after one to warm up."""
    engine.begin(spec)
    times: list[float] = []
    for epoch in range(1, repeats + 2):  # the first warms up
        started = time.perf_counter()
        engine.launch(epoch)
        engine.finish()
        times.append((time.perf_counter() - started) / engine.steps)
        if len(times) > 3 and sum(times) * engine.steps > at_most:
            break
    return Timing(tuple(times[1:]))


def measure(setting: Setting, spec: RunSpec, techniques: Techniques, steps: int, before: str | None = None) -> Row:
    """Return the row of a spec with techniques; ``before`` is the case it is compared with."""
    device = setting.device
    size = spec.batch_size or 300
    shape = 8 if setting.quick else 32
    data = made_up.dataset(spec.num_classes, max(steps * size, spec.num_classes), size=shape)
    importlib.import_module("torch._dynamo")  # which the first optimiser does: not what an engine takes to be made
    started = time.perf_counter()
    engine = make_engine(spec, data, device, techniques)
    setup = time.perf_counter() - started
    timing = time_epochs(engine, spec, repeats=3 if setting.quick else 9)
    memory = torch.cuda.max_memory_allocated(device) / 1e9 if setting.gpu else None
    del engine
    images = size / timing.median
    row: Row = {
        "encoder": made_up.encoder_label(spec), "classes": spec.num_classes, "batch": size,
        "technique": str(techniques), "precision": spec.precision, "compared_with": before,
        **timing.row(), "steps": steps, "images_per_second": images, "setup_seconds": setup, "memory_gb": memory,
        **roofline.rates(
            spec, images, compiled=techniques.compile, device_name=provenance.device_name(device), size=shape
        ),
    }  # fmt: skip
    if spec.positives == "augmentation":
        two = [cost(setting, spec, data, techniques) for cost in (time_augmentation, time_plain_views)]
        seconds = two[0] - two[1]
        row |= {"augmentation_ms": 1e3 * seconds, "augmentation_share": seconds / timing.median}
    else:
        alone = loss.time_of(setting, spec, compiled=techniques.compile, graph=techniques.graph).median
        # The plain path on a GPU draws as much as any batch could need: a gain is that of the rest of the step.
        rest = size / max(timing.median - alone, 1e-9)
        row |= {"loss_ms": 1e3 * alone, "loss_share": alone / timing.median, "rate_without_loss": rest}
    return row


def time_augmentation(setting: Setting, spec: RunSpec, data: Dataset, techniques: Techniques) -> float:
    """Return the seconds that two augmented views of a batch take."""
    generator = torch.Generator(setting.device).manual_seed(0)
    images = _batch(setting, spec, data, techniques)
    apply = torch.compile(augment.apply, dynamic=False, fullgraph=True) if techniques.compile else augment.apply
    step = partial(views, images, spec, generator=generator, apply=apply)
    return setting.timed(captured(step, generator)[0] if techniques.graph else step).median


def time_plain_views(setting: Setting, spec: RunSpec, data: Dataset, techniques: Techniques) -> float:
    """Return the seconds that the same number of images take as they are."""
    images = _batch(setting, spec, data, techniques)
    step = partial(lambda: normalize(images.repeat(2, 1, 1, 1)))
    return setting.timed(captured(step)[0] if techniques.graph else step).median


def _batch(setting: Setting, spec: RunSpec, data: Dataset, techniques: Techniques) -> torch.Tensor:
    on_device = resident(data, setting.device, techniques.channels_last)
    return rows(on_device.train, torch.arange(spec.batch_size or len(data.train), device=setting.device))


def cases(setting: Setting) -> Iterator[Case]:
    """Yield the techniques one after the other, then other batches, classes and positives with all of them."""
    return _on_gpu(setting) if setting.gpu else _on_cpu(setting)


def _ladder(setting: Setting, spec: RunSpec, names: tuple[str, ...], steps: int) -> Iterator[Case]:
    """Yield a row a technique, each with those before it; with bf16 in second place where the spec has it."""
    start = f"{made_up.encoder_label(spec)}, C={spec.num_classes}, B={spec.batch_size or 300}"
    rungs = [("plain fp32", replace(spec, precision="fp32"), Techniques())]
    if spec.precision == "bf16":
        rungs.append(("+ bf16", spec, Techniques()))
    for name in names:
        rungs.append((f"+ {name}", spec, replace(rungs[-1][2], **{name: True})))
    before = None
    for label, of, techniques in rungs:
        case = f"{start}, {label}"
        needed = 12 if not setting.gpu or setting.quick else 80 if techniques.compile else 40
        count = steps if techniques.compile or not setting.gpu else min(steps, 20)
        yield Case(case, partial(measure, setting, of, techniques, count, before), needed)
        before = case


def _on_gpu(setting: Setting) -> Iterator[Case]:
    shrink = made_up.quick if setting.quick else lambda spec: spec
    steps = 2 if setting.quick else 97
    best = Techniques(**dict.fromkeys(_NAMES, True))
    main = [shrink(made_up.gpu_spec(stem)) for stem in ("torchvision", "cifar")][: 1 if setting.quick else 2]
    for spec in main:
        yield from reversed(list(_ladder(setting, spec, _NAMES, steps)))  # a short budget has what matters

    def more(spec: RunSpec, techniques: Techniques, note: str = "") -> Case:
        case = f"{made_up.encoder_label(spec)}, C={spec.num_classes}, B={spec.batch_size}{note}"
        return Case(case, partial(measure, setting, spec, techniques, steps), 80)

    for spec in main:
        yield more(replace(spec, positives="augmentation"), best, ", augmentation")
    if setting.quick:
        return
    for spec in main:
        yield more(replace(spec, dataset="cifar10"), best)
        yield more(replace(spec, dataset="tinyimagenet"), best)
    for spec in main:
        for batch in (32, 64):
            yield more(replace(spec, batch_size=batch), best, ", + graph")
            yield more(replace(spec, batch_size=batch), replace(best, graph=False), ", + compile")


def _on_cpu(setting: Setting) -> Iterator[Case]:
    shrink = made_up.quick if setting.quick else lambda spec: spec
    steps = 2 if setting.quick else 10
    fast = Techniques(channels_last=True, fused_adam=True)
    laptop = shrink(made_up.laptop_spec())
    yield from _ladder(setting, laptop, _NAMES[:2] if setting.quick else _NAMES[:3], steps)
    yield from _ladder(setting, replace(laptop, stem="patch"), (*_NAMES[:2], "products"), steps)
    mlp = shrink(made_up.laptop_spec(encoder="mlp"))
    yield from _ladder(setting, mlp, _NAMES[1:2], steps)
    others = {
        "augmentation": replace(laptop, positives="augmentation"),
        **({} if setting.quick else {"per_pair": replace(laptop, negatives="per_pair")}),
        **({} if setting.quick else {f"B={batch}": replace(laptop, batch_size=batch) for batch in (32, 64)}),
    }
    for note, spec in others.items():
        batch = "" if note.startswith("B=") else f"B={spec.batch_size}, "
        case = f"{made_up.encoder_label(spec)}, C={spec.num_classes}, {batch}{note}"
        yield Case(case, partial(measure, setting, spec, fast, steps), 12)
