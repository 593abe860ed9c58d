"""A campaign on many machines, simulated: which run is where when, what failures cost, and where it stops scaling.

Runs are taken as Ray takes the tasks of `hcl.training.cluster`: in the order in which they become ready, the list's
order to begin with, by the first place that is free. No place is left idle while a run is ready, so Graham's bounds for
such schedules hold (SIAM J. Appl. Math. 17, 1969).
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hcl.companion.chains import Task, checked

_END, _FAILED, _BACK, _READY = range(4)  # what happens first of what happens at once


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What runs are made on.

    Attributes:
        gpus: in all (or other processors that take one run each).
        a_node: GPUs of a machine, which fail together; the last one may have fewer.
        at_once: runs that share a GPU.
        slowdown: how many times as long a run takes that shares its GPU, whether the others are busy or not.
    """

    gpus: int
    a_node: int = 8
    at_once: int = 1
    slowdown: float = 1.0

    def __post_init__(self) -> None:
        for name in ("gpus", "a_node", "at_once"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: expected at least 1.")
        if not 1 <= self.slowdown < math.inf:
            raise ValueError(f"slowdown={self.slowdown}: expected a finite number >= 1.")

    @property
    def places(self) -> int:
        """How many runs there can be at a time."""
        return self.gpus * self.at_once

    def node_of(self, place: int) -> int:
        """Return the machine that a place is on."""
        return place // (self.a_node * self.at_once)


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How machines fail: each by a Poisson process of its own while it is up. All times are in seconds.

    Attributes:
        between: mean time between failures of a machine.
        away: until it takes runs again.
        delay: after which a run that it had may begin again, on whatever place is free.
        every: between checkpoints, counted in a run's own work since it last began; what comes after the last is lost.
    """

    between: float = math.inf
    away: float = 0.0
    delay: float = 0.0
    every: float = 60.0

    def __post_init__(self) -> None:
        for name in ("away", "delay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)}: expected a finite number >= 0.")
        if not 0 < self.every <= self.between:
            raise ValueError(
                f"every={self.every}, between={self.between}: expected 0 < every <= between, or runs never end."
            )


@dataclass(frozen=True)
class Piece:
    """A run on a place, from when it began there until it ended or its machine failed.

    Attributes:
        name: of the run.
        place: from 0.
        start: seconds since the campaign began.
        end: likewise.
        lost: seconds of work, of those between, that have to be done again.
    """

    name: str
    place: int
    start: float
    end: float
    lost: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """What became of a campaign.

    Attributes:
        machines: it was made on.
        pieces: of work, as they ended.
        failures: of machines, idle ones included, until the last run ended.
        retries: runs that began again after one.
    """

    machines: Machines
    pieces: tuple[Piece, ...]
    failures: int
    retries: int

    @property
    def seconds(self) -> float:
        """Until the last run ended."""
        return max((piece.end for piece in self.pieces), default=0.0)

    @property
    def worked(self) -> float:
        """GPU seconds in which runs were made, lost work included; runs that share a GPU share its seconds."""
        return sum(piece.end - piece.start for piece in self.pieces) / self.machines.at_once

    @property
    def lost(self) -> float:
        """GPU seconds of work that had to be done again."""
        return sum(piece.lost for piece in self.pieces) / self.machines.at_once

    @property
    def held(self) -> float:
        """GPU seconds, where all GPUs are kept until the last run has ended."""
        return self.seconds * self.machines.gpus

    @property
    def busy(self) -> float:
        """Share of the GPU seconds held in which runs were made, 0 to 1."""
        return self.worked / self.held if self.held else 0.0


def simulate(tasks: Sequence[Task], machines: Machines, failures: Failures | None = None, *, seed: int = 0) -> Schedule:
    """Return the schedule of a campaign.

    Args:
        tasks: in the order of the campaign, a run that starts from another's weights after that one.
        machines: to make them on.
        failures: of the machines; None is none.
        seed: of the failures. Those of a machine do not depend on how many others there are.

    Raises:
        ValueError: for a list with a name twice, a run that takes no time, or one before that which it starts from.
    """
    return _Simulation(checked(tasks), machines, failures or Failures(), seed).run()


class _Simulation:
    """The state of a simulation: what is to happen, what is ready, what is free, what is being made."""

    def __init__(self, tasks: Sequence[Task], machines: Machines, failures: Failures, seed: int) -> None:
        self._machines, self._failures = machines, failures
        self._order = {task.name: at for at, task in enumerate(tasks)}
        self._left = {task.name: task.seconds * machines.slowdown for task in tasks}
        self._then: dict[str, list[str]] = {}  # what waits for a run
        for task in tasks:
            if task.after is not None:
                self._then.setdefault(task.after, []).append(task.name)
        self._ready = [(0.0, at, task.name) for at, task in enumerate(tasks) if task.after is None]
        self._free = list(range(machines.places))
        self._running: dict[int, tuple[str, float, int]] = {}  # by place: run, start, number of the attempt
        self._events: list[tuple[float, int, int, int, str]] = []  # time, what, place or machine, attempt, run
        self._pieces: list[Piece] = []
        self._attempts = self._failed = self._retries = 0
        self._draws = [np.random.default_rng([seed, node]) for node in range(machines.node_of(machines.places - 1) + 1)]
        for node in range(len(self._draws)):
            self._fail_later(node, 0.0)

    def run(self) -> Schedule:
        left = len(self._left)
        self._start(0.0)
        while left:
            now, what, at, attempt, name = heapq.heappop(self._events)
            if what == _END:
                left -= self._end(now, at, attempt)
            elif what == _FAILED:
                self._fail(now, at)
            elif what == _BACK:
                self._free = sorted([*self._free, *self._places(at)])
            else:
                heapq.heappush(self._ready, (now, self._order[name], name))
            self._start(now)
        return Schedule(self._machines, tuple(self._pieces), self._failed, self._retries)

    def _start(self, now: float) -> None:
        """Have free places take what is ready, first come, first served."""
        while self._ready and self._free:
            *_, name = heapq.heappop(self._ready)
            place = heapq.heappop(self._free)
            self._attempts += 1
            self._running[place] = name, now, self._attempts
            heapq.heappush(self._events, (now + self._left[name], _END, place, self._attempts, name))

    def _end(self, now: float, place: int, attempt: int) -> int:
        """Return 1 where a run has ended, 0 where a failure had taken it from there before."""
        if place not in self._running or self._running[place][2] != attempt:
            return 0
        name, start, _ = self._running.pop(place)
        self._pieces.append(Piece(name, place, start, now))
        heapq.heappush(self._free, place)
        for other in self._then.get(name, ()):
            heapq.heappush(self._ready, (now, self._order[other], other))
        return 1

    def _fail(self, now: float, node: int) -> None:
        self._failed += 1
        places = set(self._places(node))
        self._free = sorted(set(self._free) - places)
        for place in sorted(places & self._running.keys()):
            name, start, _ = self._running.pop(place)
            lost = (now - start) % self._failures.every
            self._left[name] -= now - start - lost
            self._retries += 1
            self._pieces.append(Piece(name, place, start, now, lost))
            heapq.heappush(self._events, (now + self._failures.delay, _READY, place, 0, name))
        back = now + self._failures.away
        heapq.heappush(self._events, (back, _BACK, node, 0, ""))
        self._fail_later(node, back)

    def _fail_later(self, node: int, up: float) -> None:
        """Let a machine that is up from then on fail once more."""
        if self._failures.between < math.inf:
            then = up + self._draws[node].exponential(self._failures.between)
            heapq.heappush(self._events, (then, _FAILED, node, 0, ""))

    def _places(self, node: int) -> range:
        each = self._machines.a_node * self._machines.at_once
        return range(node * each, min((node + 1) * each, self._machines.places))
