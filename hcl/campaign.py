"""Many runs, within a time budget: each trained once, stopped cleanly, gone on with later.

Any number of processes, on any number of machines that share a folder of records, may work on one list: a run is
claimed by a lock, which its process gives up when it ends, however it ends.
"""

import fcntl
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

import torch

from hcl import checkpoint, runs, train
from hcl.data import DataError
from hcl.engine import Engine, Techniques
from hcl.evaluate import DivergedError
from hcl.spec import RunSpec

_CLOSING = 3.0  # seconds kept of the budget for each run's checkpoint
_WORTH_A_PROCESS = 200_000  # training images below which a process of its own costs more than it saves


@dataclass(frozen=True)
class Job:
    """A run to make.

    Attributes:
        spec: what to run.
        group: sub-folder of the records, by convention the profile.
        keep_weights: keep its final weights, for runs that start from them.
    """

    spec: RunSpec
    group: str
    keep_weights: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to make runs.

    Attributes:
        runs_root: folder of the records; None is `hcl.runs.default_root`.
        data_root: folder of the data sets; None is `hcl.data.default_root`.
        device: None picks a GPU where there is one.
        at_once: runs at the same time: processes of one thread each on a CPU, streams on a GPU; None chooses.
        deadline: time.time() before which to have stopped; None is never.
        checkpoint_every: seconds between checkpoints of a run; one is made whenever a run is stopped.
        techniques: None is `hcl.engine.Techniques.best`.
    """

    runs_root: Path | None = None
    data_root: Path | None = None
    device: str | None = None
    at_once: int | None = None
    deadline: float | None = None
    checkpoint_every: float = 60.0
    techniques: Techniques | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, which had trained so many epochs.

    The message says why a run failed or began again, and of one whose record was there already, and which was made
    again for its weights, how the two agree.
    """

    kind: Literal["started", "epoch", "finished", "stopped", "failed"]
    run_id: str
    epoch: int = 0
    message: str = ""


@dataclass
class Outcome:
    """What came of a campaign, as names of runs; ``left`` are those neither finished nor failed."""

    finished: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    interrupted: bool = False


@dataclass
class _Lane:
    """A run in progress, and the lock that claims it."""

    job: Job
    training: train.Training
    claim: IO[str]
    saved: float


def missing(jobs: Sequence[Job], root: Path | None = None) -> list[Job]:
    """Return the jobs without a record, each run once, in their order.

    A run on the sphere that one on the ball is, to the bit, is made with that (`hcl.runs.on_the_ball`). A run that
    starts from another's weights has that one before it, recorded or not, unless its weights are at hand.
    """
    listed: dict[str, Job] = {}
    for job in jobs:
        if runs.made(job.spec, root) is not None:
            continue
        if job.spec.start is not None:
            start = Job(job.spec.start, job.group, keep_weights=True)
            if not _made(start, root):
                listed[start.spec.run_id] = start  # in its place if it is listed already
        listed.setdefault(job.spec.run_id, job)
    return list(listed.values())


def carry_out(jobs: Sequence[Job], settings: Settings, report: Callable[[Event], None]) -> Outcome:
    """Make the runs that have no record, in the order given; SIGTERM and Ctrl-C stop it cleanly.

    Args:
        jobs: what to run.
        settings: how.
        report: called with every event.

    Returns:
        What was finished, what failed and what is left.
    """
    todo = missing(jobs, settings.runs_root)
    outcome = Outcome()

    def note(event: Event) -> None:
        if event.kind == "finished":
            outcome.finished.append(event.run_id)
        if event.kind == "failed":
            outcome.failed[event.run_id] = event.message
        report(event)

    device = train.pick_device(settings.device)
    at_once = settings.at_once or _at_once(todo, device)
    settings = replace(settings, at_once=at_once, device=str(device))
    with _stop_signals() as stop:
        if device.type == "cpu" and min(at_once, len(todo)) > 1:
            _in_processes(todo, settings, stop, note)
        else:
            work(todo, settings, stop.is_set, note)
        outcome.interrupted = stop.is_set()
    outcome.left = [
        job.spec.run_id for job in todo if not _made(job, settings.runs_root) and job.spec.run_id not in outcome.failed
    ]
    return outcome


def work(
    jobs: Sequence[Job], settings: Settings, stopping: Callable[[], bool], report: Callable[[Event], None]
) -> None:
    """Make runs in this process, on a GPU ``settings.at_once`` of them at the same time.

    Runs that another process has claimed or finished are passed over.
    """
    _Worker(settings, stopping, report).make(jobs)


