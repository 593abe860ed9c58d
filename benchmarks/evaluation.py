"""An evaluation of an encoder: plain, with batch normalisation folded, compiled; and its share of a run."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks import made_up
from benchmarks.harness import Case, Results, Row, Setting, synchronize
from hcl.training.engine import Engine, Techniques
from hcl.training.evaluate import evaluate, represent
from hcl.training.spec import RunSpec

SHOWN = ("case", "ms", "spread", "repeats", "forward_ms", "ms_per_512", "evaluations", "epochs", "share")
FORMS = ("plain", "folded", "folded, compiled")


def measure(setting: Setting, spec: RunSpec, form: str, num_train: int, num_test: int, step_case: str) -> Row:
    """Return the time of an evaluation, of its forward passes, and its share of a run at the spec's schedule."""
    device, size = setting.device, 8 if setting.quick else 32
    data = made_up.dataset(spec.num_classes, num_train, num_test, size=size)
    techniques = Techniques(channels_last=True, fused_adam=True, fold=form != "plain")
    engine = Engine(spec, data, device=device, techniques=techniques)
    engine.begin(spec)
    encoder = engine.frozen()
    if "compiled" in form:
        encoder = torch.compile(encoder, dynamic=False)  # type: ignore[assignment]
    generator = torch.Generator(device)

    def evaluation() -> None:
        evaluate(encoder, engine.data, spec, generator=generator.manual_seed(0))
        synchronize(device)

    with engine.work():
        timing = setting.timed(evaluation, at_most=6)
        forward = setting.timed(lambda: represent(encoder, engine.data.train, spec), at_most=3).median
    evaluations = sum(spec.evaluated(epoch) for epoch in range(spec.epochs + 1))
    row: Row = {
        "encoder": made_up.encoder_label(spec), "form": form, "images": num_train + num_test, **timing.row(),
        "forward_ms": 1e3 * forward, "ms_per_512": 1e3 * forward * 512 / num_train,
        "evaluations": evaluations, "epochs": spec.epochs,
    }  # fmt: skip
    step = Results("step", setting).row(step_case)
    if step is not None:
        trained = spec.epochs * (num_train // int(step["batch"])) * float(step["ms"])
        row["share"] = 1 - trained / (trained + evaluations * row["ms"])
    return row


def cases(setting: Setting) -> Iterator[Case]:
    """Yield the forms for the encoders of the profiles; shares need the rows of the suite ``step``."""
    if setting.gpu:
        specs = [made_up.gpu_spec("torchvision"), made_up.gpu_spec("cifar")]
        counts, last = (50_000, 10_000), "+ graph"
    else:
        specs, counts, last = [made_up.laptop_spec()], (10_000, 2_000), "+ fused_adam"
    if setting.quick:
        specs, counts = [made_up.quick(spec) for spec in specs[:1]], (320, 80)
    for spec in specs:
        label = made_up.encoder_label(spec)
        step_case = f"{label}, C={spec.num_classes}, B={spec.batch_size}, {last}"
        for form in FORMS[:2] if setting.quick and not setting.gpu else FORMS:
            needed = 60 if "compiled" in form else 30
            yield Case(f"{label}, {form}", partial(measure, setting, spec, form, *counts, step_case), needed)
