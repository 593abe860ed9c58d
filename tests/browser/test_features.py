"""What a reader can do on a page: move, filter, choose, copy, unfold."""

import expected
import pytest

from hcl.companion import chromium

pytestmark = pytest.mark.slow
STARTS = pytest.mark.parametrize("disk", [False, True], ids=["http", "file"])
SHOWN_CLAIMS = ".hcl-claims .hcl-claim:not([hidden])"


def start(site, address, disk):
    return site.as_uri() if disk else address


@STARTS
def test_the_slider_moves_the_points(page, site, address, disk):
    slider = expected.open_feature(page, start(site, address, disk), "slider").first
    drawn = ".hcl-moving .hcl-dots"
    last = page.locator(drawn).first.inner_html()
    slider.focus()
    page.keyboard.press("Home")
    first = page.locator(drawn).first.inner_html()
    page.keyboard.press("ArrowRight")
    assert len({last, first, page.locator(drawn).first.inner_html()}) == 3
    page.keyboard.press("End")
    assert page.locator(drawn).first.inner_html() == last
    assert slider.get_attribute("aria-valuetext")


@STARTS
def test_filters_leave_the_claims_that_are_asked_for(page, site, address, disk):
    selects = expected.open_feature(page, start(site, address, disk), "filters")
    every = page.locator(SHOWN_CLAIMS).count()
    assert every > 100
    for select in selects.all():
        name = select.get_attribute("name")
        value = select.locator("option").nth(1).evaluate("option => option.value")
        select.select_option(value)
        found = page.locator(SHOWN_CLAIMS)
        assert 0 < found.count() < every, name
        assert {claim.get_attribute(f"data-{name}") for claim in found.all()} == {value}
        assert page.locator(".hcl-shown").inner_text().startswith(f"{found.count()} of {every} ")
        select.select_option("")
    assert page.locator(SHOWN_CLAIMS).count() == every
    page.locator(".hcl-filters input[type=search]").fill("Neural-Collapse β")
    some = page.locator(SHOWN_CLAIMS).count()
    assert 0 < some < every
    page.reload()  # the address keeps what is asked for
    assert page.locator(SHOWN_CLAIMS).count() == some


@STARTS
def test_marks_of_the_matrix_lead_to_their_claims(page, site, address, disk):
    expected.open_feature(page, start(site, address, disk), "filters")
    mark = page.locator(".hcl-mark").last
    mark.click()
    assert page.locator(f"[id='{mark.get_attribute('href')[1:]}']").is_visible()


@STARTS
def test_the_explorer_draws_what_is_chosen(page, site, address, disk):
    expected.open_feature(page, start(site, address, disk), "explorer")
    chosen = page.locator("form.hcl-explorer select[name=metric]")
    chosen.wait_for()
    for value in chosen.locator("option").evaluate_all("all => all.slice(0, 2).map(each => each.value)"):
        chosen.select_option(value)
        page.wait_for_function("document.querySelector('.hcl-plot .scatterlayer path.js-line')")
        page.wait_for_function("value => location.hash.includes(`metric=${value}`)", arg=value)
    said = page.locator(".hcl-said").inner_text()
    page.locator("form.hcl-explorer input[name=setting]").first.uncheck()
    page.wait_for_function("said => document.querySelector('.hcl-said').textContent !== said", arg=said)


@STARTS
def test_a_chart_of_a_page_becomes_interactive_and_a_picture_again(page, site, address, disk):
    charts = expected.open_feature(page, start(site, address, disk), "charts")
    button = charts.first.locator("button")
    button.click()
    page.locator(".hcl-plot .scatterlayer path.js-line").first.wait_for()
    button.click()
    assert not page.locator(".hcl-plot").first.is_visible()


@STARTS
def test_terms_lead_to_the_glossary(page, site, address, disk):
    terms = expected.open_feature(page, start(site, address, disk), "glossary")
    assert any("Equiangular" in term for term in terms.all_inner_texts())
    page.goto(f"{start(site, address, disk)}/book/pages/fig05_cifar10.html")
    assert page.locator("article a[href*='glossary.html#term-']").count()


def test_pictures_have_a_variant_for_the_dark_and_for_a_small_page(page, address):
    pictures = expected.open_feature(page, address, "dark pictures")
    seen = {}
    for theme in chromium.THEMES:
        for room, width in chromium.WIDTHS.items():
            chromium.show(page, theme, width)
            chromium.settled(page)
            shown = [each for each in pictures.all() if each.is_visible()]
            seen[theme, room] = [each.evaluate("image => image.currentSrc") for each in shown]
    if len({tuple(sources) for sources in seen.values()}) < 4:
        expected.missing("dark pictures")
    assert len({len(sources) for sources in seen.values()}) == 1 and seen["light", "wide"]


def test_copy_buttons_copy_the_command(page, address):
    expected.open_feature(page, address, "copy buttons")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    for button in page.locator("button.copybtn").all():
        wanted = button.evaluate("button => button.parentElement.querySelector('pre').textContent.trim()")
        button.evaluate("button => button.scrollIntoView({block: 'center'})")
        button.hover()
        button.click()
        assert page.evaluate("navigator.clipboard.readText()").strip() == wanted
    page.goto(f"{address}/book/index.html")
    assert page.locator("button.copybtn").count()


def test_code_is_folded_and_one_switch_opens_it(page, address):
    folds = expected.open_feature(page, address, "code switch")
    assert folds.evaluate_all("all => all.every(each => !each.open)")
    page.locator(".code-switch").click()
    assert folds.evaluate_all("all => all.every(each => each.open)")
    page.reload()
    assert folds.evaluate_all("all => all.every(each => each.open)")


def test_a_provenance_card_says_where_a_figure_comes_from(page, address):
    cards = expected.open_feature(page, address, "provenance cards")
    words = cards.first.text_content().lower()
    assert all(word in words for word in ("seed", "commit"))
    page.set_viewport_size({"width": 1440, "height": 900})
    card = page.locator("details", has=page.locator(".hcl-card-body")).first
    card.locator("summary").first.click()
    assert cards.first.is_visible()


def test_downloads_are_offered(page, address):
    assert expected.open_feature(page, address, "downloads").count()


def test_the_switch_of_the_theme_switches(page, address):
    page.goto(f"{address}/book/index.html")
    button = page.locator(".article-header-buttons .theme-switch-button")
    seen = set()
    for _ in range(3):
        button.click()
        seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(seen) == 2


def test_the_first_screen_of_the_book_has_the_whole_result(page, address):
    """What the paper claims, the picture, and all three sentences of what came of it."""
    page.goto(f"{address}/book/index.html")
    chromium.settled(page)
    box = page.locator(".hcl-outcome li").last.bounding_box()
    assert box["y"] + box["height"] <= 900
