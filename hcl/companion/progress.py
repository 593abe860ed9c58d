"""What a campaign shows while it runs: bars with an ETA on a terminal, a line for each run elsewhere."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from hcl.training.campaign import Event, Job


class Display:
    """Live progress of jobs; call it with every event.

    The ETA weighs a run by the images its encoder is shown, which holds for runs of one encoder.

    Args:
        jobs: without a record, as the campaign will make them.
        console: to print on.
    """

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._console = console
        self._specs = {job.spec.run_id: job.spec for job in jobs}
        self._each = {name: spec.images_an_epoch for name, spec in self._specs.items()}
        self._trained: dict[str, int] = {}
        self._begun = time.perf_counter()
        self._started: dict[str, float] = {}
        self._bars: dict[str, TaskID] = {}
        self._finished = 0
        self._waited: set[str] = set()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(),
            TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn(), TimeRemainingColumn(),
            console=console, disable=not console.is_terminal, transient=True,
        )  # fmt: skip
        work = sum(spec.epochs * self._each[name] for name, spec in self._specs.items())
        self._all = self._progress.add_task("all runs", total=work, note=f"0/{len(jobs)}")

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        name, spec = event.run_id, self._specs[event.run_id]
        if event.kind == "waiting":
            if name not in self._waited:
                self._console.print(f"waiting for {name}, which another process makes", highlight=False, soft_wrap=True)
            self._waited.add(name)
            return
        if event.kind == "started":
            self._started[name] = time.perf_counter()
            if event.message:
                self._print(Text(f"{name} begins again: {event.message}"))
            self._trained[name] = event.epoch
            # What an earlier campaign has trained is no measure of this one's speed.
            self._progress.update(self._all, total=self._total() - event.epoch * self._each[name])
            self._bars[name] = self._progress.add_task(name, total=spec.epochs, completed=event.epoch, note="")
            return
        if event.kind == "epoch":
            gained = event.epoch - self._trained[name]
            self._trained[name] = event.epoch
            note = f"{event.epoch}/{spec.epochs} epochs"
            self._progress.update(self._bars[name], completed=event.epoch, note=note)
            self._progress.update(self._all, advance=gained * self._each[name])
            return
        if name in self._bars:
            self._progress.remove_task(self._bars.pop(name))
        self._finished += event.kind == "finished"
        self._progress.update(self._all, note=f"{self._finished}/{len(self._specs)}")
        self._print(self._line(event))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    def _line(self, event: Event) -> Text:
        """Return the line of an event, in which rich takes nothing for markup: messages hold paths and brackets."""
        took = time.perf_counter() - self._started.get(event.run_id, time.perf_counter())
        if event.kind == "failed":
            return Text.assemble(("failed", "red"), f" {event.run_id}: {event.message}")
        if event.kind == "stopped":
            return Text(f"stopped {event.run_id} after epoch {event.epoch}, to be gone on with")
        task = self._progress.tasks[0]
        elapsed, share = time.perf_counter() - self._begun, task.completed / max(task.total or 1, 1)
        left = f", about {elapsed / share - elapsed:.0f} s to go" if 0 < share < 1 else ""
        note = f" ({event.message})" if event.message else ""
        return Text(f"[{self._finished}/{len(self._specs)}] {event.run_id} in {took:.1f} s{note}{left}")

    def _total(self) -> float:
        return float(self._progress.tasks[0].total or 0)
