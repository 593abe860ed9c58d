"""Checks that the fast path computes what the plain one does, and repeats what it should; `exactness` runs them."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks import made_up
from benchmarks.harness import Row, Setting
from benchmarks.step import make_engine, time_epochs
from hcl.training import checkpoint
from hcl.training.data import Dataset
from hcl.training.engine import Engine, Techniques
from hcl.training.evaluate import Evaluation, evaluate
from hcl.training.spec import RunSpec
from hcl.training.train import Training

_STEPS = 4
_BETA_1 = 0.9  # of Adam, whose first moment gives a step's gradient


class Checks:
    """The checks for one device; each returns a row with what was measured, its tolerance and whether it holds."""

    def __init__(self, setting: Setting) -> None:
        self.device, self.gpu = setting.device, setting.gpu
        spec = made_up.gpu_spec("torchvision", 10) if setting.gpu else made_up.laptop_spec(stem="patch")
        self.spec = made_up.quick(spec) if setting.quick else spec
        self.size = 8 if setting.quick and not setting.gpu else 32
        self.fast = Techniques.best(setting.device, spec=self.spec)

    def data(self, steps: int = 1) -> Dataset:
        """Return images for an epoch of so many steps; with one, an epoch's mean loss is a step's."""
        return made_up.dataset(self.spec.num_classes, steps * (self.spec.batch_size or 0), 50, size=self.size)

    def engine(self, spec: RunSpec, techniques: Techniques, steps: int = 1) -> Engine:
        """Return an engine at the start of a run."""
        engine = make_engine(spec, self.data(steps), self.device, techniques)
        engine.begin(spec)
        return engine

    def loss_and_gradient(self, precision: str, techniques: Techniques) -> tuple[Row, Row]:
        """Compare single steps from equal states: the loss, and the gradient relative to its norm.

        The states are those of the plain fp32 path. Rounding moves gradients further than losses, by the ReLUs that it
        turns over: a relative 1e-6 by some 1e-3 a layer. In bf16 it moves them so far that the fast path is only asked
        not to be further from fp32 than the plain bf16 path is, but for a factor.
        """
        with _without_tf32():
            return self._loss_and_gradient(precision, techniques)

    def _loss_and_gradient(self, precision: str, techniques: Techniques) -> tuple[Row, Row]:
        exact = replace(self.spec, k=None, precision="fp32")  # no draws: every difference is rounding
        reference = self.engine(exact, Techniques())
        others = {"fast": self.engine(replace(exact, precision=precision), techniques)}
        if precision != "fp32":
            others["plain"] = self.engine(replace(exact, precision=precision), Techniques())
        far: dict[str, list[tuple[float, float]]] = {name: [] for name in others}
        for epoch in range(1, _STEPS + 1):
            before = reference.state()
            expected, gradient = _step(reference, before, epoch)
            for name, engine in others.items():
                engine.restore(before)
                value, found = _step(engine, before, epoch)
                distance = float((found - gradient).norm() / gradient.norm())
                far[name].append((abs(value - expected) / abs(expected), distance))
        of_loss, of_gradient = ({name: max(pair[i] for pair in far[name]) for name in far} for i in (0, 1))
        if precision == "fp32":
            return (
                row(of_loss["fast"], 1e-5, "relative difference, worst of 4 steps"),
                row(of_gradient["fast"], 3e-2, "relative difference, worst of 4 steps"),
            )
        ratio = of_gradient["fast"] / of_gradient["plain"]
        return (
            row(of_loss["fast"], 2e-2, "relative difference from fp32, worst of 4 steps"),
            row(ratio, 1.5, f"distance from fp32 over plain bf16's ({of_gradient['plain']:.2g})"),
        )

    def epoch_and_metrics(self, precision: str, techniques: Techniques) -> tuple[Row, Row]:
        """Compare the mean loss of an epoch that each path trains by itself, and an evaluation of equal weights."""
        with _without_tf32():
            return self._epoch_and_metrics(replace(self.spec, k=None, precision=precision), techniques)

    def _epoch_and_metrics(self, spec: RunSpec, techniques: Techniques) -> tuple[Row, Row]:
        engines = [self.engine(spec, use, steps=10) for use in (Techniques(), techniques)]
        for engine in engines:
            engine.launch(1)
        means = [engine.finish() for engine in engines]
        engines[1].restore(engines[0].state())
        a, b = (_evaluated(engine, spec) for engine in engines)
        of_loss, of_means = (1e-2, 1e-4) if spec.precision == "fp32" else (5e-2, 1e-1)
        apart = float((a.means - b.means).norm() / a.means.norm())
        names = ("zero_sum", "unit_norm", "equal_inner_product", "within_class", "loss", "plain_loss")
        worst = max(names, key=lambda name: abs(a.metrics[name] - b.metrics[name]))
        return (
            row(abs(means[0] - means[1]) / means[0], of_loss, "relative difference of the mean loss of 10 steps"),
            row(apart, of_means, "relative difference of class means; of metrics, "
                 f"{worst} differs most, by {abs(a.metrics[worst] - b.metrics[worst]):.1e}"),
        )  # fmt: skip

    def capture(self) -> Row:
        """Compare the captured with the compiled step, same uniforms, with kernels that repeat their bits."""
        strict = Techniques(True, True, compile=True, deterministic=True)
        weights, sequences = [], []
        for techniques in (strict, replace(strict, graph=True)):
            engine = self.engine(self.spec, techniques)
            sequences.append(losses(engine, self.spec, 5))
            weights.append(engine.state()["model"])
        apart = max(abs(a - b) for a, b in zip(*sequences, strict=True))
        return row(max(apart, _largest_difference(*weights)), 0.0, "largest difference of losses and weights, 5 steps")

    def resume(self) -> tuple[Row, Row]:
        """Stop a run after two of four epochs, go on from its file, and compare the weights bit by bit."""
        strict = Techniques.best(self.device, spec=self.spec, deterministic=True)
        spec, data = replace(self.spec, epochs=4, eval_every=4), self.data(2)
        whole, half = (Training(spec, data, device=self.device, techniques=strict) for _ in range(2))
        _train(whole, 4)
        _train(half, 2)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.pt"
            started = time.perf_counter()
            checkpoint.save(path, half.state())
            written, size = time.perf_counter() - started, path.stat().st_size
            state, _ = checkpoint.load(path)
            going_on = Training(spec, data, device=self.device, techniques=strict, state=state)
        resumed = going_on.epoch == 2
        _train(going_on, 2)
        value = _largest_difference(whole.engine.state()["model"], going_on.engine.state()["model"])
        value = max(value, float((whole.result().history - going_on.result().history).abs().max().max()))
        return (
            row(value if resumed else float("inf"), 0.0, "largest difference of weights and history"),
            {"value": written, "unit": "s", "of": f"seconds to write a checkpoint of {size / 2**20:.1f} MiB",
             "mib": size / 2**20, "repeats": 1},
        )  # fmt: skip

    def price_of_determinism(self) -> Row:
        """Return how many times slower a step is that repeats its bits."""
        spec = self.spec
        best = Techniques.best(self.device)
        times = [
            time_epochs(make_engine(spec, self.data(20), self.device, use), spec, at_most=4).median
            for use in (replace(best, deterministic=True), best)
        ]
        return {"value": times[0] / times[1], "of": "time of a step with kernels that repeat their bits, over without",
                "repeats": 9}  # fmt: skip

    def no_waiting(self) -> tuple[Row, Row]:
        """See that nothing waits for the GPU while an epoch is launched, and how early launching is done."""
        engine = self.engine(self.spec, self.fast, steps=40)
        engine.launch(1)
        engine.finish()
        torch.cuda.set_sync_debug_mode("error")
        try:
            started = time.perf_counter()
            engine.launch(2)
            launched = time.perf_counter() - started
        finally:
            torch.cuda.set_sync_debug_mode("default")
        engine.finish()
        share = launched / (time.perf_counter() - started)
        return row(0.0, 0.0, "operations that wait"), row(share, 0.9, "of an epoch's time until it is launched")


def row(value: float, tolerance: float, of: str) -> Row:
    return {"value": value, "tolerance": tolerance, "passed": bool(value <= tolerance), "of": of, "repeats": 1}


@contextmanager
def _without_tf32() -> Iterator[None]:
    """Have fp32 mean fp32: the engine's choice of cuDNN's kernels allows TF32, as PyTorch does."""
    flags = torch.backends.cudnn.flags
    with mock.patch.object(torch.backends.cudnn, "flags", partial(flags, allow_tf32=False)):
        yield


def _step(engine: Engine, before: dict[str, Any], epoch: int) -> tuple[float, Tensor]:
    """Return the loss and gradient of a step."""
    engine.launch(epoch)
    value = engine.finish()
    moments = [
        (after["exp_avg"] - _BETA_1 * earlier["exp_avg"]).flatten() / (1 - _BETA_1)
        for earlier, after in zip(before["optimizer"], engine.state()["optimizer"], strict=True)
    ]
    return value, torch.cat(moments)


def losses(engine: Engine, spec: RunSpec, epochs: int) -> list[float]:
    engine.begin(spec)
    values = []
    for epoch in range(1, epochs + 1):
        engine.launch(epoch)
        values.append(engine.finish())
    return values


def _evaluated(engine: Engine, spec: RunSpec) -> Evaluation:
    generator = torch.Generator(engine.device).manual_seed(0)
    with engine.work():
        return evaluate(engine.frozen(), engine.data, spec, generator=generator)


def _largest_difference(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    return max(float((a[name].double() - b[name].double()).abs().max()) for name in a)


def _train(training: Training, epochs: int) -> None:
    for _ in range(epochs):
        training.launch()
        training.settle()
