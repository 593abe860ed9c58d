"""The scoreboard's filters, of a made-up board from a disk."""

import pytest
from test_board import STATIC, board

from hcl.companion import board_html
from hcl.companion.claims import CLAIMS


@pytest.mark.slow
def test_filters_work_from_a_file(page, tmp_path):
    """Filtering, the address after #, the number announced, a link to a claim."""
    table = board()
    path = tmp_path / "scoreboard.html"
    script = (STATIC / "scoreboard.js").read_text(encoding="utf-8")
    style = (STATIC / "scoreboard.css").read_text(encoding="utf-8")
    body = board_html.matrix(table).data + board_html.claims(table).data
    path.write_text(f"<meta charset=utf-8><style>{style}</style>{body}<script>{script}</script>", encoding="utf-8")
    partly = int((table["verdict"] == "partly").sum())
    page.goto(path.as_uri())
    shown = page.locator(".hcl-claim:not([hidden])")
    announced = page.locator(".hcl-shown")
    assert shown.count() == len(CLAIMS)
    assert announced.inner_text() == f"{len(CLAIMS)} of {len(CLAIMS)} claims are shown."
    page.select_option("[name=verdict]", "partly")
    assert shown.count() == partly and page.url.endswith("#verdict=partly")
    assert announced.inner_text().startswith(f"{partly} of ")
    assert page.locator(".hcl-mark:not(.hcl-off)").count() == partly
    page.fill("[name=text]", "no such words")
    assert shown.count() == 0 and not page.locator(".hcl-group").first.is_visible()
    page.click("[type=reset]")
    page.wait_for_function("!location.hash")
    assert shown.count() == len(CLAIMS)
    page.goto("about:blank")
    page.goto(f"{path.as_uri()}#verdict=waiting&seeds=1")
    assert shown.count() == ((table["verdict"] == "waiting") & (table["seeds"] == "3")).sum()
    assert page.locator(".hcl-waiting").get_attribute("open") is not None
    page.goto("about:blank")
    name = table[table["verdict"] == "waiting"]["name"].iloc[0]
    page.goto(f"{path.as_uri()}#claim-{name}")
    assert page.locator(f"#claim-{name}").is_visible() and shown.count() == len(CLAIMS)
    page.locator(".hcl-mark").first.press("Enter")
    assert page.url.endswith(f"#claim-{table['name'][0]}")
