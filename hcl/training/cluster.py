"""Runs as tasks of a Ray cluster, or of this machine where there is none; it needs ``pip install 'hcl[cluster]'``.

The folder of the records lies on a file system that all nodes share. A run is claimed there by its lock and keeps its
state there, as in every campaign: where a node dies, Ray starts its runs on another, which goes on from their states.
"""

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hcl.errors import HclError
from hcl.training import places
from hcl.training.jobs import Cluster, Event, Job, Settings, is_made
from hcl.training.worker import work

_RETRIES = 10  # of a run, on other nodes, as its own dies
_PATIENCE = 60.0  # seconds to wait for the lock of a process that has died, or works on
_PAUSE = 0.2  # seconds between looks at what has happened


class ClusterError(HclError, RuntimeError):
    """There is no Ray, no cluster at the address, or a node of it does not see the folder of the records."""


def on_ray(jobs: Sequence[Job], settings: Settings, stop: threading.Event, note: Callable[[Event], None]) -> None:
    """Have a list worked on by the nodes of a cluster, a task for each run.

    Args:
        jobs: the list; a run that starts from another's weights comes after that one.
        settings: how to make them; ``cluster`` says on what.
        stop: set to have every run keep its state and end.
        note: called with every event.

    Raises:
        ClusterError: if there is no Ray or no such cluster.
    """
    cluster = settings.cluster or Cluster()
    root = (settings.runs_root or places.runs_root()).resolve()
    data = (settings.data_root or places.data_root()).resolve()
    with _connected(cluster) as ray, _token(root) as token:
        post = _post(ray, settings.deadline)
        there = replace(
            settings, runs_root=root, data_root=data, at_once=1, deadline=None, wait=False, cluster=None
        )  # fmt: skip
        task = ray.remote(_make).options(num_cpus=cluster.cores, num_gpus=cluster.gpus, max_retries=_RETRIES)
        made: dict[str, Any] = {}
        for job in jobs:
            start = job.spec.start
            before = [made[start.run_id]] if start is not None and start.run_id in made else []
            made[job.spec.run_id] = task.remote(job, there, post, token, *before)
        left = dict(zip(made.values(), jobs, strict=True))
        done: set[str] = set()  # of which it is known what became of them
        told = False
        while left:
            if stop.is_set() and not told:
                ray.get(post.stop.remote())
                told = True
            ended, _ = ray.wait(list(left), num_returns=len(left), timeout=_PAUSE)
            for event in ray.get(post.taken.remote()):
                done |= {event.run_id} if event.kind in ("finished", "failed") else set()
                note(event)
            for ref in ended:
                job, why = left.pop(ref), _fault(ray, ref)
                if job.spec.run_id in done:
                    continue
                if why:
                    note(Event("failed", job.spec.run_id, message=why))
                elif is_made(job, root):  # by a node that died before it said so
                    note(Event("finished", job.spec.run_id, job.spec.epochs))


class _Post:
    """What the runs tell the driver, and what it tells them: that time is up, or that they are to stop."""

    def __init__(self, left: float | None) -> None:
        self._events: list[Event] = []
        self._stopped = False
        self._end = None if left is None else time.monotonic() + left

    def put(self, event: Event) -> None:
        self._events.append(event)

    def taken(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken

    def stop(self) -> None:
        self._stopped = True

    def told(self) -> tuple[bool, float | None]:
        """Return whether to stop, and the seconds that are left."""
        return self._stopped, None if self._end is None else self._end - time.monotonic()


def _post(ray: Any, deadline: float | None) -> Any:
    """Return a `_Post`, on the driver's own node: it ends when the driver does, and with no other node."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    left = None if deadline is None else deadline - time.monotonic()
    return ray.remote(_Post).options(num_cpus=0, scheduling_strategy=here).remote(left)


def _make(job: Job, settings: Settings, post: Any, token: Path, *before: Any) -> None:
    """Make a run on the node that this is, unless another process makes or has made it."""
    import ray

    if not token.exists():
        raise ClusterError(
            f"{socket.gethostname()} does not see {settings.runs_root}: put the records on a file system that all "
            "nodes share (HCL_RUNS)."
        )
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # that of its cores
    heard: list[Event] = []
    asked, stopped = [0.0], [False]

    def stopping() -> bool:
        if time.monotonic() > asked[0] + _PAUSE:
            stopped[0], asked[0] = ray.get(post.told.remote())[0], time.monotonic()
        return stopped[0]

    def report(event: Event) -> None:
        heard.append(event)
        ray.get(post.put.remote(event))

    stopped[0], left = ray.get(post.told.remote())
    began = time.monotonic()
    settings = replace(settings, deadline=None if left is None else began + left)
    while not stopping() and (left is None or time.monotonic() < began + left):
        work([job], settings, stopping, report)
        # Nothing heard: another process holds the run, perhaps one of a node that died, which gives it up any moment.
        if heard or is_made(job, settings.runs_root) or time.monotonic() > began + _PATIENCE:
            return
        time.sleep(_PAUSE)


def _fault(ray: Any, ref: Any) -> str:
    """Return why a task failed, in one line; empty where it did not."""
    try:
        ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        return str(cause) if isinstance(cause, HclError) else f"{type(cause).__name__}: {' '.join(str(cause).split())}"
    except ray.exceptions.RayError as error:
        first = next(iter(str(error).strip().splitlines()), "")
        return f"{type(error).__name__}: {first} The same command goes on from its last state."
    return ""


@contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    """Give Ray, connected to a cluster, or to one of this machine alone that ends with the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
    try:
        import ray
    except ImportError as error:
        raise ClusterError("The engine 'ray' needs Ray: pip install 'hcl[cluster]'.") from error
    alone: dict[str, Any] = {} if cluster.address else {"num_cpus": _cores(), "_node_ip_address": "127.0.0.1"}
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=cluster.address, include_dashboard=False if alone else None, log_to_driver=False,
            logging_level="ERROR", namespace=f"hcl-{uuid.uuid4().hex[:8]}", **alone,
        )  # fmt: skip
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = cluster.address or "this machine"
        raise ClusterError(f"There is no Ray at {where}: {' '.join(str(error).split())}") from error
    if main:
        signal.signal(signal.SIGTERM, before)  # Ray's own would end the campaign where it stands
    try:
        yield ray
    finally:
        ray.shutdown()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _token(root: Path) -> Iterator[Path]:
    """Give a file in the folder of the records by which a node knows that it sees that folder."""
    path = root / ".checkpoints" / f".driver-{uuid.uuid4().hex}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
