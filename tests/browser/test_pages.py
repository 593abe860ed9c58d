"""Every page, over http in the light at 1440 px and then in the dark at 375, and from the disk in the dark at 375."""

import checks
import expected
import pytest

from hcl.companion import built, chromium

pytestmark = pytest.mark.slow
WIDE, NARROW = chromium.WIDTHS["wide"], chromium.WIDTHS["narrow"]


def test_the_pages_are_those_that_are_looked_at(site):
    assert sorted(built.pages(site)) == sorted(expected.listed())


@pytest.mark.parametrize("name", expected.listed())
def test_page_over_http(name, site, address, tab, tmp_path):
    page, heard = tab
    page.goto("about:blank")  # what the page before still asks for is none of this one's
    heard.forget()
    chromium.show(page, "light", WIDE)
    page.goto(f"{address}/{name}.html")
    found = checks.weighs(heard.requests, site, address)
    chromium.settled(page)
    found += checks.faults(page, *checks.KINDS)
    chromium.show(page, "light", WIDE)
    pictures = page.evaluate(checks.SHOWN)
    found += [f"{fault} in the light" for fault in checks.accessible(page)]
    chromium.show(page, "dark", NARROW)
    chromium.settled(page)
    found += [f"{fault} at {NARROW} px" for fault in checks.faults(page, "overflow", "image")]
    found += [f"{fault} in the dark" for fault in checks.accessible(page)]
    if page.evaluate(checks.SHOWN) != pictures:
        found.append(f"image: {page.evaluate(checks.SHOWN)} shown in the dark, {pictures} in the light")
    found += heard.faults()
    found += checks.downloads(page, tmp_path)
    assert found == []


@pytest.mark.parametrize("name", expected.listed())
def test_page_from_the_disk(name, site, tab, tmp_path):
    page, heard = tab
    page.goto("about:blank")
    heard.forget()
    chromium.show(page, "dark", NARROW)
    page.goto((site / f"{name}.html").as_uri())
    chromium.settled(page)
    chromium.show(page, "dark", NARROW)
    found = checks.faults(page, "maths", "image", "overflow", "favicon", "heading")
    found += heard.faults()
    found += checks.downloads(page, tmp_path)
    assert found == []


def test_the_book_without_its_data_is_light(site):
    """Data are what pages offer for download, and the recorded runs that charts load when they are asked for."""
    data = ("records/", "_sources/", "_static/hcl-runs/")
    files = {path.relative_to(site).as_posix(): path.stat().st_size for path in site.rglob("*") if path.is_file()}
    assert all(any(name.startswith(folder) for name in files) for folder in data)
    assert sum(size for name, size in files.items() if not name.startswith(data)) < 60e6
