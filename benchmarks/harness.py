"""What every suite needs: a timer, a time budget, CSV files that grow a row at a time, tables."""

import gc
import re
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from hcl.companion.benchmarks_report import written
from hcl.training import provenance

Row = dict[str, Any]
PROVENANCE = ("device", "threads", "torch", "cuda", "commit", "sources", "date")


@dataclass(frozen=True)
class Setting:
    """Where and how large to measure.

    Attributes:
        device: to measure on.
        quick: tiny sizes, which show that everything works and measure nothing.
        results: folder of the CSV files, for suites that build on another's.
    """

    device: torch.device
    quick: bool
    results: Path

    @property
    def gpu(self) -> bool:
        """Whether the device is one."""
        return self.device.type == "cuda"

    @property
    def kind(self) -> str:
        """Name of the device in file names: ``cpu``, ``h100``."""
        return slug(provenance.device_name(self.device))

    def timed(self, step: Callable[[], Any], *, at_most: float = 1.5, repeats: int = 30) -> "Timing":
        """Time a step after a warm-up: a number of repeats, fewer (at least 3) where these take ``at_most`` seconds.

        On a GPU the time is the device's own, between two events, each repeat with the L2 cache overwritten before it.
        """
        device = self.device
        step()
        synchronize(device)
        started = time.perf_counter()
        step()
        synchronize(device)
        count = 3 if self.quick else int(min(max(at_most / (time.perf_counter() - started), 3), repeats))
        if device.type != "cuda":
            times = []
            for _ in range(count):
                started = time.perf_counter()
                step()
                times.append(time.perf_counter() - started)
            return Timing(tuple(times))
        flush = torch.empty(256 * 2**20, dtype=torch.int8, device=device)
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(count)]
        for start, end in events:
            flush.zero_()
            start.record()
            step()
            end.record()
        torch.cuda.synchronize(device)
        return Timing(tuple(start.elapsed_time(end) / 1e3 for start, end in events))


@dataclass(frozen=True)
class Case:
    """One row to measure.

    Attributes:
        name: of the case, unique in its suite.
        measure: returns the row's other columns.
        seconds: it may take; it is not begun with less time left.
    """

    name: str
    measure: Callable[[], Row]
    seconds: float = 5.0


@dataclass(frozen=True)
class Timing:
    """Seconds of repeats of one thing."""

    times: tuple[float, ...]

    @property
    def median(self) -> float:
        """Their median."""
        return statistics.median(self.times)

    def row(self) -> Row:
        """Return milliseconds: median, least, interquartile range over median, and the number of repeats."""
        quarters = statistics.quantiles(self.times, n=4) if len(self.times) > 1 else [self.median] * 3
        return {
            "ms": 1e3 * self.median,
            "ms_min": 1e3 * min(self.times),
            "spread": (quarters[2] - quarters[0]) / self.median,
            "repeats": len(self.times),
        }


def captured(step: Callable[[], Any], *generators: torch.Generator) -> tuple[Callable[[], None], Any]:
    """Return a CUDA graph's replay of a step, and what the step returned, which a replay overwrites."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        result = step()
    return graph.replay, result


def synchronize(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def clear(device: torch.device) -> None:
    """Give back what the last case held: compiled code, memory, its peak."""
    if "torch._dynamo" in sys.modules:  # importing it takes seconds
        torch._dynamo.reset()
    if device.type == "cuda":
        gc.collect()
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def slug(device_name: str) -> str:
    """Return a device's name for a file name: ``NVIDIA H100 80GB HBM3`` is ``h100``, any processor ``cpu``."""
    if device_name.startswith("CPU"):
        return "cpu"
    model = re.search(r"\b[A-Z]{1,3}\d{2,4}\b", device_name)
    return (model[0] if model else re.sub(r"\W+", "-", device_name)).lower()


class Results:
    """The rows of one suite on one kind of device, on disk after every change; a case is there once."""

    def __init__(self, suite: str, setting: Setting) -> None:
        self.path = setting.results / f"{suite}_{setting.kind}.csv"
        self._device = setting.device
        self._rows: dict[str, Row] = {}
        if self.path.exists():
            frame = pd.read_csv(self.path).astype(object)
            rows = frame.where(frame.notna(), None).to_dict("records")
            self._rows = {str(row["case"]): {str(name): value for name, value in row.items()} for row in rows}

    @property
    def frame(self) -> pd.DataFrame:
        """All rows."""
        return pd.DataFrame(self._rows.values())

    def row(self, case: str) -> Row | None:
        """Return the row of a case, or None."""
        return self._rows.get(case)

    def current(self, case: str) -> bool:
        """Return whether a case was measured with the library as it is now."""
        row = self._rows.get(case)
        return row is not None and row.get("sources") == provenance.sources_hash()

    def put(self, case: str, row: Row) -> None:
        """Add or replace the row of a case, and write the file in one move."""
        made = {
            **provenance.provenance(self._device),
            "cuda": torch.version.cuda if self._device.type == "cuda" else None,
        }
        self._rows[case] = {"case": case, **row, **{key: made[key] for key in PROVENANCE}}
        columns = [name for row in self._rows.values() for name in row if name not in PROVENANCE]
        frame = self.frame[[*dict.fromkeys(columns), *PROVENANCE]]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        frame.to_csv(part, index=False, float_format="%.6g")
        part.replace(self.path)


@dataclass
class Outcome:
    """What came of a suite, as names of cases."""

    measured: list[str]
    failed: dict[str, str]
    left: list[str]


def carry_out(
    cases: Iterable[Case], results: Results, deadline: float, console: Console, *, only: str = "", missing: bool = False
) -> Outcome:
    """Measure the cases in their order, those that the time left allows.

    Args:
        cases: of a suite, the most important first.
        results: to put their rows in.
        deadline: time.time() before which to have stopped.
        console: for a line a case.
        only: pass over cases without this in their name.
        missing: pass over cases that were measured with the library as it is.
    """
    outcome = Outcome([], {}, [])
    taken: dict[float, float] = {}  # where cases take longer than they said, so will others that said the same
    for case in cases:
        if only not in case.name or (missing and results.current(case.name)):
            continue
        if time.time() + max(case.seconds, taken.get(case.seconds, 0)) > deadline:
            outcome.left.append(case.name)
            continue
        clear(results._device)
        started = time.perf_counter()
        try:
            results.put(case.name, case.measure())
        except Exception as error:  # one case that fails must not cost the others
            reason = f"{type(error).__name__}: {str(error)[:300]}"
            outcome.failed[case.name] = reason
            console.print(f"  [red]failed[/red] {case.name}: {reason}", highlight=False, soft_wrap=True)
            frames = "".join(traceback.format_tb(error.__traceback__, limit=-4))
            console.print(frames, highlight=False, markup=False, soft_wrap=True)
        else:
            outcome.measured.append(case.name)
            seconds = time.perf_counter() - started
            taken[case.seconds] = max(seconds, taken.get(case.seconds, 0))
            console.print(f"  {case.name} ({seconds:.0f} s)", highlight=False, soft_wrap=True)
    return outcome


def table(frame: pd.DataFrame, columns: Sequence[str], title: str) -> Table:
    """Return a table of those of the columns that hold something."""
    shown = [name for name in columns if name in frame and frame[name].notna().any()]
    made = Table(title=title, title_justify="left")
    for name in shown:
        case = name == "case"
        made.add_column(name.replace("_", " "), justify="left" if case else "right", no_wrap=case)
    for row in frame[shown].to_dict("records"):
        made.add_row(*(written(value) for value in row.values()))
    return made
