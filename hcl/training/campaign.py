"""Many runs, within a time budget: each trained once, stopped cleanly, gone on with later.

Any number of processes, on any number of machines that share a folder of records, may work on one list: a run is
claimed by a lock, which its process gives up when it ends, however it ends.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from hcl.training import checkpoint, files, locks, places, train
from hcl.training.crew import in_processes
from hcl.training.jobs import Cluster, Event, Job, Outcome, Settings, is_made, missing
from hcl.training.worker import work

__all__ = ["Cluster", "Event", "Job", "Outcome", "Settings", "carry_out", "missing", "work"]

_PAUSE = 0.5  # seconds between looks at what other processes do
_WORTH_A_PROCESS = 200_000  # training images below which a process of its own costs more than it saves


def carry_out(jobs: Sequence[Job], settings: Settings, report: Callable[[Event], None]) -> Outcome:
    """Make the runs that have no record, in the order given; SIGTERM and Ctrl-C stop it cleanly.

    What goes wrong with a run fails that run alone, even the death of the process that makes it. Parts that writes of
    killed processes have left are removed first (`hcl.training.files.left_over`).

    Args:
        jobs: what to run.
        settings: how.
        report: called with every event.

    Returns:
        What was finished, what failed and what is left.
    """
    files.sweep(settings.runs_root or places.runs_root())
    todo = missing(jobs, settings.runs_root)
    outcome = Outcome()

    def note(event: Event) -> None:
        if event.kind == "claimed":
            return
        if event.kind == "finished":
            outcome.finished.append(event.run_id)
        if event.kind == "failed":
            outcome.failed[event.run_id] = event.message
        report(event)

    def left() -> list[Job]:
        return [job for job in todo if job.spec.run_id not in outcome.failed and not is_made(job, settings.runs_root)]

    device = _device(settings)
    at_once = settings.at_once or _at_once(todo, device)
    settings = replace(settings, at_once=at_once, device=str(device))
    with _stop_signals() as stop:
        these: Sequence[Job] = todo
        while these:
            if settings.cluster is not None:
                from hcl.training.cluster import on_ray  # with what it needs

                on_ray(these, settings, stop, note)
            elif device.type == "cpu" and min(at_once, len(these)) > 1:
                in_processes(these, settings, stop, note)
            else:
                work(these, settings, stop.is_set, note)
            these = left()
            if not (settings.wait and these and _given_up(these, settings, stop, note)):
                break
        outcome.interrupted = stop.is_set()
    outcome.left = [job.spec.run_id for job in left()]
    return outcome


def _given_up(these: Sequence[Job], settings: Settings, stop: threading.Event, note: Callable[[Event], None]) -> bool:
    """Wait until a run that another process has claimed is finished or given up; return False where time is up."""
    root = settings.runs_root
    for job in these:
        note(Event("waiting", job.spec.run_id))
    while not stop.wait(_PAUSE):
        if settings.deadline is not None and time.monotonic() + _PAUSE > settings.deadline:
            return False
        if any(is_made(job, root) or not locks.held(checkpoint.lock_path(job.spec, root)) for job in these):
            return True
    return False


def _device(settings: Settings) -> torch.device:
    """Return where runs are made; of a cluster that is what each run is given of its nodes, not what there is here."""
    if settings.cluster is None:
        return train.pick_device(settings.device)
    return torch.device(settings.device or ("cuda" if settings.cluster.gpus else "cpu"))


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
