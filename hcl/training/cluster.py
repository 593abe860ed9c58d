"""Runs as tasks of a Ray cluster, or of this machine where there is none; it needs ``pip install 'hcl[cluster]'``.

Where all nodes see the folder of the records, a run is claimed there by its lock and keeps its state there, as in every
campaign: where a node dies, Ray starts its runs on another, which goes on from their states. Where they do not,
`hcl.training.cluster_store` brings states and records to the driver.
"""

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hcl.errors import HclError
from hcl.training import cluster_store, places
from hcl.training.jobs import Cluster, Event, Job, Settings, is_made
from hcl.training.worker import work

_RETRIES = 10  # of a run, on other nodes, as its own dies
_PATIENCE = 60.0  # seconds to wait for the lock of a process that has died, or works on
_PAUSE = 0.2  # seconds between looks at what has happened
_STARTS = 3  # attempts: a Ray of this machine is given up by its own processes where these take over 15 seconds
_ENDS = ("finished", "failed", "stopped")


class ClusterError(HclError, RuntimeError):
    """There is no Ray, no cluster at the address, or none that could make the runs."""


def on_ray(jobs: Sequence[Job], settings: Settings, stop: threading.Event, note: Callable[[Event], None]) -> None:
    """Have a list worked on by the nodes of a cluster, a task for each run.

    Args:
        jobs: the list; a run that starts from another's weights comes after that one.
        settings: how to make them; ``cluster`` says on what.
        stop: set to have every run keep its state and end.
        note: called with every event.

    Raises:
        ClusterError: if there is no Ray or no such cluster, or it is gone before the runs are made.
    """
    cluster = settings.cluster or Cluster()
    root = (settings.runs_root or places.runs_root()).resolve()
    data = (settings.data_root or places.data_root()).resolve()
    settings = replace(settings, runs_root=root, data_root=data)
    shared = cluster.store == "shared"
    with _connected(cluster) as ray, _token(root) if shared else nullcontext() as token:
        post = _beside(ray, _Post, None if settings.deadline is None else settings.deadline - time.monotonic())
        store = None if shared else _beside(ray, cluster_store.Store, root)
        there = replace(settings, at_once=1, deadline=None, wait=False, cluster=None)
        task = ray.remote(_make).options(num_cpus=cluster.cores, num_gpus=cluster.gpus, max_retries=_RETRIES)
        made: dict[str, Any] = {}
        for job in jobs:
            start = job.spec.start
            before = [made[start.run_id]] if start is not None and start.run_id in made else []
            made[job.spec.run_id] = task.remote(job, there, post, token, store, *before)
        try:
            _follow(ray, dict(zip(made.values(), jobs, strict=True)), settings, post, stop, note)
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"The cluster is gone ({_first(error)}): on another the same command goes on."
            ) from error


def _follow(
    ray: Any, left: dict[Any, Job], settings: Settings, post: Any, stop: threading.Event, note: Callable[[Event], None]
) -> None:
    """Note what happens to runs until all have ended, or are to stop and none is in progress on a node that lives."""
    where: dict[str, tuple[str, int]] = {}  # node and epoch of the runs in progress
    done: set[str] = set()  # of which it is known what became of them
    told = False
    while left:
        late = settings.deadline is not None and time.monotonic() > settings.deadline
        if not told and (stop.is_set() or late):
            ray.get(post.stop.remote())
            told = True
        ended, _ = ray.wait(list(left), num_returns=len(left), timeout=_PAUSE)
        for node, event in ray.get(post.taken.remote()):
            before = where.pop(event.run_id, None)
            if event.kind == "claimed" and before is not None:  # that node has died, and this is another
                note(Event("stopped", event.run_id, before[1]))
            if event.kind in _ENDS:
                done |= {event.run_id} if event.kind != "stopped" else set()
            else:
                where[event.run_id] = (node, event.epoch)
            note(event)
        for ref in ended:
            job, why = left.pop(ref), _fault(ray, ref)
            where.pop(job.spec.run_id, None)
            if job.spec.run_id in done:
                continue
            if why:
                note(Event("failed", job.spec.run_id, message=why))
            elif is_made(job, settings.runs_root):  # by a node that died before it said so
                note(Event("finished", job.spec.run_id, job.spec.epochs))
        if told:  # what has not begun may wait for a node for ever
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            if not any(node in alive for node, _ in where.values()):
                return


