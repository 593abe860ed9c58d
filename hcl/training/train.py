"""Training: Algorithm 1 with Adam, from a spec to a run record."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from hcl.errors import HclError
from hcl.training import places, runs
from hcl.training.data import Dataset
from hcl.training.devices import device_named
from hcl.training.engine import Engine, Techniques
from hcl.training.evaluate import AT_THE_END, DivergedError, Evaluation, evaluate, represent
from hcl.training.inputs import check_data
from hcl.training.inputs import load_data as load_data
from hcl.training.provenance import peak_memory, provenance
from hcl.training.randomness import generator_for
from hcl.training.runs import Run
from hcl.training.spec import RunSpec


class MissingRunError(HclError, RuntimeError):
    """A run has no record where training is not allowed, as in a build of the book."""


def pick_device(name: str | None = None) -> torch.device:
    """Return the named device, or the GPU where there is one, else the CPU; see `hcl.training.devices.device_named`."""
    return device_named(name)


_FRAMES = 40  # pictures of the points of a run in two dimensions


def frames(epochs: int) -> list[int]:
    """Return the epochs after which the points of a run in two dimensions are kept, close together at the start."""
    return sorted({round(epochs * (i / _FRAMES) ** 2) for i in range(_FRAMES + 1)})


class Training:
    """A run in progress: what has been trained and measured, an epoch at a time.

    `launch` and `settle` are apart so that, on a GPU, several runs have work enqueued while one is measured.

    Args:
        spec: what to run.
        data: its images, from `load_data`.
        engine: that fits; None makes one.
        device: to make one on.
        techniques: to make one with; None is `hcl.training.engine.Techniques.best`.
        state: of `state`, to go on from; None starts from the beginning, and so does one of other data or of an engine
            with other techniques, which never change within a run.
        weights: of `weights`, to start from where the spec says ``init="near_nc"``: weights and statistics of the run
            ``spec.start``, with a new optimiser (D26).

    Raises:
        ValueError: if the data are not those of the spec, or weights are missing or not asked for.

    Attributes:
        epoch: number of epochs trained.
        epoch_seconds: duration of the last epoch, its evaluation included.
        begun_again: why the run did not go on from the state that was given; empty where it did, or none was.
    """

    def __init__(
        self,
        spec: RunSpec,
        data: Dataset,
        *,
        engine: Engine | None = None,
        device: torch.device | None = None,
        techniques: Techniques | None = None,
        state: dict[str, Any] | None = None,
        weights: dict[str, Any] | None = None,
    ) -> None:
        if (spec.start is None) != (weights is None):
            given = "no weights" if weights is None else "weights"
            raise ValueError(f"{spec.run_id} has init={spec.init!r}, but {given} to start from were given.")
        self._started = self._launched = time.perf_counter()
        self.spec, self._data = spec, data
        self.engine = engine or Engine(spec, data, device=device or pick_device(), techniques=techniques)
        self._record = provenance(self.engine.device)
        self.engine.begin(spec, None if weights is None else weights["model"])
        self.epoch, self.epoch_seconds = 0, 0.0
        self._clock = {"wall_seconds": 0.0, "train_seconds": 0.0, "evaluation_seconds": 0.0}
        self._resumed: list[int] = []
        self.begun_again = self._unfit(state)
        if state is None or self.begun_again:
            self._history: list[dict[str, float]] = []
            self._kept: dict[str, list[Tensor]] = {name: [] for name in ("spectra", "similarities", "points")}
            self._last: Evaluation | None = None
            self._note({"epoch": 0})
        else:
            self.engine.restore(state["engine"])
            self.epoch, self._clock, self._history = state["epoch"], state["clock"], state["history"]
            self._kept, self._resumed = state["kept"], [*state["resumed"], state["epoch"]]
            self._last = None
        self._clock["wall_seconds"] += time.perf_counter() - self._started

    @property
    def done(self) -> bool:
        """Whether every epoch has been trained."""
        return self.epoch == self.spec.epochs

    def launch(self) -> None:
        """Enqueue the next epoch."""
        self._launched = time.perf_counter()
        self.engine.launch(self.epoch + 1)

    def settle(self) -> None:
        """Wait for the epoch that was launched, and evaluate it where the spec says so.

        Raises:
            DivergedError: if its loss or a representation is not finite.
        """
        loss = self.engine.finish()
        self.epoch += 1
        trained = time.perf_counter()
        if not torch.tensor(loss).isfinite():
            raise DivergedError(
                f"{self.spec.run_id}: the loss of epoch {self.epoch} is {loss} from step {self.engine.finite() + 1} of "
                f"{self.engine.steps} on. Try a lower lr or fp32."
            )
        self._note({"epoch": self.epoch, "train_loss": loss, "train_inside": self.engine.inside()})
        ended = time.perf_counter()
        self.epoch_seconds = ended - self._launched
        for name, seconds in (
            ("wall_seconds", self.epoch_seconds),
            ("train_seconds", trained - self._launched),
            ("evaluation_seconds", ended - trained),
        ):
            self._clock[name] += seconds

    def state(self) -> dict[str, Any]:
        """Return what it takes to go on with the run later; between a `settle` and the next `launch`."""
        return {
            "run_id": self.spec.run_id, "engine": self.engine.state(), "epoch": self.epoch, "kept": self._kept,
            "history": self._history, "clock": dict(self._clock), "resumed": self._resumed,
            "data": self._data.fingerprint, "techniques": str(self.engine.techniques),
        }  # fmt: skip

    def weights(self) -> dict[str, Any]:
        """Return the encoder's weights and statistics, for runs that start from them."""
        return {"model": self.engine.state()["model"], "run_id": self.spec.run_id}

    def result(self) -> Run:
        """Return the run, with what it has measured so far."""
        last = self._last or self._measure()
        arrays = {
            "means": last.means.float().cpu().numpy(),
            "spectra": torch.stack(self._kept["spectra"]).float().numpy(),
            "similarities": torch.stack(self._kept["similarities"]).to(torch.int32).numpy(),
        }
        if points := self._kept["points"]:
            arrays |= {
                "initial": points[0].numpy(),
                "final": last.z.float().cpu().numpy(),
                "labels": self._data.train_labels.numpy().astype("int16"),
                "points": torch.stack(points).half().numpy(),
                "point_epochs": np.array(frames(self.spec.epochs)[: len(points)], dtype="int32"),
            }
        images = self.epoch * self.engine.steps * (self.spec.batch_size or len(self._data.train))
        record = self._record | {
            "data_fingerprint": self._data.fingerprint,
            "data_source": self._data.source,
            "techniques": str(self.engine.techniques),
            "resumed_after_epochs": self._resumed,
            "shared_draw_batches": self.engine.shared_draws,
            **{name: round(seconds, 2) for name, seconds in self._clock.items()},
            "images_per_second": round(images / max(self._clock["train_seconds"], 1e-9), 1),
            "peak_memory_mib": peak_memory(self.engine.device),
        }
        metrics = [name for name in self._history[0] if name != "epoch"]
        columns = ["epoch", "train_loss", "train_inside", *metrics, *AT_THE_END]
        return Run(self.spec, pd.DataFrame(self._history, columns=columns), arrays, record)

    def _unfit(self, state: dict[str, Any] | None) -> str:
        """Return why the run cannot go on from a state, in words."""
        if state is None:
            return ""
        if state["data"] != self._data.fingerprint:
            return "its data has changed"
        if state["techniques"] != (used := str(self.engine.techniques)):
            return f"it was trained with {state['techniques']}, and here with {used}"
        return ""

    def _note(self, row: dict[str, float]) -> None:
        """Add the row of the epoch to the history, with what is measured after it."""
        if self.spec.evaluated(self.epoch):
            self._last = self._measure()
            row |= self._last.metrics
            self._kept["spectra"].append(self._last.spectrum)
            self._kept["similarities"].append(self._last.similarities)
        if self.spec.representation_dim == 2 and self.epoch in frames(self.spec.epochs):
            with self.engine.work():
                points = represent(self.engine.frozen(), self.engine.data.train, self.spec)
            self._kept["points"].append(points.float().cpu())
        self._history.append(row)

    def _measure(self) -> Evaluation:
        with self.engine.work():
            generator = generator_for(self.spec.seed, self.epoch, "evaluation", self.engine.device)
            return evaluate(
                self.engine.frozen(),
                self.engine.data,
                self.spec,
                generator=generator,
                last=self.done,
                hardness=self.spec.hardness_in(self.epoch),
            )


