"""Commands that train: a figure with its notebook, a single run, the missing runs of many figures."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hcl.choices import one_of
from hcl.companion import profiles, registry
from hcl.companion.parameters import at_least, numbers, parse, seconds_of
from hcl.companion.registry import Step
from hcl.companion.terminal import console, fail, reported, say
from hcl.training import places
from hcl.training.spec import RunSpec, check_feasible

if TYPE_CHECKING:
    from hcl.companion.study import Study
    from hcl.training.campaign import Cluster, Event, Job

_STARTED = time.monotonic() - time.process_time()  # a budget pays for the imports too
_PROFILE = f"auto, {', '.join(profiles.PROFILES)}; auto, the default, takes the best one that has been run"
Parameters = Annotated[
    list[str], typer.Option("--param", "-p", help="name=value, lists as 'seeds=[0,1]' in quotes; may be repeated")
]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; the default is a GPU where there is one")]
DataRoot = Annotated[Path | None, typer.Option("--data", help="folder of the data sets; default HCL_DATA, or data")]


def run(
    figure: Annotated[str, typer.Argument(help="name of a figure, as 'hcl list' prints it")],
    profile: Annotated[str | None, typer.Option(help=_PROFILE)] = None,
    param: Parameters = [],  # noqa: B006
    output: Annotated[Path | None, typer.Option(help="notebook to write; default build/<name>-<profile>.ipynb")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="print parameters, runs and costs, and stop")] = False,
    device: Device = None,
    data: DataRoot = None,
) -> None:
    """Train what a figure still needs, then execute its notebook."""
    with reported():
        entry = registry.figure_named(figure)
        given = {"profile": profile, "device": device, "data": data}
        values = _together(parse(param), {"profile": profile})
        if entry.dataset is not None:
            values = {"profile": "auto"} | values
        elif unused := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"--{unused[0]}: {figure} trains nothing, its notebook computes what it shows.")
        places.project()
        import papermill

        from hcl.companion import notebooks

        target = output or Path("build") / f"{entry.notebook}-{values.get('profile', 'all')}.ipynb"
        source = notebooks.path_of(entry.notebook)
        notebooks.check_parameters(source, values)
        notebooks.check_output(source, target)
        if entry.dataset is not None:
            study = _asked(entry, values, source, device, plan=plan)
            if not plan:
                values["profile"] = _train_missing(study, values, device, data)
        else:
            say(f"{entry.title} ({entry.section})")
        if plan:
            return
        say(f"Executing {entry.notebook} into {target}")
        try:
            notebooks.execute(entry.notebook, target, values)
        except papermill.PapermillExecutionError as error:
            raise fail(f"cell {error.exec_count}: {error.ename}: {error.evalue}; see {target}", 1) from error


def _together(parameters: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the options that were given, none of them twice."""
    given = {name: value for name, value in options.items() if value is not None}
    if twice := [name for name in given if name in parameters]:
        raise ValueError(f"{twice[0]} is given twice: as {given[twice[0]]!r}, and by -p as {parameters[twice[0]]!r}.")
    return given | parameters


def _asked(entry: registry.Figure, values: dict[str, Any], source: Path, device: str | None, *, plan: bool) -> "Study":
    """Return the runs that are asked for, having said what they are: parameters, runs, and with ``plan`` all costs."""
    from hcl.companion import estimates, notebooks, preview
    from hcl.companion import study as studies

    study, where = studies.study(entry.name, **values), _device(device)  # before anything is said
    say(f"{entry.title} ({entry.section})")
    for line in preview.parameters(study, notebooks.parameters_of(source)):
        say(line)
    left = study.left()
    if study.partial:
        todo = f"{len(left)} still to be made, which --profile {study.profile} does"
    else:
        todo = f"{len(left)} to train on {where}"
    say(f"Profile {study.profile}: {len(study.specs)} runs, {todo}; records in {places.runs_root() / study.profile}")
    if plan:
        say(f"Time: {estimates.together(left)}" if left else "Nothing is left to train: the page is made at once.")
        say("Each profile:")
        for line in preview.profiles(study):
            say(line)
    return study


