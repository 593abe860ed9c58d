"""The ``hcl`` command: what there is, what has been run, running and training, building the book."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hcl.choices import one_of
from hcl.companion import costs, profiles, registry
from hcl.companion import study as studies
from hcl.companion.progress import Display
from hcl.companion.registry import Step
from hcl.errors import HclError
from hcl.training import archive, campaign, checks, places, provenance, runs, train
from hcl.training.campaign import Settings
from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques

app = typer.Typer(
    help="Companion to 'Hard-Negative Sampling for Contrastive Learning': re-run its figures and read the results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
records = typer.Typer(help="Check and merge run records.", no_args_is_help=True)
app.add_typer(records, name="runs")
console = Console()
_STARTED = time.time() - time.process_time()  # a budget pays for the imports too
_PROFILE = f"auto, {', '.join(profiles.PROFILES)}; auto takes the best one that has been run"
Parameters = Annotated[list[str], typer.Option("--param", "-p", help="name=value; lists as [1,2]; may be repeated")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; the default is a GPU where there is one")]
DataRoot = Annotated[Path | None, typer.Option("--data", help="folder of the data sets; default HCL_DATA, or data")]


@contextmanager
def _reported(*, timed: bool = True) -> Iterator[None]:
    """Turn what a user can mend into one message and exit status 1, and say how long a command took if ``timed``."""
    started = time.perf_counter()
    try:
        yield
    except (HclError, ValueError) as error:
        Console(stderr=True).print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if timed:
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
    """List figures, tables and theorems, and the profiles they can be run at with what a run costs."""
    table = Table("figure", "what it shows", "paper", "notebook")
    for figure in registry.FIGURES.values():
        table.add_row(figure.name, figure.title, figure.section, figure.notebook)
    console.print(table)
    table = Table("profile", "what it is", "cost on images", "on synthetic data")
    taken = costs.costs()
    for profile in profiles.PROFILES.values():
        table.add_row(profile.name, profile.summary, *taken[profile.name].values())
    console.print(table)
    console.print(f"Costs: medians of the records in {places.runs_root()}", highlight=False, soft_wrap=True)


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
        from hcl.companion import notebooks

        entry = registry.figure_named(figure)
        values = parse(param)
        if entry.dataset is not None:
            values = {"profile": profile, **values}
        notebooks.check_parameters(notebooks.path_of(entry.notebook), values)
        target = output or Path("build") / f"{entry.notebook}-{values.get('profile', 'all')}.ipynb"
        console.print(f"{entry.title} ({entry.section})")
        if entry.dataset is not None:
            study = studies.study(figure, **values)
            missing = len(study.left())
            if study.partial:
                todo = f"{missing} still to be made, which --profile {study.profile} does"
            else:
                todo = f"{missing} to train on {provenance.device_name(train.pick_device(device))}"
            console.print(
                f"Profile {study.profile}: {len(study.specs)} runs, {todo}; "
                f"records in {places.runs_root() / study.profile}",
                highlight=False, soft_wrap=True,
            )  # fmt: skip
            for made in study.runs(Settings(device=device, data_root=data)):
                if not made.same_as:
                    checks.check(made)  # the page of a bad one would end in a traceback
            if missing and not study.partial:
                values["profile"] = study.profile  # else what was asked for: auto shows rows at their own profiles
        console.print(f"Executing {entry.notebook} into {target}", highlight=False, soft_wrap=True)
        notebooks.execute(entry.notebook, target, values)


@app.command("train")
def train_one(
    dataset: Annotated[str, typer.Argument(help="synthetic, digits, cifar10, cifar100, tinyimagenet[100]")],
    supervised: Annotated[bool, typer.Option("--supervised/--unsupervised")] = True,
    hardness: Annotated[float, typer.Option(help="beta, or epsilon with -p hardening=polynomial")] = 0.0,
    seed: Annotated[int, typer.Option()] = 0,
    profile: Annotated[str, typer.Option(help=", ".join(profiles.PROFILES))] = "laptop",
    param: Parameters = [],  # noqa: B006
    device: Device = None,
    data: DataRoot = None,
) -> None:
    """Train one run, with any field of its spec set by -p, and print its last epoch."""
    with _reported():
        one_of("profile", profile, profiles.PROFILES)
        chosen = profiles.PROFILES[profile]
        values = chosen.synthetic if dataset == "synthetic" else chosen.images
        setting = {"dataset": dataset, "supervised": supervised, "hardness": hardness, "seed": seed}
        spec = RunSpec.from_dict({**values, **setting, **parse(param)})
        console.print(
            f"{spec.run_id} on {provenance.device_name(train.pick_device(device))}; record in {places.runs_root()}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        result = train.obtain(spec, group=profile if not param else "custom", device=device, data_root=data)
        for name, value in result.final.items():
            console.print(f"  {name:28s} {value:.6g}", highlight=False)
        console.print(f"Record: {result.path}", highlight=False, soft_wrap=True)


@app.command("campaign")
def run_campaign(
    figures: Annotated[list[str] | None, typer.Argument(help="names as 'hcl list' prints them; none is all")] = None,
    profile: Annotated[str, typer.Option(help=", ".join(profiles.PROFILES))] = "gpu",
    dataset: Annotated[
        str, typer.Option(help="in place of the figures' own, as tinyimagenet100 for CIFAR-100")
    ] = "auto",
    seeds: Annotated[
        str,
        typer.Option(
            help="comma-separated: every run with the first seed, then with the next; auto is 0, or the order's"
        ),
    ] = "auto",
    epochs: Annotated[int, typer.Option(help="in place of the profile's; 0 leaves them")] = 0,
    budget: Annotated[str | None, typer.Option(help="time to have stopped in, as 90s, 9m or 1h30m")] = None,
    at_once: Annotated[int | None, typer.Option(help="runs at once: processes on a CPU, streams on a GPU")] = None,
    pack: Annotated[Path | None, typer.Option(help="archive of the finished records, kept up to date")] = None,
    checkpoint_every: Annotated[float, typer.Option(help="seconds between checkpoints of a run")] = 60.0,
    deterministic: Annotated[bool, typer.Option(help="on a GPU: the same bits every time, slower")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="print what would be run, and stop")] = False,
    device: Device = None,
    data: DataRoot = None,
) -> None:
    """Train the missing runs of figures, most important first, within a time budget; stop and go on at any time."""
    with _reported():
        deadline = None if budget is None else _STARTED + seconds_of(budget)
        jobs = [
            job
            for step in _steps(figures or [], profile, seeds)
            if registry.figure_named(step.figure).dataset is not None
            for job in studies.study(
                step.figure, profile, dataset=dataset, hardness=step.hardness, seeds=step.seeds, epochs=epochs,
                row=step.row,
            ).jobs()
        ]  # fmt: skip
        todo = campaign.missing(jobs)
        where = train.pick_device(device)
        console.print(
            f"{len(todo)} of {len(jobs)} runs to train on {provenance.device_name(where)}; "
            f"records in {places.runs_root() / profile}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        if plan:
            for job in todo:
                console.print(f"  {job.spec.run_id}", highlight=False)
            return
        settings = Settings(
            data_root=data, device=device, at_once=at_once, deadline=deadline, checkpoint_every=checkpoint_every,
            techniques=Techniques.best(where, deterministic=True) if deterministic and where.type == "cuda" else None,
        )  # fmt: skip

        with Display(todo, console) as display:

            def report(event: campaign.Event) -> None:
                display(event)
                if pack is not None and event.kind == "finished":
                    _pack(jobs, pack)

            outcome = campaign.carry_out(todo, settings, report)
        if pack is not None:
            _pack(jobs, pack)
        console.print(
            f"Finished {len(outcome.finished)}, failed {len(outcome.failed)}, left {len(outcome.left)}"
            + (": the same command goes on." if outcome.left else "."),
            highlight=False,
        )
        if outcome.failed:
            raise typer.Exit(1)


def seconds_of(text: str) -> float:
    """Return a duration such as ``90s``, ``9m``, ``1h30m`` or ``45`` (seconds) in seconds.

    Raises:
        ValueError: for anything else.
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is no duration: expected one such as 90s, 9m or 1h30m.")
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--seeds {text}: expected whole numbers such as 0 or 0,1,2.") from None


