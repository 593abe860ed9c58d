"""Commands about the built book: pictures of its pages, the book as one PDF, the links that lead out of it."""

from pathlib import Path
from typing import Annotated

import typer

from hcl.companion.terminal import fail, reported, say


def pictures(
    folder: Annotated[Path, typer.Argument(help="To write the pictures to.")] = Path("build/pictures"),
    page: Annotated[str, typer.Option(help="Only pages with this in their name, as fig05.")] = "",
) -> None:
    """Take a picture of every page of the built book: light and dark, wide and narrow."""
    with reported():
        from hcl.companion import built, chromium, snapshots

        site = built.html()
        pages = [name for name in built.pages(site) if page in name]
        if not pages:
            raise ValueError(f"No page has {page!r} in its name: expected part of {', '.join(built.pages(site))}.")
        with chromium.launched() as browser:
            for number, path in enumerate(snapshots.take(browser, site, folder, pages), 1):
                say(f"{number}/{4 * len(pages) + 1} {path}")


def pdf(output: Annotated[Path, typer.Argument(help=".pdf to write.")] = Path("build/hcl.pdf")) -> None:
    """Print the built book into one PDF."""
    with reported():
        from hcl.companion import built, chromium
        from hcl.companion.pdf import write

        if output.suffix != ".pdf":
            raise ValueError(f"Output {output}: expected the name of a .pdf to write.")
        site = built.html()
        with chromium.launched() as browser:
            write(browser, site, output)
        say(f"{output}: {output.stat().st_size / 1e6:.1f} MB.")


def links(check: Annotated[bool, typer.Option("--check", help="Ask for each of them.")] = False) -> None:
    """List every link of the built book that leads out of it, with its pages."""
    with reported(timed=False):
        from hcl.companion import built, external_links

        found = external_links.external(built.html())
        faults = external_links.broken(found) if check else {}
        for address, pages in found.items():
            if not check or address in faults:
                say(f"{faults.get(address, '')} {address}  {', '.join(pages)}".strip())
        if faults:
            raise fail(f"{len(faults)} of {len(found)} links lead nowhere: mend them in the pages named.", 1)
        say(f"{len(found)} links lead out of the book{', and each is there' if check else ''}.")