def _train_missing(study: "Study", values: dict[str, Any], device: str | None, data: Path | None) -> str:
    """Train what a figure still needs, and return the profile to execute its notebook at."""
    from hcl.training import checks
    from hcl.training.campaign import Settings

    missing = len(study.left())
    for made in study.runs(Settings(device=device, data_root=data)):
        if not made.same_as:
            checks.check(made)  # the page of a bad one would end in a traceback
    # What was asked for where nothing was missing: auto shows rows at their own profiles.
    return study.profile if missing and not study.partial else str(values["profile"])


def _device(name: str | None) -> str:
    """Return what the device of a name is called."""
    from hcl.training.devices import device_named
    from hcl.training.provenance import device_name

    return device_name(device_named(name))


def train_one(
    dataset: Annotated[str, typer.Argument(help="synthetic, digits, cifar10, cifar100, tinyimagenet[100]")],
    supervised: Annotated[
        bool | None, typer.Option("--supervised/--unsupervised", help="supervised is the default", show_default=False)
    ] = None,
    hardness: Annotated[
        float | None, typer.Option(help="beta, or epsilon with -p hardening=polynomial; the default is 0")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="the default is 0")] = None,
    profile: Annotated[str, typer.Option(help=", ".join(profiles.PROFILES))] = "laptop",
    param: Parameters = [],  # noqa: B006
    device: Device = None,
    data: DataRoot = None,
) -> None:
    """Train one run, with any field of its spec set by -p, and print its last epoch."""
    with reported():
        one_of("profile", profile, profiles.PROFILES)
        asked = {"dataset": dataset, "supervised": supervised, "hardness": hardness, "seed": seed}
        values = profiles.PROFILES[profile].values(dataset)
        spec = RunSpec.from_dict({"supervised": True, **values, **_together(parse(param), asked)})
        check_feasible(spec)
        if spec.init != "random":
            raise ValueError(f"init={spec.init!r} starts from another run: 'hcl run table2' makes both.")
        where = _device(device)
        from hcl.training import train

        say(f"{spec.run_id} on {where}; record in {places.runs_root()}")
        result = train.obtain(spec, group=profile if not param else "custom", device=device, data_root=data)
        for name, value in result.final.items():
            say(f"  {name:28s} {value:.6g}")
        say(f"Record: {result.path}")


