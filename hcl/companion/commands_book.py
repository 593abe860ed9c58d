"""Commands about the notebooks and the book."""

import time
from typing import Annotated

import typer

from hcl.companion.terminal import reported, say
from hcl.training import places


def sync() -> None:
    """Write the .ipynb of every notebook from its .py, without outputs."""
    with reported(timed=False):
        from hcl.companion import launch, notebooks

        places.project()
        names = [*notebooks.sync(), *(f"{launch.FOLDER}/{name}" for name in launch.sync())]
        say(f"Written: {', '.join(names)}" if names else "All pairs agree.")


def book() -> None:
    """Execute every notebook from the records and build the book; prints the path of its first page."""
    with reported(timed=False):
        root = places.project()
        from hcl.companion.book import build

        say(f"Executing the notebooks from the runs in {root / 'runs'}, nothing is trained.")
        started = time.perf_counter()
        index = build(root)
    say(f"Took {time.perf_counter() - started:.1f} s. Open in a browser:")
    print(index)  # bare, so that it can be copied and parsed


def new_figure(
    name: Annotated[str, typer.Argument(help="of the figure and its notebook, as fig14")],
    title: Annotated[str, typer.Argument(help="its heading, in quotes")],
) -> None:
    """Write the pair of notebooks of a new figure from a template, and print the registry's entry for it."""
    with reported(timed=False):
        from hcl.companion import template

        entry = template.create(name, title)
        say(f"Written: notebooks/{name}.py and .ipynb. Put this into FIGURES of hcl/companion/registry.py, then")
        say("run 'make contents' and 'hcl run " + name + " --profile smoke':")
        say(entry)
