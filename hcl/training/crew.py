"""Several processes that work on one list of runs; the death of one fails the run it had in hand, and no other."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import torch

from hcl.errors import HclError
from hcl.training.jobs import Event, Job, Settings
from hcl.training.worker import work


class ProcessError(HclError, RuntimeError):
    """Training processes end before they have begun a run."""


@dataclass
class _Hand:
    """A process, the pipe on which it says what happens and is told to stop, and the epochs of what it has in hand."""

    process: SpawnProcess
    pipe: "Connection[str, Event]"
    runs: dict[str, int] = field(default_factory=dict)
    told: bool = False

    def heard(self, event: Event) -> None:
        """Remember a run that is claimed, and forget one that has ended."""
        if event.kind in ("claimed", "started", "epoch"):
            self.runs[event.run_id] = event.epoch
        else:
            self.runs.pop(event.run_id, None)

    def stop(self) -> None:
        """Tell it to stop, once."""
        if not self.told:
            with suppress(OSError):
                self.pipe.send("stop")
        self.told = True


def in_processes(jobs: Sequence[Job], settings: Settings, stop: threading.Event, note: Callable[[Event], None]) -> None:
    """Have a list worked on by processes of one thread each: together they train more than one with all threads.

    A process that dies with a run in hand is replaced.

    Args:
        jobs: the list.
        settings: how to make them; ``at_once`` processes.
        stop: set to have them stop.
        note: called with every event.

    Raises:
        ProcessError: if all of them die before they begin a run.
    """
    failed: set[str] = set()
    begun = False
    hands = [_hired(jobs, settings) for _ in range(min(settings.at_once or 1, len(jobs)))]
    fault = ""
    while hands:
        if stop.is_set():
            for hand in hands:
                hand.stop()
        for pipe in wait([hand.pipe for hand in hands], timeout=0.2):
            hand = next(hand for hand in hands if hand.pipe is pipe)
            try:
                event = hand.pipe.recv()
            except (EOFError, OSError):
                hands.remove(hand)
                hand.process.join()
                why = _why(hand.process.exitcode or 0)
                for name, epoch in hand.runs.items() if why else ():
                    failed.add(name)
                    note(Event("failed", name, epoch, why))
                if why and hand.runs and not stop.is_set():
                    hands.append(_hired([job for job in jobs if job.spec.run_id not in failed], settings))
                fault = why if why and not hand.runs else fault
                continue
            if event.kind == "failed":
                failed.add(event.run_id)
            begun = True
            hand.heard(event)
            note(event)
    if fault and not begun and not stop.is_set():
        raise ProcessError(fault)


def _hired(jobs: Sequence[Job], settings: Settings) -> _Hand:
    """Return a process that works on a list."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(jobs, replace(settings, wait=False), theirs), daemon=True)
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
    try:
        process.start()
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = threads
    theirs.close()  # so that the end of the process is the end of the pipe
    return _Hand(process, ours)


def _why(code: int) -> str:
    """Return what an exit status says of a process, in one line; empty where it ended as it should."""
    if code == 0:
        return ""
    if code > 0:
        return f"Its training process ended with exit status {code}; what it says is above."
    name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
    reason = ", as the system does where memory runs out: try fewer at once" if name == "SIGKILL" else ""
    return f"Its training process was ended by {name}{reason}. The same command goes on from its last state."


def _work(jobs: Sequence[Job], settings: Settings, pipe: "Connection[Event, str]") -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and says when to stop
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    torch.set_num_threads(1)

    def stopping() -> bool:
        return stopped.is_set() or pipe.poll()  # told to, or the parent is gone

    def report(event: Event) -> None:
        try:
            pipe.send(event)
        except OSError:
            stopped.set()

    work(jobs, settings, stopping, report)
