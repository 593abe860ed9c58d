"""Commands that check records and what follows from them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hcl.companion.commands_read import AsJson
from hcl.companion.terminal import print_json, reported, say, show
from hcl.training import places


def import_records(file: Annotated[Path, typer.Argument(help="archive that 'hcl campaign --pack' wrote")]) -> None:
    """Check the records of an archive and merge them in; what is already there stays as it is."""
    with reported():
        from hcl.training import archive

        merged = archive.import_archive(file)
        say(f"Added {len(merged.added)}, already there {len(merged.known)}; records in {places.runs_root()}")
        for name in merged.kept:
            say(f"kept {name}: there is another run of it, which stays", style="yellow")


def check_records() -> None:
    """Check every record: hashes, schema, name, completeness, finite values; every fault in a line."""
    with reported():
        say(f"{_checked()} records in {places.runs_root()}, all sound.")
        from hcl.training import files

        if parts := files.left_over(places.runs_root()):
            mib = sum(map(files.size, parts)) / 2**20
            say(
                f"{len(parts)} parts of {mib:.1f} MiB are left of writes that were cut short, and are of no use; the "
                "next 'hcl campaign' removes them."
            )


def seal_records(
    names: Annotated[list[str] | None, typer.Argument(help="runs, as one that is gone; none is all not listed")] = None,
) -> None:
    """Add records to the list of hashes, or take those named out that are gone; what is listed stays as it is."""
    with reported():
        from hcl.training import checks

        say(f"{len(checks.seal(names or ()))} records written to the list in {places.runs_root()}")


def _checked() -> int:
    """Check every record, and return how many there are; none means a folder looked for in the wrong place."""
    from hcl.training import checks

    if not (found := checks.check_all()):
        raise ValueError(
            f"There are no records in {places.runs_root()}: set HCL_RUNS to the folder that has them, or run this in "
            "a checkout of the project."
        )
    return len(found)


def verify(as_json: AsJson = False) -> None:
    """Check every record, and print each claim of the paper with its verdict; exit status 1 for a bad record."""
    with reported(timed=False):
        found = _checked()
        import torch

        from hcl.companion.scoreboard import counted, of_others, of_paper, scoreboard

        torch.set_num_threads(1)  # claims are many small tensors: threads wait for each other
        board = scoreboard()
        if as_json:
            print_json({"records": found, "claims": board.to_dict("records")})
            return
        table = Table("figure", "claim", "measured", "verdict", "runs", show_lines=True)
        for claim in board.to_dict("records"):
            measured = claim["measured"] + (f"\n({claim['reason']})" if claim["reason"] else "")
            table.add_row(claim["figure"], claim["claim"], measured, claim["verdict"], claim["runs"] or "–")
        show(table)
        paper = of_paper(board)
        say(f"{found} records, all sound. {len(paper)} claims of the paper: {counted(paper)}.")
        for work, theirs in of_others(board).items():
            say(f"{len(theirs)} claims {f'of {work}' if work else 'of this project'}: {counted(theirs)}.")
