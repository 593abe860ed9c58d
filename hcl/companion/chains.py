"""Lists of runs with the time that each takes, some of which start from the weights of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A run to make.

    Attributes:
        name: of the run, each once in a list.
        seconds: it takes on a GPU of its own, > 0.
        after: name of the run whose weights it starts from, before it in the list; None for most.
    """

    name: str
    seconds: float
    after: str | None = None


def longest_chain(tasks: Sequence[Task]) -> tuple[float, tuple[str, ...]]:
    """Return the critical path, which no number of GPUs shortens: its seconds, and its runs from first to last.

    Args:
        tasks: at least one; see `checked`.
    """
    chains: dict[str, tuple[float, tuple[str, ...]]] = {}
    for task in checked(tasks):
        before, names = chains[task.after] if task.after is not None else (0.0, ())
        chains[task.name] = before + task.seconds, (*names, task.name)
    return max(chains.values(), key=lambda chain: chain[0])


def useful_gpus(tasks: Sequence[Task]) -> float:
    """Return the number of GPUs from which on the critical path, not the work, sets the time: work over that path."""
    return sum(task.seconds for task in tasks) / longest_chain(tasks)[0]


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Return the list with what leads to the longest chains first, ties in their order."""
    behind = {task.name: task.seconds for task in checked(tasks)}
    own = dict(behind)
    for task in reversed(tasks):
        if task.after is not None:
            behind[task.after] = max(behind[task.after], own[task.after] + behind[task.name])
    return sorted(tasks, key=lambda task: -behind[task.name])


def checked(tasks: Sequence[Task]) -> Sequence[Task]:
    """Return the list.

    Raises:
        ValueError: for an empty one, or one with a name twice, a run that takes no time, or one that does not come
            after that which it starts from.
    """
    if not tasks:
        raise ValueError("No runs: expected at least one.")
    seen: set[str] = set()
    for task in tasks:
        if not 0 < task.seconds < math.inf:
            raise ValueError(f"{task.name}: takes {task.seconds} seconds, expected a finite number > 0.")
        if task.name in seen:
            raise ValueError(f"{task.name} is in the list twice: expected each run once.")
        if task.after is not None and task.after not in seen:
            raise ValueError(f"{task.name} starts from {task.after}, which is not before it in the list.")
        seen.add(task.name)
    return tasks
