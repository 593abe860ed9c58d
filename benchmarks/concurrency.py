"""Several runs at once on one device: engines on streams of a GPU, processes on a CPU."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from benchmarks import made_up
from benchmarks.harness import Case, Row, Setting, Timing, clear
from benchmarks.step import make_engine
from hcl.training.engine import Engine, Techniques
from hcl.training.spec import RunSpec

SHOWN = ("case", "ms", "spread", "repeats", "images_per_second", "one_after_the_other", "gain", "memory_gb")


def cases(setting: Setting) -> Iterator[Case]:
    """Yield 1 to 4 engines at once on a GPU, one process with all cores and one a core on a CPU."""
    return _on_gpu(setting) if setting.gpu else _on_cpu(setting)


def _on_gpu(setting: Setting) -> Iterator[Case]:
    techniques = Techniques(channels_last=True, fused_adam=True, compile=True, graph=True)
    steps = 2 if setting.quick else 97
    for stem, most in (("torchvision", 2),) if setting.quick else (("torchvision", 4), ("cifar", 2)):
        spec = made_up.gpu_spec(stem)
        spec = made_up.quick(spec) if setting.quick else spec
        engines: list[Engine] = []

        def measure(count: int, spec: RunSpec = spec, engines: list[Engine] = engines) -> Row:
            data = made_up.dataset(spec.num_classes, steps * (spec.batch_size or 0))
            while len(engines) < count:
                engines.append(make_engine(spec, data, setting.device, techniques))
                engines[-1].begin(spec)
            images = count * (spec.batch_size or 0)
            apart = Timing(tuple(_epochs(engines[:count], epoch, at_once=False) / steps for epoch in range(1, 5))[1:])
            together = Timing(
                tuple(_epochs(engines[:count], epoch, at_once=True) / steps for epoch in range(5, 12))[1:]
            )
            memory = torch.cuda.max_memory_allocated(setting.device) / 1e9
            row = {"encoder": made_up.encoder_label(spec), "engines": count, **together.row(), "memory_gb": memory}
            rates = {"images_per_second": images / together.median, "one_after_the_other": images / apart.median}
            return row | rates | {"gain": apart.median / together.median}

        for count in range(1, most + 1):
            yield Case(f"{stem} stem, {count} engines", partial(measure, count), 80 if count == 1 else 45)
        engines.clear()
        clear(setting.device)


def _epochs(engines: list[Engine], epoch: int, *, at_once: bool) -> float:
    """Return the seconds of one epoch of each engine."""
    started = time.perf_counter()
    if at_once:
        for engine in engines:
            engine.launch(epoch)
        for engine in engines:
            engine.finish()
    else:
        for engine in engines:
            engine.launch(epoch)
            engine.finish()
    return time.perf_counter() - started


def _on_cpu(setting: Setting) -> Iterator[Case]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    spec = made_up.laptop_spec()
    spec = made_up.quick(spec) if setting.quick else spec

    def measure(processes: int, threads: int, before: str | None) -> Row:
        timings = _in_processes(spec, processes, threads, setting.quick)
        images = sum((spec.batch_size or 0) / timing.median for timing in timings)
        row = {"encoder": spec.encoder, "processes": processes, "threads_each": threads, **timings[0].row()}
        return row | {"images_per_second": images, "compared_with": before}

    splits = ((1, 1),) if setting.quick else ((1, cores), (cores, 1)) if cores > 1 else ((1, 1), (2, 1))
    before = None
    for processes, threads in splits:
        plural = "es" if processes > 1 else ""
        name = f"{spec.encoder}, {processes} process{plural} of {threads} thread{'s' if threads > 1 else ''}"
        yield Case(name, partial(measure, processes, threads, before), 45)
        before = name


def _in_processes(spec: RunSpec, processes: int, threads: int, quick: bool) -> list[Timing]:
    """Return seconds a step of each process, while all of them train."""
    context: Any = multiprocessing.get_context("fork" if quick else "spawn")  # a fork is spared the imports
    answers, barrier = context.Queue(), context.Barrier(processes)
    workers = [
        context.Process(target=_train, args=(spec, threads, quick, barrier, answers), daemon=True)
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    try:
        return [Timing(answers.get(timeout=120)) for _ in workers]
    finally:
        for worker in workers:
            worker.join(timeout=10)
            worker.kill()


def _train(spec: RunSpec, threads: int, quick: bool, barrier: Any, answers: Any) -> None:
    torch.set_num_threads(threads)
    steps, repeats = (2, 3) if quick else (10, 6)
    data = made_up.dataset(spec.num_classes, steps * (spec.batch_size or 0), size=8 if quick else 32)
    engine = Engine(spec, data, device=torch.device("cpu"))
    engine.begin(spec)
    _epochs([engine], 1, at_once=False)
    barrier.wait(timeout=60)
    answers.put(tuple(_epochs([engine], epoch, at_once=False) / steps for epoch in range(2, 2 + repeats)))
    barrier.wait(timeout=60)  # none ends, and leaves its core to another, while one still measures
