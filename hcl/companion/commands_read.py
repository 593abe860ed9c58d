"""Commands that tell what there is and what has been run."""

from typing import Annotated, Any

import typer
from rich.table import Column, Table

from hcl.companion import costs, profiles, registry
from hcl.companion.terminal import print_json, reported, say, show
from hcl.training import places

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def list_figures() -> None:
    """List figures, tables and theorems, and the profiles they can be run at with what a run costs."""
    with reported(timed=False):
        names = max(map(len, registry.FIGURES))  # which are typed: never cut
        table = Table(Column("figure", min_width=names), "what it shows", "paper", Column("notebook", overflow="fold"))
        for figure in registry.FIGURES.values():
            table.add_row(figure.name, figure.title, figure.section, figure.notebook)
        show(table)
        table = Table("profile", "what it is", "cost on images", "on synthetic data")
        taken = costs.costs()
        for profile in profiles.PROFILES.values():
            table.add_row(profile.name, profile.summary, *taken[profile.name].values())
        show(table)
        say(f"Costs: medians of the records in {places.runs_root()}")


def status(as_json: AsJson = False) -> None:
    """Show, for every figure and table, how many of its runs there are at each profile, data, devices and seeds."""
    with reported(timed=False):
        rows = [_status(figure) for figure in registry.FIGURES.values()]
        if as_json:
            print_json(rows)
            return
        show(_table(rows))
        devices: dict[str, set[str]] = {}
        for row in rows:
            for name, entry in row["runs"].items():
                devices.setdefault(name, set()).update(entry["devices"])
        for name, used in devices.items():
            if used:
                say(f"{name} was run on: {'; '.join(sorted(used))}")
        say(f"Records: {places.runs_root()}")


def _table(rows: list[dict[str, Any]]) -> Table:
    shown = [name for name in profiles.PROFILES if name != "smoke"]
    table = Table("figure", *shown, "data", "seeds")
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
    return table


def _status(figure: registry.Figure) -> dict[str, Any]:
    from hcl.companion import study as studies

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
