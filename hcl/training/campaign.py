"""Many runs, within a time budget: each trained once, stopped cleanly, gone on with later.

Any number of processes, on any number of machines that share a folder of records, may work on one list: a run is
claimed by a lock, which its process gives up when it ends, however it ends.
"""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from hcl.training import train
from hcl.training.jobs import Event, Job, Outcome, Settings, is_made, missing
from hcl.training.worker import work

__all__ = ["Event", "Job", "Outcome", "Settings", "carry_out", "missing", "work"]

_WORTH_A_PROCESS = 200_000  # training images below which a process of its own costs more than it saves


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
        job.spec.run_id
        for job in todo
        if not is_made(job, settings.runs_root) and job.spec.run_id not in outcome.failed
    ]
    return outcome


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
