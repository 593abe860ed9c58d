"""What a step takes, in a process of its own: processor time, and peak memory, of which it may be given so much."""

import contextlib
import ctypes
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness import Row, Timing

GIVEN = 8 * 2**30  # bytes that a step may take
_LONG, _VERY_LONG = 2.0, 8.0  # seconds of all repeats of a step, and of one that is not repeated
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of glibc's mallopt
Make = Callable[[], Callable[[], Any]]


def measured(make: Make, warm: Make, *, given: int = GIVEN, repeats: int = 20) -> Row:
    """Return the time and the peak memory of a step on a CPU, on one thread.

    The time is the processor's, which other work on the machine changes little. The memory is what the step adds, at
    its peak, to what its process held when its inputs were made; for it the allocator is told to give back at once what
    is freed, else its own habits would be what is measured. The time is of other repeats. It needs Linux.

    Args:
        make: makes the inputs of the step and returns it.
        warm: makes a small one, which is done once before: what is loaded with it is not of the step.
        given: bytes; a step that asks for more is ended and has the column ``refused``.
        repeats: at most.

    Raises:
        RuntimeError: if the step fails for another reason.
    """
    if not sys.platform.startswith("linux"):
        raise RuntimeError("peak memory is measured on Linux only")
    gc.collect()
    made = in_a_process(partial(_said, make, warm, given, repeats))
    return Timing(tuple(made.pop("times"))).row() | made if "times" in made else made


def in_a_process(work: Callable[[], Row]) -> Row:
    """Return what work returns, done in a fork of this process, which keeps nothing of it: no cache, no memory.

    Raises:
        RuntimeError: if it fails, with what is wrong.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as file:
                json.dump(_tried(work), file)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    row: Row = json.loads(said) if code == 0 else {"error": f"its process ended with exit status {code}"}
    if "error" in row:
        raise RuntimeError(row["error"])
    return row


def _tried(work: Callable[[], Row]) -> Row:
    torch.set_num_threads(1)  # a fork has none of the threads that there were
    try:
        return work()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def _said(make: Make, warm: Make, given: int, repeats: int) -> Row:
    """Return the times and the peak, or that the memory was refused."""
    import resource

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out all the same, it is this process
    try:
        warm()()
        step = make()
        gc.collect()
        libc = ctypes.CDLL(None)
        libc.malloc_trim(0)
        libc.mallopt(_MMAP_THRESHOLD, 2**16)
        Path("/proc/self/clear_refs").write_text("5")  # the peak is that from here on
        before = _memory("VmRSS")
        limit = _memory("VmData") + given
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
        first = _seconds(step)
        peak = _memory("VmHWM") - before
        libc.mallopt(_MMAP_THRESHOLD, 2**25)  # where its own habits end up
        libc.mallopt(_TRIM_THRESHOLD, 2**26)
        again = int(min(max(_LONG / first, 1), repeats)) if first < _VERY_LONG else 0
        times = [_seconds(step) for _ in range(again)]
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return {"refused": f"more than {given / 2**30:.3g} GiB", "repeats": 1}
        raise
    return {"times": times or [first], "memory_mb": peak / 2**20}


def _seconds(step: Callable[[], Any]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def _memory(name: str) -> int:
    """Return a number of bytes that Linux says of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