def _steps(figures: list[str], profile: str, seeds: str) -> list[Step]:
    """Return the parts of a campaign, each of one seed after the other: those of the registry unless they are named."""
    if seeds == "auto" and not figures:
        return list(registry.order(profile))
    numbers = [0] if seeds == "auto" else _numbers(seeds)
    return [Step(name, (seed,)) for seed in numbers for name in figures or registry.CAMPAIGN]


def _pack(jobs: list[campaign.Job], target: Path) -> None:
    found = [path for job in jobs if (path := runs.made(job.spec)) is not None]
    if found:
        archive.pack(list(dict.fromkeys(found)), target)


@records.command("import")
def import_records(file: Annotated[Path, typer.Argument(help="archive that 'hcl campaign --pack' wrote")]) -> None:
    """Check the records of an archive and merge them in; what is already there stays as it is."""
    with _reported():
        merged = archive.import_archive(file)
        console.print(
            f"Added {len(merged.added)}, already there {len(merged.known)}; records in {places.runs_root()}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        for name in merged.kept:
            console.print(f"[yellow]kept[/yellow] {name}: there is another run of it, which stays", highlight=False)


@records.command("check")
def check_records() -> None:
    """Check every record: hashes, schema, name, completeness, finite values; every fault in a line."""
    with _reported():
        found = checks.check_all()
        console.print(f"{len(found)} records in {places.runs_root()}, all sound.", highlight=False, soft_wrap=True)


@records.command("seal")
def seal_records(
    names: Annotated[list[str] | None, typer.Argument(help="runs, as one that is gone; none is all not listed")] = None,
) -> None:
    """Add records to the list of hashes, or take those named out that are gone; what is listed stays as it is."""
    with _reported():
        sealed = checks.seal(names or ())
        console.print(f"{len(sealed)} records written to the list in {places.runs_root()}", highlight=False)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show, for every figure and table, how many of its runs there are at each profile, data, devices and seeds."""
    with _reported(timed=False):
        rows = [_status(figure) for figure in registry.FIGURES.values()]
    if as_json:
        _print_json(rows)
        return
    shown = [name for name in profiles.PROFILES if name != "smoke"]
    table = Table("figure", *shown, "data", "seeds")
    devices: dict[str, set[str]] = {}
    for row in rows:
        found = [row["runs"].get(name) for name in shown]
        made = [entry for entry in found if entry and entry["recorded"]]
        data = (f"{entry['dataset']}{' (stand-in)' if entry['stand_in'] else ''}" for entry in made)
        seeds = (", ".join(map(str, entry["seeds"])) for entry in made)
        table.add_row(
            row["figure"],
            *(f"{entry['recorded']}/{entry['of']}" if entry else "–" for entry in found),
            "\n".join(dict.fromkeys(data)), "\n".join(dict.fromkeys(seeds)),
        )  # fmt: skip
        for name, entry in row["runs"].items():
            devices.setdefault(name, set()).update(entry["devices"])
    console.print(table)
    for name, used in devices.items():
        if used:
            console.print(f"{name} was run on: {'; '.join(sorted(used))}", highlight=False, soft_wrap=True)
    console.print(f"Records: {places.runs_root()}", highlight=False, soft_wrap=True)


def _status(figure: registry.Figure) -> dict[str, Any]:
    row: dict[str, Any] = {"figure": figure.name, "title": figure.title, "notebook": figure.notebook, "runs": {}}
    for profile in profiles.PROFILES if figure.dataset is not None else ():
        study = studies.study(figure.name, profile)
        found = study.records()
        row["runs"][profile] = {
            "recorded": len(found), "of": len(study.specs), "dataset": study.dataset, "stand_in": study.stands_in,
            "seeds": sorted({run.spec.seed for run in found}),
            "devices": sorted({str(run.provenance.get("device", "unknown")) for run in found}),
        }  # fmt: skip
    return row


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


@app.command()
def verify(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Check every record, and print each claim of the paper with its verdict; exit status 1 for a bad record."""
    from hcl.companion.scoreboard import counted, scoreboard

    with _reported(timed=False):
        found = checks.check_all()
    board = scoreboard()
    if as_json:
        _print_json({"records": len(found), "claims": board.to_dict("records")})
        return
    table = Table("figure", "claim", "measured", "verdict", "runs", show_lines=True)
    for claim in board.to_dict("records"):
        measured = claim["measured"] + (f"\n({claim['reason']})" if claim["reason"] else "")
        table.add_row(claim["figure"], claim["claim"], measured, claim["verdict"], claim["runs"] or "–")
    console.print(table)
    console.print(
        f"{len(found)} records, all sound. {len(board)} claims: {counted(board)}.", highlight=False, soft_wrap=True
    )


@app.command()
def sync() -> None:
    """Write the .ipynb of every notebook from its .py, without outputs."""
    from hcl.companion import notebooks

    names = notebooks.sync()
    console.print(f"Written: {', '.join(names)}" if names else "All pairs agree.", highlight=False)


@app.command()
def book() -> None:
    """Execute every notebook from the records and build the book; prints the path of its first page."""
    from hcl.companion.book import build

    with _reported(timed=False):
        root = places.project()
        console.print(f"Executing the notebooks from the runs in {root / 'runs'}, nothing is trained.", soft_wrap=True)
        started = time.perf_counter()
        index = build(root)
    console.print(f"Took {time.perf_counter() - started:.1f} s. Open in a browser:", highlight=False)
    print(index)  # bare, so that it can be copied and parsed


if __name__ == "__main__":
    app()