class _Post:
    """What the runs tell the driver, and what it tells them: that time is up, or that they are to stop."""

    def __init__(self, left: float | None) -> None:
        self._events: list[tuple[str, Event]] = []
        self._stopped = False
        self._end = None if left is None else time.monotonic() + left

    def put(self, node: str, event: Event) -> None:
        self._events.append((node, event))

    def taken(self) -> list[tuple[str, Event]]:
        taken, self._events = self._events, []
        return taken

    def stop(self) -> None:
        self._stopped = True

    def told(self) -> tuple[bool, float | None]:
        """Return whether to stop, and the seconds that are left."""
        return self._stopped, None if self._end is None else self._end - time.monotonic()


def _beside(ray: Any, what: type, *given: Any) -> Any:
    """Return an actor on the driver's own node: it ends when the driver does, and with no other node."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(what).options(num_cpus=0, scheduling_strategy=here).remote(*given)


def _make(job: Job, settings: Settings, post: Any, token: Path | None, store: Any, *before: Any) -> None:
    """Make a run on the node that this is, unless another process makes or has made it."""
    import ray

    if token is not None and not token.exists():
        raise ClusterError(
            f"{socket.gethostname()} does not see {settings.runs_root}: put the records on a file system that all "
            "nodes share (HCL_RUNS), or have them sent with --store driver."
        )
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # that of its cores
    node, heard = ray.get_runtime_context().get_node_id(), list[Event]()
    asked, stopped = [0.0], [False]

    with cluster_store.asking() as ask:

        def stopping() -> bool:
            if time.monotonic() > asked[0] + _PAUSE:
                stopped[0], asked[0] = ask(post.told)[0], time.monotonic()
            return stopped[0]

        def report(event: Event) -> None:
            heard.append(event)
            ask(post.put, node, event)

        stopped[0], left = ask(post.told)
        began = time.monotonic()
        settings = replace(settings, deadline=None if left is None else began + left)
        while not stopping() and (left is None or time.monotonic() < began + left):
            if store is None:
                work([job], settings, stopping, report)
                made = is_made(job, settings.runs_root)
            else:
                made = cluster_store.work_away(job, settings, store, ask, stopping, report)
            # Nothing heard: another process holds the run, perhaps one of a node that died, which gives it up soon.
            if heard or made or time.monotonic() > began + _PATIENCE:
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
        return f"{type(error).__name__}: {_first(error)} The same command goes on from its last state."
    return ""


def _first(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


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
    for left in reversed(range(_STARTS if alone else 1)):
        try:
            ray.init(
                address=cluster.address or "local", include_dashboard=False if alone else None, log_to_driver=False,
                logging_level="ERROR", namespace=f"hcl-{uuid.uuid4().hex[:8]}", **alone,
            )  # fmt: skip
            break
        except Exception as error:  # Ray has no class of its own for it
            if not left:
                where = cluster.address or "this machine"
                raise ClusterError(f"There is no Ray at {where}: {' '.join(str(error).split())}") from error
    if main:
        signal.signal(signal.SIGTERM, before)  # Ray's own would end the campaign where it stands
    try:
        have = ray.cluster_resources()
        asked = {"CPU": cluster.cores, "GPU": cluster.gpus}
        if alone and (lacking := [name for name, many in asked.items() if many > have.get(name, 0)]):
            name = lacking[0]
            raise ClusterError(f"A run asks for {asked[name]:g} {name}, and this machine has {have.get(name, 0):g}.")
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