def run_campaign(
    figures: Annotated[list[str] | None, typer.Argument(help="names as 'hcl list' prints them; none is all")] = None,
    profile: Annotated[str, typer.Option(help=", ".join(profiles.PROFILES))] = "gpu",
    dataset: Annotated[
        str,
        typer.Option(
            help="in place of the figures' own; cifar100 and the like: all figures whose own it is, and no other"
        ),
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
    engine: Annotated[
        str, typer.Option(help="embedded: processes of this machine; ray: tasks of a Ray cluster")
    ] = "embedded",
    address: Annotated[str | None, typer.Option(help="of a Ray cluster, or auto; none is this machine alone")] = None,
    cores: Annotated[float, typer.Option(help="of a processor for each run, on a Ray cluster")] = 1,
    gpus: Annotated[float, typer.Option(help="for each run, on a Ray cluster; .25 has four runs share one")] = 0,
    store: Annotated[
        str,
        typer.Option(help="shared: all nodes of a Ray cluster see the records; driver: each sends its own here"),
    ] = "shared",
) -> None:
    """Train the missing runs of figures, most important first, within a time budget; stop and go on at any time."""
    with reported():
        one_of("profile", profile, profiles.PROFILES)
        at_least("--at-once", at_once, 1)
        at_least("--checkpoint-every", checkpoint_every, 0)
        cluster = _cluster(engine, address, cores, gpus, store)
        seconds = None if budget is None else seconds_of(budget)
        at_least("--budget", seconds, 0, more=True)
        if pack is not None and pack.is_dir():
            raise ValueError(f"--pack {pack} is a folder: expected the name of a file, such as runs.tar.gz.")
        steps = _steps(figures or [], profile, seeds)
        if not figures and (theirs := registry.about(dataset)):
            steps = [step for step in steps if step.figure in theirs]
        where = _device(device) if cluster is None else "a Ray cluster"
        from hcl.companion import estimates
        from hcl.companion.progress import Display
        from hcl.training import campaign
        from hcl.training.devices import device_named
        from hcl.training.techniques import Techniques

        jobs = [job for step in steps for job in _study(step, profile, dataset, epochs, named=bool(figures)).jobs()]
        todo = campaign.missing(jobs)
        say(f"{len(todo)} of {len(jobs)} runs to train on {where}; records in {places.runs_root() / profile}")
        if todo:
            say(f"Time: {estimates.together([job.spec for job in todo])}")
        if plan:
            for job in todo:
                say(f"  {job.spec.run_id}")
            return
        deterministic = deterministic and device_named(device).type == "cuda"
        settings = campaign.Settings(
            data_root=data, device=device, at_once=at_once, checkpoint_every=checkpoint_every,
            deadline=None if seconds is None else _STARTED + seconds, cluster=cluster,
            techniques=Techniques.best(device_named(device), deterministic=True) if deterministic else None,
        )  # fmt: skip
        with Display(todo, console) as display:

            def report(event: "Event") -> None:
                display(event)
                if pack is not None and event.kind == "finished":
                    _pack(jobs, pack)

            outcome = campaign.carry_out(todo, settings, report)
        if pack is not None:
            _pack(jobs, pack)
        goes_on = ": the same command goes on." if outcome.left else "."
        say(f"Finished {len(outcome.finished)}, failed {len(outcome.failed)}, left {len(outcome.left)}{goes_on}")
        if outcome.failed:
            raise typer.Exit(1)


def _cluster(engine: str, address: str | None, cores: float, gpus: float, store: str) -> "Cluster | None":
    """Return the cluster that is asked for, None where runs are made here."""
    from hcl.training.jobs import Cluster

    one_of("engine", engine, ("embedded", "ray"))
    one_of("store", store, ("shared", "driver"))
    at_least("--cores", cores, 0)
    at_least("--gpus", gpus, 0)
    if engine == "ray":
        return Cluster(address=address, cores=cores, gpus=gpus, store="driver" if store == "driver" else "shared")
    if address is not None or cores != 1 or gpus or store != "shared":
        raise ValueError("--address, --cores, --gpus and --store are of a Ray cluster: add --engine ray.")
    return None


def _steps(figures: Sequence[str], profile: str, seeds: str) -> list[Step]:
    """Return the parts of a campaign, each of one seed after the other: those of the registry unless they are named."""
    for name in figures:
        if registry.figure_named(name).dataset is None:
            raise ValueError(f"{name} trains nothing: leave it out, and 'hcl run {name}' computes what it shows.")
    if seeds == "auto" and not figures:
        return list(registry.order(profile))
    each = [0] if seeds == "auto" else numbers("--seeds", seeds)
    return [Step(name, (seed,)) for seed in each for name in figures or registry.CAMPAIGN]


def _study(step: Step, profile: str, dataset: str, epochs: int, *, named: bool) -> "Study":
    """Return the runs of a part of a campaign; unless figures are named, a data set is for those of images."""
    from hcl.companion import study as studies

    synthetic = registry.figure_named(step.figure).dataset == "synthetic"
    return studies.study(
        step.figure, profile, dataset="auto" if synthetic and not named else dataset, hardness=step.hardness,
        seeds=step.seeds, epochs=epochs, row=step.row,
    )  # fmt: skip


def _pack(jobs: Sequence["Job"], target: Path) -> None:
    from hcl.training import archive, runs

    found = [path for job in jobs if (path := runs.made(job.spec)) is not None]
    if found:
        archive.pack(list(dict.fromkeys(found)), target)
