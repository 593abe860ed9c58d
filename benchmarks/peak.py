"""Processor time and peak memory of a step, each in a process of its own, which may not take more than it is given."""

import contextlib
import ctypes
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness import Row, Timing

GIVEN = 8 * 2**30  # bytes that a step may take
_LONG = 2.0  # seconds of a step that is not repeated, and of all repeats of a shorter one
Make = Callable[[], Callable[[], Any]]


def measured(make: Make, warm: Make, *, given: int = GIVEN, repeats: int = 20) -> Row:
    """Return the time and the peak memory of a step on a CPU, on one thread.

    The time is the processor's, which other work on the machine changes little. The memory is what the step adds, at
    its peak, to what its process held when its inputs were made. It needs Linux.

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
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as file:
                json.dump(_said(make, warm, given, repeats), file)
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
    return Timing(tuple(row.pop("times"))).row() | row if "times" in row else row


def _said(make: Make, warm: Make, given: int, repeats: int) -> Row:
    """Return the row, or what went wrong."""
    import resource

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out all the same, it is this process
    torch.set_num_threads(1)
    try:
        warm()()
        step = make()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the peak is that from here on
        before = _memory("VmRSS")
        limit = _memory("VmData") + given
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
        first = _seconds(step)
        peak = _memory("VmHWM") - before
        again = int(min(_LONG / first, repeats)) if first < _LONG else 0
        times = [_seconds(step) for _ in range(again)]
    except (RuntimeError, MemoryError) as error:
        text = " ".join(str(error).split())
        if isinstance(error, MemoryError) or "allocate memory" in text:
            return {"refused": f"more than {given / 2**30:.3g} GiB", "repeats": 1}
        return {"error": f"{type(error).__name__}: {text[:300]}"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error)[:300]}"}
    return {"times": times or [first], "memory_mb": peak / 2**20}


def _seconds(step: Callable[[], Any]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def _memory(name: str) -> int:
    """Return a number of bytes that Linux says of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
