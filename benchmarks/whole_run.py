"""Two runs end to end, one after the other in this process, on made-up images: set-up, training, what lies between."""

import importlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks import made_up
from benchmarks.harness import Case, Row, Setting
from hcl.training import runs
from hcl.training.data import Dataset
from hcl.training.engine import Engine, Techniques
from hcl.training.spec import RunSpec
from hcl.training.train import Training

SHOWN = (
    "case", "epochs", "wall_seconds", "setup_seconds", "train_seconds", "evaluation_seconds", "evaluation_share",
    "overhead_seconds", "images_per_second",
)  # fmt: skip


def cases(setting: Setting) -> Iterator[Case]:
    """Yield a first run, which makes the engine, and a second, which takes it over."""
    if setting.gpu:
        specs = [made_up.gpu_spec("torchvision", 10)]
        counts = (50_000, 10_000)
    else:
        specs, counts = [made_up.laptop_spec(epochs=4)], (10_000, 2_000)
    if setting.quick:
        specs, counts = [replace(made_up.quick(spec), epochs=5 if setting.gpu else 2) for spec in specs], (320, 80)
    for spec in specs:
        data = made_up.dataset(spec.num_classes, *counts, size=8 if setting.quick else 32)
        engines: list[Engine] = []
        ended: list[float] = []
        label = f"{made_up.encoder_label(spec)}, {spec.epochs} epochs"
        for seed, name in enumerate(("first run", "second run")):
            measure = partial(_measure, setting, replace(spec, seed=seed), data, engines, ended)
            yield Case(f"{label}, {name}", measure, 180 if setting.gpu and not setting.quick else 30)


def _measure(setting: Setting, spec: RunSpec, data: Dataset, engines: list[Engine], ended: list[float]) -> Row:
    """Make a run as a campaign does; the overhead is what comes before its first epoch and after its last one.

    That is new weights, the evaluation of these (which the times of evaluations leave out), and the record.
    """
    importlib.import_module("torch._dynamo")
    started = time.perf_counter()
    techniques = Techniques.best(setting.device, spec=spec)
    fitting = [engine for engine in engines if engine.fits(spec, data, setting.device, None)]
    engine = fitting[0] if fitting else Engine(spec, data, device=setting.device, techniques=techniques)
    setup = time.perf_counter() - started
    training = Training(spec, data, engine=engine)
    begun = time.perf_counter()
    while not training.done:
        training.launch()
        training.settle()
    settled = time.perf_counter()
    result = training.result()
    with tempfile.TemporaryDirectory() as folder:
        runs.save(result, "benchmark", Path(folder))
    now = time.perf_counter()
    engines[:] = [engine]
    clock = result.provenance
    busy = clock["train_seconds"] + clock["evaluation_seconds"]
    ended.append(now)
    return {
        "encoder": made_up.encoder_label(spec), "epochs": spec.epochs, "evaluations": len(result.evaluated),
        "techniques": str(engine.techniques), "wall_seconds": now - started, "setup_seconds": setup,
        "train_seconds": clock["train_seconds"], "evaluation_seconds": clock["evaluation_seconds"],
        "evaluation_share": clock["evaluation_seconds"] / busy,
        "overhead_seconds": (begun - started - setup) + (now - settled),
        "images_per_second": clock["images_per_second"],
        "memory_gb": torch.cuda.max_memory_allocated(setting.device) / 1e9 if setting.gpu else None,
        "repeats": 1,
    }  # fmt: skip
