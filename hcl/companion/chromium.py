"""The system's Chromium, driven by Playwright: for pictures of the pages, the PDF, and the tests of the book."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from hcl.errors import HclError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
THEMES = ("light", "dark")
WIDTHS = {"wide": 1440, "narrow": 375}  # CSS pixels: a laptop, a small phone
# No name is looked up: a page that asks for something outside the machine gets nothing, at once and everywhere alike.
_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


class BrowserError(HclError, RuntimeError):
    """There is no browser to look at the book with; the message says what brings one."""


def executable() -> str:
    """Return the path of the browser: the environment variable HCL_CHROMIUM, else the first of `NAMES` on PATH.

    Raises:
        BrowserError: if there is none.
    """
    asked = os.environ.get("HCL_CHROMIUM")
    for name in (asked,) if asked else NAMES:
        if found := shutil.which(name):
            return found
    if asked:
        raise BrowserError(f"HCL_CHROMIUM={asked}: there is no such program. Give the path of Chromium or Chrome.")
    raise BrowserError(
        f"No browser on PATH: expected one of {', '.join(NAMES)}. On Debian and Ubuntu apt install chromium brings it; "
        "elsewhere HCL_CHROMIUM=/path/to/chrome says where it is."
    )


@contextmanager
def launched() -> "Iterator[Browser]":
    """Start the browser without a window, and end it.

    Raises:
        BrowserError: if it or Playwright is not there.
    """
    path = executable()
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise BrowserError("Playwright is not installed: pip install 'hcl[dev]' brings it.") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone, at a free port; yields its address without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def show(page: "Page", theme: str, width: int, height: int = 900) -> None:
    """Set an open page to a theme and a width, as its switch and its window do.

    Args:
        page: of the book.
        theme: one of `THEMES`.
        width: of the window, in CSS pixels.
        height: the same.
    """
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": height})
    # Colours change at once, so that nothing is looked at half-way between two of them.
    page.evaluate(
        """theme => {
            if (!document.getElementById("at-once")) {
                const style = document.createElement("style");
                style.id = "at-once";
                style.textContent = "*, *::before, *::after {transition: none !important; animation: none !important}";
                document.head.append(style);
            }
            Object.assign(document.documentElement.dataset, {theme, mode: theme});
            return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        }""",
        theme,
    )


def settled(page: "Page") -> None:
    """Wait until an open page has set its mathematics, and loaded its fonts and every picture, those far down too."""
    page.evaluate(
        """async () => {
            if (document.querySelector('script[src*="mathjax"]')) {
                while (!window.MathJax?.startup?.promise) await new Promise(done => setTimeout(done, 20));
                await MathJax.startup.promise;
            }
            await document.fonts.ready;
            await Promise.all([...document.images].map(image => {
                image.loading = "eager";
                return image.decode().catch(() => null);
            }));
        }"""
    )


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
