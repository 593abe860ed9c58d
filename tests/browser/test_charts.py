"""The explorer and the charts below figures in a browser, from a disk, on made-up records."""

import csv
import shutil

import pytest
from helpers import ROOT
from test_explorer import made_up

from hcl.companion import charts, explorer
from hcl.companion.extensions import interactive
from hcl.training import runs

pytestmark = pytest.mark.slow
PAGE = """<!doctype html><html data-theme="light"><meta charset="utf-8"><title>Charts</title>
<link rel="stylesheet" href="_static/explorer.css">
<script defer src="_static/charts.js"></script>
<script defer src="_static/explorer.js"></script>
<body>{}<figure id="fig-static"><svg width="9" height="9"></svg>
<figcaption>Of a page.</figcaption></figure>{}</body></html>"""


@pytest.fixture
def site(tmp_path, runs_root):
    """Pages with the explorer and with a figure, Plotly, and the data of five made-up records."""
    static = tmp_path / "site" / "_static"
    static.mkdir(parents=True)
    for name in (*interactive.SCRIPTS, interactive.STYLE):
        shutil.copy(ROOT / "book" / "_static" / name, static)
    shutil.copy(interactive.plotly_js(), static)
    made = [runs.save(made_up(seed, supervised=kind), "smoke", runs_root) for seed in (0, 1) for kind in (True, False)]
    runs.save(made_up(dataset="cifar10", hardness=0.0, supervised=False), "laptop", runs_root)
    explorer.write(static / explorer.FOLDER)
    (static.parent / "explorer.html").write_text(PAGE.format(charts.page().code, ""), encoding="utf-8")
    below = charts.chart(made, ["zero_sum", "spectrum"], figure="fig05").code
    (static.parent / "figure.html").write_text(PAGE.format("", below), encoding="utf-8")
    return static.parent


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(120_000)
    faults, asked = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert faults == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


def lines(page):
    return page.locator(".hcl-plot .scatterlayer .trace path.js-line").count()


def drawn(page, name):
    page.wait_for_function("words => document.querySelector('[role=status]').textContent.startsWith(words)", arg=name)


def test_another_data_set_and_metric_are_drawn_with_values_on_hover(page, site, tmp_path):
    page.goto((site / "explorer.html").as_uri())
    page.wait_for_selector("table")
    assert page.locator("#fig-static").is_visible() and not page.evaluate("'Plotly' in window")

    page.get_by_label("Data set").select_option("digits")
    page.get_by_label("Shown").select_option("zero_sum")
    zero_sum = explorer.metric_names()["zero_sum"]
    drawn(page, f"{zero_sum} by epoch: 2 settings, seeds 0, 1, on digits, profile smoke.")
    assert not page.locator("#fig-static").is_visible() and lines(page) >= 2
    page.locator(".hcl-plot .xy .drag").first.hover(force=True)
    page.wait_for_selector(".hcl-plot .hoverlayer text")
    said = page.locator(".hcl-plot .hoverlayer").text_content()
    assert "HSCL, β = 5, 2 seeds: " in said and "±" in said and "epoch" in said
    assert "HUCL, β = 5" in page.locator("table").text_content()

    page.get_by_label("Each seed on its own").check()
    page.wait_for_function("document.querySelectorAll('.hcl-plot .scatterlayer .trace path.js-line').length === 4")
    assert page.evaluate("document.activeElement.name") == "each", "the keyboard stays where it was"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    path = tmp_path / "shown.csv"
    download.value.save_as(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert len(rows) == 4 * 21 and {row["setting"] for row in rows} == {"HSCL, β = 5", "HUCL, β = 5"}
    assert float(rows[0]["zero_sum"]) == 2 and rows[0]["dataset"] == "digits"


def test_a_link_opens_on_what_was_seen_and_follows_the_theme(page, site):
    asked = "#piece=smoke-digits&figure=all&metric=spectrum&hide=HUCL%2C+%CE%B2+%3D+5&hideseeds=1"
    page.goto((site / "explorer.html").as_uri() + asked)
    drawn(page, "Spectrum of the class means")
    assert lines(page) == 1 and page.get_by_label("HUCL, β = 5").is_checked() is False
    assert page.url.endswith(asked)
    colour = "document.querySelector('.hcl-plot')._fullData[0].line.color"
    before = page.evaluate(colour)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"{colour} !== {before!r}")
    page.set_viewport_size({"width": 375, "height": 800})
    page.wait_for_function("document.querySelector('.hcl-plot')._fullLayout.width <= 375")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_figure_is_made_interactive_and_back(page, site):
    page.goto((site / "figure.html").as_uri())
    page.get_by_role("button", name="Make this interactive").press("Enter")
    page.wait_for_selector("#fig-static .hcl-plot .main-svg")
    assert page.locator("#fig-static figcaption").is_visible()
    assert page.locator("#fig-static > svg").is_visible() is False
    panels = page.evaluate("document.querySelectorAll('.hcl-plot .subplot').length")
    assert panels == 4, "two metrics, both supervisions"
    assert "piece=smoke-digits" in page.get_by_role("link", name="explorer").get_attribute("href")
    page.get_by_role("button", name="Show the picture").click()
    assert page.locator("#fig-static > svg").is_visible() and not page.locator(".hcl-plot").is_visible()


def test_data_that_are_not_there_are_said_and_the_picture_stays(page, site):
    (site / "_static" / explorer.FOLDER / "smoke-digits.js").unlink()
    page.goto((site / "figure.html").as_uri())
    page.get_by_role("button", name="Make this interactive").click()
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('could not be drawn')")
    assert page.locator("#fig-static > svg").is_visible()
