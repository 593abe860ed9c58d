"""What a campaign is made of: runs to make, how to make them, what happens to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hcl.training import checkpoint, runs
from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques


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
class Cluster:
    """On what a campaign is made that is not made by processes of its own.

    Attributes:
        address: of a Ray cluster, as ``"10.0.0.1:6379"`` or ``"auto"``; None is this machine alone.
        cores: of a processor, for each run.
        gpus: for each run; .25 has four runs share one.
        store: "shared" is for nodes that all see the folder of the records; "driver" has each work in a folder of its
            own, and send states and records to the driver (`hcl.training.cluster_store`).
    """

    address: str | None = None
    cores: float = 1
    gpus: float = 0
    store: Literal["shared", "driver"] = "shared"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to make runs.

    Attributes:
        runs_root: folder of the records; None is `hcl.training.places.runs_root`.
        data_root: folder of the data sets; None is `hcl.training.places.data_root`.
        device: None picks a GPU where there is one.
        at_once: runs at the same time: processes of one thread each on a CPU, streams on a GPU; None chooses.
        deadline: time.monotonic() before which to have stopped, whatever becomes of the clock; None is never.
        checkpoint_every: seconds between checkpoints of a run; one is made whenever a run is stopped.
        techniques: None is `hcl.training.engine.Techniques.best`.
        cluster: make them as tasks of a Ray cluster (`hcl.training.cluster`); None makes them here.
        wait: wait for runs that another process has claimed, and take over those that it does not finish.
    """

    runs_root: Path | None = None
    data_root: Path | None = None
    device: str | None = None
    at_once: int | None = None
    deadline: float | None = None
    checkpoint_every: float = 60.0
    techniques: Techniques | None = None
    wait: bool = False
    cluster: Cluster | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, which had trained so many epochs.

    The message says why a run failed or began again, and of one whose record was there already, and which was made
    again for its weights, how the two agree. A run that is waited for is in the hands of another process.
    """

    kind: Literal["claimed", "started", "epoch", "finished", "stopped", "failed", "waiting"]
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


def missing(jobs: Sequence[Job], root: Path | None = None) -> list[Job]:
    """Return the jobs without a record, each run once, in their order.

    A run on the sphere that one on the ball is, to the bit, is made with that (`hcl.training.runs.on_the_ball`). A run
    that starts from another's weights has that one before it, recorded or not, unless its weights are at hand.
    """
    listed: dict[str, Job] = {}
    for job in jobs:
        if runs.made(job.spec, root) is not None:
            continue
        if job.spec.start is not None:
            start = Job(job.spec.start, job.group, keep_weights=True)
            if not is_made(start, root):
                listed[start.spec.run_id] = start  # in its place if it is listed already
        listed.setdefault(job.spec.run_id, job)
    return list(listed.values())


def is_made(job: Job, root: Path | None) -> bool:
    """Return whether a job has left all that it should."""
    kept = not job.keep_weights or checkpoint.sound(checkpoint.weights_path(job.spec, root))
    return kept and runs.made(job.spec, root) is not None
