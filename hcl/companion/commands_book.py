"""Commands about the notebooks and the book."""

import time

from hcl.companion.terminal import reported, say
from hcl.training import places


def sync() -> None:
    """Write the .ipynb of every notebook from its .py, without outputs."""
    with reported(timed=False):
        from hcl.companion import notebooks

        places.project()
        names = notebooks.sync()
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
