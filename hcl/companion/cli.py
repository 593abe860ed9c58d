"""The ``hcl`` command: what there is, what has been run, running and training, building the book.

Each command imports what it needs when it is called: ``hcl list`` and ``hcl --help`` are there at once.
"""

import typer

from hcl.companion import commands_book, commands_pages, commands_read, commands_records, commands_train
from hcl.companion.parameters import parse, seconds_of
from hcl.companion.terminal import Group

__all__ = ["app", "parse", "seconds_of"]

app = typer.Typer(
    help="Companion to 'Hard-Negative Sampling for Contrastive Learning': re-run its figures and read the results.",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
records = typer.Typer(help="Check and merge run records.", no_args_is_help=True)

app.command("list")(commands_read.list_figures)
app.command("run")(commands_train.run)
app.command("train")(commands_train.train_one)
app.command("campaign")(commands_train.run_campaign)
app.command("status")(commands_read.status)
app.command("verify")(commands_records.verify)
app.command("sync")(commands_book.sync)
app.command("new-figure")(commands_book.new_figure)
app.command("book")(commands_book.book)
app.command("pictures")(commands_pages.pictures)
app.command("pdf")(commands_pages.pdf)
app.command("links")(commands_pages.links)
records.command("import")(commands_records.import_records)
records.command("check")(commands_records.check_records)
records.command("seal")(commands_records.seal_records)
app.add_typer(records, name="runs")

if __name__ == "__main__":
    app()
