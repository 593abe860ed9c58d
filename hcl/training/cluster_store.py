"""Runs on nodes that do not see the folder of the records: each works in one of its own, and the driver keeps the rest.

A node is given what there is of a run, and sends each state as it is saved and the record at the end. Its death costs
what was trained since its last state, as on a shared folder, and the node that the run comes to next is given that one.
"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from filelock import BaseFileLock

from hcl.training import archive, checkpoint, files, locks, places
from hcl.training.jobs import Event, Job, Settings, is_made
from hcl.training.spec import RunSpec
from hcl.training.worker import work

Ask = Callable[..., Any]  # of a method of an actor and what it is given
_PATHS = {"state": checkpoint.path_of, "weights": checkpoint.weights_path, "log": checkpoint.log_path}


class Store:
    """The folder of the records, for nodes that do not see it: an actor on the driver's machine.

    It holds the locks of their runs. They end with it, and it does with the driver.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._claims: dict[str, BaseFileLock] = {}

    def claim(self, job: Job) -> dict[str, bytes] | None:
        """Claim a run and return what there is of it: its state, and the weights that it starts from, by their files.

        One whose node has died is claimed already, and the next takes it over.

        Returns:
            None where another process has claimed it, or it is made.
        """
        spec, root = job.spec, self._root
        if spec.run_id not in self._claims:
            if (claim := locks.claim(checkpoint.lock_path(spec, root))) is None:
                return None
            self._claims[spec.run_id] = claim
        if is_made(job, root):
            self.give_up(spec, made=True)
            return None
        paths = [checkpoint.path_of(spec, root)]
        if spec.start is not None:
            paths.append(checkpoint.weights_path(spec.start, root))
        return {path.name: path.read_bytes() for path in paths if path.exists()}

    def made(self, job: Job) -> bool:
        """Return whether a run has left all that it should."""
        return is_made(job, self._root)

    def keep(self, spec: RunSpec, what: Literal["state", "weights", "log"], content: bytes) -> None:
        """Put a file of a run in its place in one move.

        Raises:
            ValueError: if a state is not whole; the one before stays.
        """
        with files.replacing(_PATHS[what](spec, self._root), mode=0o644 if what == "log" else None) as part:
            part.write_bytes(content)
            if what != "log" and not checkpoint.sound(part):
                raise ValueError(f"What arrived as the {what} of {spec.run_id} is not whole.")

    def finish(self, job: Job, record: bytes) -> str:
        """Merge the archive of a record in, and return in words how it agrees with one that was there before.

        Raises:
            hcl.training.runs.RecordError: if it is not whole.
        """
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "record.tar.gz"
            path.write_bytes(record)
            came = archive.import_archive(path, self._root)
        for path_of in (checkpoint.path_of, checkpoint.log_path):
            path_of(job.spec, self._root).unlink(missing_ok=True)
        self.give_up(job.spec, made=True)
        if came.kept:
            return "differs from its record, which is kept"
        return "the same as its record, which is kept" if came.known else ""

    def give_up(self, spec: RunSpec, *, made: bool = False) -> None:
        """Let a run go, to whoever claims it next."""
        if (claim := self._claims.pop(spec.run_id, None)) is not None:
            (locks.remove if made else locks.give_up)(claim)


@contextmanager
def asking() -> Iterator[Ask]:
    """Give a function that calls a method of an actor, and waits for what it returns.

    It does so in a thread: where the main one of a task waits, Ray takes its cores for free and starts another on them.
    """
    import ray

    def answer(method: Any, given: tuple[Any, ...]) -> Any:
        try:
            return ray.get(method.remote(*given))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # as where the driver's disk is full: without the traceback that Ray adds

    with ThreadPoolExecutor(1) as thread:
        yield lambda method, *given: thread.submit(answer, method, given).result()


def work_away(
    job: Job, settings: Settings, store: Any, ask: Ask, stopping: Callable[[], bool], report: Callable[[Event], None]
) -> bool:
    """Make a run on a node in a folder of its own, as `hcl.training.worker.work` does, unless it is another process's.

    Args:
        job: the run.
        settings: how to make it; ``runs_root`` is the driver's folder, ``data_root`` too, unless it is not there.
        store: the actor of a `Store`.
        ask: of `asking`.
        stopping: says whether to stop.
        report: called with every event; of a run that is finished when its record is with the driver.

    Returns:
        Whether it is made.
    """
    if (kept := ask(store.claim, job)) is None:
        return bool(ask(store.made, job))
    spec = job.spec
    try:
        with tempfile.TemporaryDirectory(prefix="hcl-", ignore_cleanup_errors=True) as folder:
            here = Path(folder).resolve()
            for name, content in kept.items():
                path = checkpoint.path_of(spec, here).with_name(name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)

            def send(what: str) -> None:
                if (path := _PATHS[what](spec, here)).exists():
                    ask(store.keep, spec, what, path.read_bytes())

            def told(event: Event) -> None:
                message = event.message.replace(str(here), str(settings.runs_root))
                if event.kind == "failed":
                    with suppress(OSError):
                        send("log")
                if event.kind == "finished":
                    send("weights")
                    packed = archive.pack([here / job.group / spec.run_id], here / ".record.tar.gz")
                    message = ask(store.finish, job, packed.read_bytes())
                report(replace(event, message=message))

            there = settings.data_root is not None and settings.data_root.exists()
            own = replace(settings, runs_root=here, data_root=settings.data_root if there else places.data_root())
            work([job], own, stopping, told, lambda state: send("state"))
    finally:
        ask(store.give_up, spec)
    return bool(ask(store.made, job))