class _Worker:
    """Runs in progress in one process, each with an epoch enqueued while another is waited for and measured."""

    def __init__(self, settings: Settings, stopping: Callable[[], bool], report: Callable[[Event], None]) -> None:
        self._settings, self._stopping, self._report = settings, stopping, report
        self._device = train.pick_device(settings.device)
        self._active: list[_Lane] = []
        self._idle: list[Engine] = []
        self._faults: dict[str, str] = {}  # of data sets, which are not looked for again
        self._start_seconds = 0.0

    def make(self, jobs: Sequence[Job]) -> None:
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
        if start is None or checkpoint.weights_path(start, root).exists():
            return True
        if any(lane.job.spec == start for lane in self._active):
            return False
        claim = _claim(start, root)
        if claim is not None:
            claim.close()
        return claim is not None

    def _closing(self, seconds: float) -> bool:
        """Return whether to stop rather than begin what takes this long."""
        deadline = self._settings.deadline
        reserve = _CLOSING * (len(self._active) + 1)
        return self._stopping() or (deadline is not None and time.time() + seconds + reserve > deadline)

    def _start(self, job: Job) -> None:
        """Claim a run and launch its next epoch, unless it is another's, finished, or cannot be begun."""
        spec, root, started = job.spec, self._settings.runs_root, time.perf_counter()
        claim = _claim(spec, root)
        if claim is None:
            return
        if _made(job, root):
            Path(claim.name).unlink(missing_ok=True)
            claim.close()
            return
        try:
            training, begun_again = self._training(spec)
        except (DataError, DivergedError, ValueError, torch.OutOfMemoryError) as error:
            claim.close()
            self._report(Event("failed", spec.run_id, message=str(error)))
            return
        lane = _Lane(job, training, claim, time.perf_counter())
        self._active.append(lane)
        self._start_seconds = time.perf_counter() - started
        self._report(Event("started", spec.run_id, training.epoch, begun_again))
        self._go_on(lane)

    def _training(self, spec: RunSpec) -> tuple[train.Training, str]:
        """Return a run, gone on with where it can be, and why not where there is a state that it cannot go on from."""
        settings = self._settings
        state, why_not = checkpoint.load(checkpoint.path_of(spec, settings.runs_root))
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
        weights, _ = checkpoint.load(checkpoint.weights_path(spec.start, self._settings.runs_root), any_code=True)
        if weights is None:
            raise ValueError(f"It starts from the final weights of {spec.start.run_id}, which are not there.")
        return weights

    def _settle(self, lane: _Lane) -> None:
        training, spec = lane.training, lane.job.spec
        try:
            training.settle()
        except (DivergedError, torch.OutOfMemoryError) as error:
            return self._end(lane, "failed", str(error))
        self._report(Event("epoch", spec.run_id, training.epoch))
        return self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        """Launch the next epoch of a run, or save its record at the end, or its state where it must stop."""
        training, root = lane.training, self._settings.runs_root
        state = checkpoint.path_of(lane.job.spec, root)
        if training.done:
            if lane.job.keep_weights:
                checkpoint.save(checkpoint.weights_path(lane.job.spec, root), training.weights())
            made = training.result()
            recorded = runs.save(made, lane.job.group, root)
            state.unlink(missing_ok=True)
            Path(lane.claim.name).unlink(missing_ok=True)
            self._idle.append(training.engine)
            return self._end(lane, "finished", runs.compared(made, recorded))
        epoch_seconds = max(other.training.epoch_seconds for other in self._active)
        closing = self._closing(1.2 * epoch_seconds)
        due = time.perf_counter() - lane.saved >= self._settings.checkpoint_every
        if training.epoch > 0 and (closing or due):
            checkpoint.save(state, training.state())
            lane.saved = time.perf_counter()
        if closing:
            return self._end(lane, "stopped")
        return training.launch()

    def _end(self, lane: _Lane, kind: Literal["finished", "stopped", "failed"], message: str = "") -> None:
        self._active.remove(lane)
        lane.claim.close()
        self._report(Event(kind, lane.job.spec.run_id, lane.training.epoch, message=message))


def _made(job: Job, root: Path | None) -> bool:
    """Return whether a job has left all that it should."""
    kept = not job.keep_weights or checkpoint.weights_path(job.spec, root).exists()
    return kept and runs.made(job.spec, root) is not None


def _claim(spec: RunSpec, root: Path | None) -> IO[str] | None:
    """Return the open lock file of a run, which its closing gives up, or None where another process has it."""
    path = checkpoint.path_of(spec, root).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def _at_once(todo: Sequence[Job], device: torch.device) -> int:
    """Return how many runs to make at the same time: as many as a CPU has cores, where the runs are long enough."""
    images = sum(job.spec.epochs * job.spec.images_an_epoch for job in todo)
    if device.type != "cpu" or images < _WORTH_A_PROCESS:
        return 1
    return max(1, min(len(todo), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 8))


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Return an event that SIGTERM and Ctrl-C set, in the main thread; a second Ctrl-C does what it always does."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handler(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _in_processes(
    jobs: Sequence[Job], settings: Settings, stop: threading.Event, note: Callable[[Event], None]
) -> None:
    """Have the list worked on by processes of one thread each: together they train more than one with all threads."""
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    stopped = context.Event()
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
    try:
        workers = [
            context.Process(target=_worker, args=(jobs, settings, stopped, events), daemon=True)
            for _ in range(min(settings.at_once or 1, len(jobs)))
        ]
        for worker in workers:
            worker.start()
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = threads
    while True:
        if stop.is_set():
            stopped.set()
        alive = any(worker.is_alive() for worker in workers)
        try:
            note(events.get(timeout=0.2))
        except queue.Empty:
            if not alive:
                break
    for worker in workers:
        worker.join()
    if codes := [worker.exitcode for worker in workers if worker.exitcode]:
        raise RuntimeError(f"A training process ended with exit status {codes[0]}; what it says is above.")


def _worker(jobs: Sequence[Job], settings: Settings, stopped: Any, events: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and says when to stop
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()

    def stopping() -> bool:
        return stopped.is_set() or (parent is not None and not parent.is_alive())

    work(jobs, settings, stopping, events.put)
