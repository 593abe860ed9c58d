"""A browser, and a built book to look at.

The book is HCL_BOOK, a folder of HTML, where that is set; else that of the checkout if it was built from the present
sources; else it is built, once for all processes of the tests.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checks import Listener
from filelock import FileLock
from helpers import ROOT

from hcl.companion import built, chromium

# What has Playwright's loop running in it must end with these tests: others run loops of their own.
scope = pytest.fixture(scope="package")


@scope
def browser():
    pytest.importorskip("playwright", reason="Playwright is not installed: pip install 'hcl[dev]' brings it")
    try:
        chromium.executable()
    except chromium.BrowserError as error:
        pytest.skip(str(error))
    with chromium.launched() as started:
        yield started


@scope
def site(browser):  # without which nothing is built: the tests are skipped
    if asked := os.environ.get("HCL_BOOK"):
        return Path(asked).resolve()
    (ROOT / "build").mkdir(exist_ok=True)
    with FileLock(ROOT / "build" / "book.lock"):
        if not built.is_current(ROOT):
            clean = {name: value for name, value in os.environ.items() if not name.startswith("HCL_")}
            command = [sys.executable, "-m", "hcl", "book"]
            done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"The book cannot be built: {done.stderr}"
    return built.html(ROOT)


@scope
def address(site):
    with chromium.served(site) as at:
        yield at


def opened(browser, **options):
    context = browser.new_context(accept_downloads=True, viewport={"width": 1440, "height": 900}, **options)
    context.set_default_timeout(180_000)  # a machine may be busy with other things
    return context.new_page()


@scope
def tab(browser):
    """A page for all tests that leave nothing behind in it, with what it asks for and complains of."""
    page = opened(browser)
    yield page, Listener(page)
    page.context.close()


@pytest.fixture
def page(browser):
    """A page of its own: nothing remembered, and leave to use the clipboard."""
    page = opened(browser)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    page.context.close()
