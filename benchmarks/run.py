"""Measure what the library costs, in suites; rows go to CSV files as they are measured.

From the root of a checkout: python benchmarks/run.py [SUITES...] [--device cuda] [--budget 9m] [--missing]
"""

import sys
import time
from pathlib import Path
from typing import Annotated

STARTED = time.time() - time.process_time()  # a budget pays for the imports too
ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # the checkout, whether or not it is installed

import torch  # noqa: E402
import typer  # noqa: E402
from rich.console import Console  # noqa: E402

from benchmarks import (  # noqa: E402
    concurrency,
    data,
    evaluation,
    exactness,
    growth,
    loss,
    peers,
    roofline,
    step,
    whole_run,
)  # fmt: skip
from benchmarks.harness import Outcome, Results, Setting, carry_out, table  # noqa: E402
from hcl.companion import benchmarks_report  # noqa: E402
from hcl.companion.cli import seconds_of  # noqa: E402
from hcl.training import provenance  # noqa: E402
from hcl.training.train import pick_device  # noqa: E402

SUITES = {
    "roofline": roofline, "loss": loss, "peers": peers, "step": step, "evaluation": evaluation, "data": data,
    "concurrency": concurrency, "exactness": exactness, "run": whole_run, "growth": growth,
}  # fmt: skip


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    suites: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(SUITES)}; none is all, in this order")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; the default is a GPU where there is one")] = None,
    budget: Annotated[str | None, typer.Option(help="time to have stopped in, as 90s, 9m or 1h30m")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="tiny sizes: shows that it works, measures nothing")] = False,
    out: Annotated[Path | None, typer.Option(help="folder of the CSV files; default benchmarks/results")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="pass over what this code has been measured on")] = False,
    only: Annotated[str, typer.Option(help="pass over cases without this text in their name")] = "",
) -> None:
    """Measure the suites, print a table of each, and what was predicted and aimed at beside it."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    if unknown := set(suites or ()) - set(SUITES):
        raise typer.BadParameter(f"unknown suite {', '.join(sorted(unknown))}: expected {', '.join(SUITES)}")
    if quick and out is None:
        raise typer.BadParameter("--quick measures nothing worth keeping: name another folder with --out")
    try:
        deadline = STARTED + seconds_of(budget) if budget else float("inf")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    setting = Setting(pick_device(device), quick, out or ROOT / "benchmarks" / "results")
    torch.set_float32_matmul_precision("highest")
    console.print(
        f"{provenance.device_name(setting.device)}, torch {torch.__version__}, {torch.get_num_threads()} threads; "
        f"results in {setting.results}", highlight=False, soft_wrap=True,
    )  # fmt: skip
    failed = False
    for name in suites or SUITES:
        console.print(f"[bold]{name}[/bold]")
        if name == "peers" and (said := peers.absent()):
            console.print(said, highlight=False, markup=False, soft_wrap=True)
        results = Results(name, setting)
        outcome = carry_out(SUITES[name].cases(setting), results, deadline, console, only=only, missing=missing)
        failed |= _show(name, results, outcome, setting, console)
    raise typer.Exit(1 if failed else 0)


def _show(name: str, results: Results, outcome: Outcome, setting: Setting, console: Console) -> bool:
    """Print what came of a suite; return whether something failed."""
    if outcome.measured:
        frame = benchmarks_report.with_gain(results.frame)
        frame = frame[frame["case"].isin(outcome.measured)]
        console.print(table(frame, SUITES[name].SHOWN, f"{name}, {setting.kind}"))
    beside = benchmarks_report.compare(benchmarks_report.load(setting.results), ROOT / "benchmarks", setting.kind)
    beside = beside[(beside["suite"] == name) & beside["measured"].notna()]
    if len(beside) and not setting.quick:
        console.print(table(beside, ("case", "quantity", "predicted", "target", "measured", "verdict"), "expected"))
    if outcome.left:
        console.print(f"Not measured, for want of time: {'; '.join(outcome.left)}", highlight=False, soft_wrap=True)
    if outcome.failed:
        console.print(f"Failed: {'; '.join(outcome.failed)}", highlight=False, soft_wrap=True)
    wrong = [case for case in outcome.measured if (results.row(case) or {}).get("passed") is False]
    if wrong:
        console.print(f"[red]Out of tolerance:[/red] {'; '.join(wrong)}", highlight=False, soft_wrap=True)
    return bool(outcome.failed or wrong)


if __name__ == "__main__":
    app()