def train(
    spec: RunSpec,
    *,
    data: Dataset,
    device: str | None = None,
    techniques: Techniques | None = None,
    weights: dict[str, Any] | None = None,
    progress: bool = True,
) -> Run:
    """Train an encoder and measure it along the way.

    Args:
        spec: what to run.
        data: its images, from `load_data`.
        device: None picks a GPU where there is one.
        techniques: None is `hcl.training.engine.Techniques.best`.
        weights: of `Training.weights`, to start from where the spec says so.
        progress: show a bar, on terminals only.

    Returns:
        The run, not saved.

    Raises:
        DivergedError: if the loss of an epoch is not finite.
        ValueError: if the data are not those of the spec, or a batch is larger than the training split.
    """
    training = Training(spec, data, device=pick_device(device), techniques=techniques, weights=weights)
    for _ in tqdm(range(spec.epochs), desc=spec.run_id, unit="epoch", disable=None if progress else True):
        training.launch()
        training.settle()
    return training.result()


def obtain(
    spec: RunSpec,
    *,
    group: str = "custom",
    runs_root: Path | None = None,
    data: Dataset | None = None,
    data_root: Path | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Return the run of a spec: its record where there is one, else train it and save the record.

    Args:
        spec: what to run.
        group: sub-folder of the records to save to.
        runs_root: folder of the records; None is `hcl.training.places.runs_root`.
        data: result of `load_data`, when it is at hand; not looked at if the record exists.
        data_root: folder of the data sets; None is `hcl.training.places.data_root`.
        device: None picks a GPU where there is one.
        progress: show a bar, on terminals only.

    Raises:
        MissingRunError: if there is no record and the environment variable HCL_TRAIN is 0.
        ValueError: if the data are not those of the spec.
    """
    if (path := runs.find(spec, runs_root)) is not None:
        return runs.load(path)
    check_allowed(spec, runs_root)
    if data is not None:
        check_data(spec, data)
    run = train(spec, data=data or load_data(spec, data_root), device=device, progress=progress)
    return runs.save(run, group, runs_root)


def check_allowed(spec: RunSpec, runs_root: Path | None = None) -> None:
    """Refuse to train a run where that is forbidden.

    Raises:
        MissingRunError: if the environment variable HCL_TRAIN is 0.
    """
    if os.environ.get("HCL_TRAIN") == "0":
        raise MissingRunError(
            f"No record of {spec.run_id} under {runs_root or places.runs_root()}, and HCL_TRAIN=0 forbids training "
            "it here. Train it with 'hcl run', or show a profile that has been run."
        )
