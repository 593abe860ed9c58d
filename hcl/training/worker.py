"""A process that makes runs: each claimed by a lock, gone on with from its checkpoint, saved at its end.

Whatever goes wrong with a run fails that run alone.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import BaseFileLock

from hcl.errors import HclError
from hcl.training import checkpoint, files, locks, runs, train
from hcl.training.data import DataError
from hcl.training.engine import Engine
from hcl.training.evaluate import DivergedError
from hcl.training.jobs import Event, Job, Settings, is_made
from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques

_CLOSING = 3.0  # seconds kept of the budget for each run's checkpoint, more where the last one took longer


@dataclass
class _Lane:
    """A run in progress, and the lock that claims it."""

    job: Job
    training: train.Training
    claim: BaseFileLock
    saved: float


def work(
    jobs: Sequence[Job],
    settings: Settings,
    stopping: Callable[[], bool],
    report: Callable[[Event], None],
    saved: Callable[[Path], None] = lambda state: None,
) -> None:
    """Make runs in this process, on a GPU ``settings.at_once`` of them at the same time.

    Runs that another process has claimed or finished are passed over.

    Args:
        jobs: the runs, in order.
        settings: how to make them.
        stopping: says whether to stop.
        report: called with every event.
        saved: called with the file of every state that is kept; the time it takes is part of that of keeping one.
    """
    _Worker(settings, stopping, report, saved).make(jobs)


class _Worker:
    """Runs in progress in one process, each with an epoch enqueued while another is waited for and measured."""

    def __init__(
        self,
        settings: Settings,
        stopping: Callable[[], bool],
        report: Callable[[Event], None],
        saved: Callable[[Path], None],
    ) -> None:
        self._settings, self._stopping, self._report, self._saved = settings, stopping, report, saved
        self._device = train.pick_device(settings.device)
        self._active: list[_Lane] = []
        self._idle: list[Engine] = []
        self._faults: dict[str, str] = {}  # of data sets, which are not looked for again
        self._start_seconds = self._save_seconds = 0.0

    def make(self, jobs: Sequence[Job]) -> None:
        try:
            self._make(jobs)
        finally:  # as on a second Ctrl-C in a notebook, whose process goes on
            for lane in self._active:
                locks.give_up(lane.claim)

    def _make(self, jobs: Sequence[Job]) -> None:
        lanes = self._settings.at_once or 1 if self._device.type == "cuda" else 1
        waiting = list(jobs)
        while True:
            ready = (job for job in list(waiting) if self._ready(job))
            while len(self._active) < lanes and not self._closing(self._start_seconds):
                job = next(ready, None)
                if job is None:
                    break
                waiting.remove(job)
                self._start(job)
            for lane in list(self._active):
                self._settle(lane)
            if not self._active:
                if not waiting or self._closing(self._start_seconds):
                    return
                if not any(self._ready(job) for job in waiting):
                    time.sleep(0.5)  # what is left starts from the weights of a run that another process has claimed

    def _ready(self, job: Job) -> bool:
        """Return whether the weights that a run starts from are there, or will never be, which its start finds out."""
        start, root = job.spec.start, self._settings.runs_root
        if start is None or checkpoint.sound(checkpoint.weights_path(start, root)):
            return True
        if any(lane.job.spec == start for lane in self._active):
            return False
        try:
            return not locks.held(checkpoint.lock_path(start, root))
        except OSError:
            return True

    def _closing(self, seconds: float) -> bool:
        """Return whether to stop rather than begin what takes this long."""
        deadline = self._settings.deadline
        reserve = max(_CLOSING, 1.5 * self._save_seconds) * (len(self._active) + 1)
        return self._stopping() or (deadline is not None and time.monotonic() + seconds + reserve > deadline)

    def _start(self, job: Job) -> None:
        """Claim a run and launch its next epoch, unless it is another's, finished, or cannot be begun."""
        spec, root, started = job.spec, self._settings.runs_root, time.perf_counter()
        try:
            claim = locks.claim(checkpoint.lock_path(spec, root))
        except OSError as error:
            self._report(Event("failed", spec.run_id, message=self._why(spec, error)))
            return
        if claim is None:
            return
        if is_made(job, root):
            locks.remove(claim)
            return
        self._report(Event("claimed", spec.run_id))
        try:
            training, begun_again = self._training(job)
        except Exception as error:
            locks.give_up(claim)
            self._report(Event("failed", spec.run_id, message=self._why(spec, error)))
            return
        lane = _Lane(job, training, claim, time.perf_counter())
        self._active.append(lane)
        self._start_seconds = time.perf_counter() - started
        self._report(Event("started", spec.run_id, training.epoch, begun_again))
        self._go_on(lane)

    def _training(self, job: Job) -> tuple[train.Training, str]:
        """Return a run, gone on with where it can be, and why not where there is a state that it cannot go on from."""
        settings, spec = self._settings, job.spec
        state, why_not = checkpoint.load(checkpoint.path_of(spec, settings.runs_root), run_id=spec.run_id)
        if job.keep_weights and checkpoint.weights_path(spec, settings.runs_root).exists():
            why_not = why_not or "the weights kept of it are damaged"  # else it would be made
        began = Techniques.named(state["techniques"]) if state else None
        elsewhere = began is not None and began.graph and self._device.type != "cuda"
        techniques = settings.techniques or (None if elsewhere else began)
        if spec.dataset in self._faults:
            raise DataError(self._faults[spec.dataset])
        try:
            data = train.load_data(spec, settings.data_root)
        except DataError as error:
            self._faults[spec.dataset] = str(error)
            raise
        fitting = [engine for engine in self._idle if engine.fits(spec, data, self._device, techniques)]
        if fitting:
            self._idle.remove(fitting[0])
        else:
            self._idle.clear()  # the memory they hold may be needed
        training = train.Training(
            spec,
            data,
            engine=fitting[0] if fitting else None,
            device=self._device,
            techniques=techniques,
            state=state,
            weights=self._weights(spec),
        )
        return training, why_not or training.begun_again

    def _weights(self, spec: RunSpec) -> dict[str, Any] | None:
        if spec.start is None:
            return None
        path, name = checkpoint.weights_path(spec.start, self._settings.runs_root), spec.start.run_id
        weights, why_not = checkpoint.load(path, any_code=True, run_id=name)
        if weights is None:
            reason = f" ({why_not})" if why_not else ""
            raise ValueError(f"It starts from the final weights of {name}, which are not there{reason}.")
        return weights

    def _settle(self, lane: _Lane) -> None:
        training, spec = lane.training, lane.job.spec
        try:
            training.settle()
        except Exception as error:
            return self._end(lane, "failed", self._why(spec, error))
        self._report(Event("epoch", spec.run_id, training.epoch))
        return self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        """Launch the next epoch of a run, or end it."""
        try:
            ended = self._next(lane)
        except Exception as error:
            ended = ("failed", self._why(lane.job.spec, error))
        if ended is not None:
            self._end(lane, *ended)

    def _next(self, lane: _Lane) -> tuple[Literal["finished", "stopped", "failed"], str] | None:
        """Launch the next epoch of a run, or save its record at the end, or its state where it must stop.

        Returns:
            None, or how it ended and what there is to say.
        """
        training, root = lane.training, self._settings.runs_root
        if training.done:
            if lane.job.keep_weights:
                checkpoint.save(checkpoint.weights_path(lane.job.spec, root), training.weights())
            made = training.result()
            recorded = runs.save(made, lane.job.group, root)
            checkpoint.path_of(lane.job.spec, root).unlink(missing_ok=True)
            checkpoint.log_path(lane.job.spec, root).unlink(missing_ok=True)
            self._idle.append(training.engine)
            return "finished", runs.compared(made, recorded)
        epoch_seconds = max(other.training.epoch_seconds for other in self._active)
        closing = self._closing(1.2 * epoch_seconds)
        due = time.perf_counter() - lane.saved >= self._settings.checkpoint_every
        if training.epoch > 0 and (closing or due):
            self._save(lane)
        if closing:
            return "stopped", ""
        training.launch()
        return None

    def _save(self, lane: _Lane) -> None:
        """Keep the state of a run; one with weights that are not finite never takes the place of one before.

        Raises:
            DivergedError: for such a state. The loss says so only after the next step, and by then it would be kept.
        """
        started, training = time.perf_counter(), lane.training
        state = training.state()
        moments = [value for values in state["engine"]["optimizer"] for value in values.values()]
        if not all(value.isfinite().all() for value in (*state["engine"]["model"].values(), *moments)):
            raise DivergedError(
                f"{lane.job.spec.run_id}: after the last step of epoch {training.epoch} weights are not finite. Try a "
                "lower lr or fp32."
            )
        path = checkpoint.path_of(lane.job.spec, self._settings.runs_root)
        checkpoint.save(path, state)
        self._saved(path)
        lane.saved = time.perf_counter()
        self._save_seconds = lane.saved - started

    def _end(self, lane: _Lane, kind: Literal["finished", "stopped", "failed"], message: str = "") -> None:
        self._active.remove(lane)
        (locks.remove if kind == "finished" else locks.give_up)(lane.claim)
        self._report(Event(kind, lane.job.spec.run_id, lane.training.epoch, message=message))

    def _why(self, spec: RunSpec, error: Exception) -> str:
        """Return why a run failed, in one line; a traceback that may be needed is kept in a file, which it names."""
        state = checkpoint.path_of(spec, self._settings.runs_root)
        if isinstance(error, DivergedError) and state.exists():
            return f"{error} Its state of before that is kept in {state}."
        if isinstance(error, HclError | ValueError):
            return str(error)
        first = next(iter(str(error).strip().splitlines()), "")
        log = checkpoint.log_path(spec, self._settings.runs_root)
        try:
            with files.replacing(log, mode=0o644) as part:
                part.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        except OSError:  # as where the disk is full
            return f"{type(error).__name__}: {first}"
        return f"{type(error).__name__}: {first.rstrip('.')}. Its traceback is in {log}."
