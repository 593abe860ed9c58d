"""The ``hcl`` command: what there is, what has been run, running and training, building the book."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hcl import paper, runs, train
from hcl.data import DataError
from hcl.evaluate import DivergedError
from hcl.spec import RunSpec

app = typer.Typer(
    help="Companion to 'Hard-Negative Sampling for Contrastive Learning': re-run its figures and read the results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
_PROFILE = f"auto, {', '.join(paper.PROFILES)}; auto takes the best one that has been run"
Parameters = Annotated[list[str], typer.Option("--param", "-p", help="name=value; lists as [1,2]; may be repeated")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; the default is a GPU where there is one")]
DataRoot = Annotated[Path | None, typer.Option("--data", help="folder of the data sets; default HCL_DATA or ./data")]


@contextmanager
def _reported() -> Iterator[None]:
    """Turn what a user can mend into one message and exit status 1, and say how long a command took."""
    started = time.perf_counter()
    try:
        yield
    except (ValueError, DataError, runs.RecordError, DivergedError, train.MissingRunError) as error:
        Console(stderr=True).print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    console.print(f"Took {time.perf_counter() - started:.1f} s.", highlight=False)


def parse(parameters: list[str]) -> dict[str, Any]:
    """Return ``name=value`` arguments as a dictionary, values read as JSON where they are, Python's words included.

    Raises:
        ValueError: for an argument without ``=``.
    """
    words = {"True": True, "False": False, "None": None}
    values: dict[str, Any] = {}
    for parameter in parameters:
        name, separator, text = parameter.partition("=")
        if not separator:
            raise ValueError(f"-p {parameter}: expected name=value.")
        try:
            values[name] = words[text] if text in words else json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


@app.command("list")
def list_figures() -> None:
    """List figures, tables and theorems, and the profiles they can be run at."""
    table = Table("figure", "what it shows", "paper", "notebook")
    for figure in paper.FIGURES.values():
        table.add_row(figure.name, figure.title, figure.section, figure.notebook)
    console.print(table)
    table = Table("profile", "what it is")
    for profile in paper.PROFILES.values():
        table.add_row(profile.name, profile.summary)
    console.print(table)


@app.command()
def run(
    figure: Annotated[str, typer.Argument(help="name of a figure, as 'hcl list' prints it")],
    profile: Annotated[str, typer.Option(help=_PROFILE)] = "auto",
    param: Parameters = [],  # noqa: B006
    output: Annotated[Path | None, typer.Option(help="notebook to write; default build/<name>-<profile>.ipynb")] = None,
    device: Device = None,
    data: DataRoot = None,
) -> None:
    """Train what a figure still needs, then execute its notebook."""
    with _reported():
        from hcl import notebooks

        entry = paper.figure_named(figure)
        values = parse(param)
        if entry.dataset is not None:
            values = {"profile": profile, **values}
        notebooks.check_parameters(notebooks.path_of(entry.notebook), values)
        target = output or Path("build") / f"{entry.notebook}-{values.get('profile', 'all')}.ipynb"
        console.print(f"{entry.title} ({entry.section})")
        if entry.dataset is not None:
            study = paper.study(figure, **values)
            missing = len(study.specs) - len(study.recorded())
            console.print(
                f"Profile {study.profile}: {len(study.specs)} runs, {missing} to train on "
                f"{runs.device_name(train.pick_device(device))}; records in {runs.default_root() / study.profile}",
                highlight=False, soft_wrap=True,
            )  # fmt: skip
            study.runs(device=device, data_root=data)
            values["profile"] = study.profile
        console.print(f"Executing {entry.notebook} into {target}", highlight=False, soft_wrap=True)
        notebooks.execute(entry.notebook, target, values)


@app.command("train")
def train_one(
    dataset: Annotated[str, typer.Argument(help="synthetic, digits, cifar10, cifar100, tinyimagenet[100]")],
    supervised: Annotated[bool, typer.Option("--supervised/--unsupervised")] = True,
    hardness: Annotated[float, typer.Option(help="beta, or epsilon with -p hardening=polynomial")] = 0.0,
    seed: Annotated[int, typer.Option()] = 0,
    profile: Annotated[str, typer.Option(help=", ".join(paper.PROFILES))] = "laptop",
    param: Parameters = [],  # noqa: B006
    device: Device = None,
    data: DataRoot = None,
) -> None:
    """Train one run, with any field of its spec set by -p, and print its last epoch."""
    with _reported():
        if profile not in paper.PROFILES:
            raise ValueError(f"Unknown profile {profile!r}: expected one of {', '.join(paper.PROFILES)}.")
        chosen = paper.PROFILES[profile]
        values = chosen.synthetic if dataset == "synthetic" else chosen.images
        setting = {"dataset": dataset, "supervised": supervised, "hardness": hardness, "seed": seed}
        spec = RunSpec.from_dict({**values, **setting, **parse(param)})
        console.print(
            f"{spec.run_id} on {runs.device_name(train.pick_device(device))}; record in {runs.default_root()}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        result = train.obtain(spec, group=profile if not param else "custom", device=device, data_root=data)
        for name, value in result.final.items():
            console.print(f"  {name:28s} {value:.6g}", highlight=False)
        console.print(f"Record: {result.path}", highlight=False, soft_wrap=True)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show, for every figure, how many of its runs there are at each profile, on which devices and seeds."""
    rows = [_status(figure) for figure in paper.FIGURES.values()]
    if as_json:
        json.dump(rows, sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    profiles = [name for name in paper.PROFILES if name != "smoke"]
    table = Table("figure", "notebook", *profiles, "devices", "seeds")
    for row in rows:
        counts = [f"{row['runs'][p]['recorded']}/{row['runs'][p]['of']}" if row["runs"] else "–" for p in profiles]
        table.add_row(
            row["figure"], row["notebook"], *counts, "\n".join(row["devices"]), ", ".join(map(str, row["seeds"]))
        )
    console.print(table)
    console.print(f"Records: {runs.default_root()}", highlight=False, soft_wrap=True)


def _status(figure: paper.Figure) -> dict[str, Any]:
    row: dict[str, Any] = {"figure": figure.name, "notebook": figure.notebook, "runs": {}, "devices": [], "seeds": []}
    if figure.dataset is None:
        return row
    found = []
    for profile in paper.PROFILES:
        study = paper.study(figure.name, profile)
        recorded = [runs.load(path) for spec in study.recorded() if (path := runs.find(spec)) is not None]
        row["runs"][profile] = {"recorded": len(recorded), "of": len(study.specs)}
        found += recorded
    row["devices"] = sorted({str(run.provenance["device"]) for run in found})
    row["seeds"] = sorted({run.spec.seed for run in found})
    return row


@app.command()
def sync() -> None:
    """Write the .ipynb of every notebook from its .py, without outputs."""
    from hcl import notebooks

    names = notebooks.sync()
    console.print(f"Written: {', '.join(names)}" if names else "All pairs agree.", highlight=False)


@app.command()
def book() -> None:
    """Execute every notebook from the records and build the book; prints the path of its first page."""
    from hcl.book import ROOT, BookError, build

    console.print(f"Executing the notebooks from the runs in {ROOT / 'runs'}, nothing is trained.", soft_wrap=True)
    started = time.perf_counter()
    try:
        index = build()
    except BookError as error:
        Console(stderr=True).print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    console.print(f"Took {time.perf_counter() - started:.1f} s. Open in a browser:", highlight=False)
    print(index)  # bare, so that it can be copied and parsed


if __name__ == "__main__":
    app()
