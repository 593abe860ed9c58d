"""The book's search, over http and from the disk."""

import expected
import pytest

from hcl.companion.claims import CLAIMS
from hcl.companion.registry import figure_named

pytestmark = pytest.mark.slow
FOUND = "#search-results ul.search li a[href]"


def searched(page, start, words):
    """The addresses of the results that a reader sees."""
    page.goto(f"{start}/search.html?q={words}")
    summary = "document.querySelector('#search-results .search-summary')"
    page.wait_for_function(f"{summary}?.textContent.match(/\\d|not match/)")
    return [link.get_attribute("href").partition("#")[0].partition("?")[0] for link in page.locator(FOUND).all()]


@pytest.mark.parametrize("disk", [False, True], ids=["http", "file"])
def test_words_are_found(page, site, address, disk):
    start = site.as_uri() if disk else address
    assert searched(page, start, "Equiangular")
    assert any("fig05" in link for link in searched(page, start, "CIFAR-10"))
    if not searched(page, start, "glossary"):
        expected.missing("glossary")
    assert searched(page, start, "xyzzy") == []


def test_every_claim_is_found_on_the_scoreboard_and_its_figure(page, address):
    page.goto(f"{address}/search.html?q=Equiangular")
    page.wait_for_function("Search.hasIndex()")
    places = page.evaluate(
        """statements => statements.map(statement => {
            const parsed = Search._parseQuery(statement.replaceAll(/[^\\p{L}\\p{N} -]| -|- /gu, " "));
            return Search._performSearch(...parsed).map(result => result[0]);
        })""",
        [claim.statement for claim in CLAIMS],
    )
    lost = [
        f"{claim.name}: {page}"
        for claim, found in zip(CLAIMS, places, strict=True)
        for page in ("scoreboard", figure_named(claim.figure).notebook)
        if f"book/pages/{page}" not in found
    ]
    assert lost == []


def test_the_field_of_every_page_leads_to_the_results(page, address):
    page.goto(f"{address}/book/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("Equiangular")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=Equiangular*")
    page.locator(FOUND).first.wait_for()
