"""A picture of every page of the built book, in the light and in the dark, wide and narrow: for looking at them all."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from hcl.companion import built, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHEET = "index.html"


def name_of(page: str, theme: str, room: str) -> str:
    """Return the name of a picture: ``"fig05_cifar10-dark-narrow.png"``."""
    return f"{page.rpartition('/')[2]}-{theme}-{room}.png"


def take(browser: "Browser", site: Path, folder: Path, pages: list[str] | None = None) -> Iterator[Path]:
    """Take the pictures of each page at its full height, and write the sheet of all of them.

    Args:
        browser: that `hcl.companion.chromium.launched` has started.
        site: folder of the built book.
        folder: to write to; made if it is not there.
        pages: names, as "book/pages/theory"; None is all.

    Yields:
        Each picture when it is written; the sheet last.
    """
    pages = built.pages(site) if pages is None else pages
    folder.mkdir(parents=True, exist_ok=True)
    tab = browser.new_page()
    tab.set_default_timeout(120_000)
    for page in pages:
        tab.goto((site.resolve() / f"{page}.html").as_uri())
        for theme in chromium.THEMES:
            for room, width in chromium.WIDTHS.items():
                chromium.show(tab, theme, width)
                chromium.settled(tab)
                path = folder / name_of(page, theme, room)
                tab.screenshot(path=path, full_page=True)
                yield path
    tab.close()
    (folder / SHEET).write_text(sheet(pages), encoding="utf-8")
    yield folder / SHEET


def sheet(pages: list[str]) -> str:
    """Return the HTML of a contact sheet: a row a page, the tops of its pictures side by side."""
    rows = []
    for page in pages:
        names = [name_of(page, theme, room) for theme in chromium.THEMES for room in chromium.WIDTHS]
        each = "".join(f'<a href="{name}"><img alt="{name}" loading="lazy" src="{name}"></a>' for name in names)
        rows.append(f"<h2>{escape(page)}</h2><p>{each}</p>")
    style = "img {width: 22vw; height: 40vh; object-fit: cover; object-position: top; border: 1px solid}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>All pages</title>'
        f"<style>{style}</style></head><body><h1>All pages</h1>{''.join(rows)}</body></html>"
    )
