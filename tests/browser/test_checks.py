"""The checks of a page see what is wrong with one: on pages of a few lines, without a built book."""

import checks
import pytest

from hcl.companion import chromium

DOT = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{}</svg>"
CIRCLE = DOT.format("<circle cx='4' cy='4' r='3'/>")
SOUND = f"""<!DOCTYPE html><html lang="en"><head><title>t</title><link rel="icon" href="{CIRCLE}"></head>
<body><main><h1>A page</h1><p>Text.</p><h2>Part</h2><img alt="a dot" src="{CIRCLE}"></main></body></html>"""
WRONG = {
    "maths": (r"Text.", r"so \(x^2\) and $\beta_1$ and <code>$x_1$</code>", 1),
    "overflow": ("Text.", '<b style="display: inline-block; width: 1500px">wide</b>', 1),
    "heading": ("<h2>Part</h2>", "<h3>Part</h3><h1>Another</h1>", 2),
    "alt": ("a dot", "dot.png", 1),
    "image": ("cx='4' cy='4' r='3'/></svg>\"></main>", "r='0'/></svg>\"><img alt=gone src=data:image/png,x></main>", 1),
    "table": (
        "Text.",
        '<article style="width: 300px"><details><summary>t</summary><div class="hcl-table" tabindex="0" '
        'style="overflow-x: auto"><table><caption>Wide</caption><tr><td style="min-width: 400px">1</td></tr></table>'
        "</div></details></article>", 1,
    ),
    "favicon": ('rel="icon"', 'rel="other"', 1),
    "warning": ("Text.", '<div class="output stderr"><pre>made.py:1: UserWarning</pre></div>', 1),
}  # fmt: skip


def test_a_sound_page_has_no_faults(tab):
    page, heard = tab
    heard.forget()
    page.set_content(SOUND)
    assert checks.faults(page, *checks.KINDS) + checks.accessible(page) + heard.faults() == []


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_seen(kind, tab):
    page, _ = tab
    right, wrong, count = WRONG[kind]
    assert right in SOUND
    page.set_content(SOUND.replace(right, wrong))
    found = checks.faults(page, *checks.KINDS)
    assert len(found) == count and all(fault.startswith(f"{kind}: ") for fault in found)


def test_faint_text_requests_and_errors_are_seen(tab, tmp_path):
    page, heard = tab
    heard.forget()
    (tmp_path / "page.html").write_text(
        SOUND.replace("Text.", '<span style="color: #ccc">faint</span><script>undefined.x</script>')
        + '<script src="https://example.org/x.js"></script><script src="gone.js"></script>'
    )
    with chromium.served(tmp_path) as address:
        page.goto(f"{address}/page.html")
        assert [fault.partition(" (")[0] for fault in checks.accessible(page)] == ["axe color-contrast"]
    kinds = [fault.partition(":")[0] for fault in heard.faults()]
    assert {"external", "not found", "console"} == set(kinds)


def test_downloads_have_to_come(tab, tmp_path):
    page, _ = tab
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    (tmp_path / "page.html").write_text('<a href="data.csv" download>d</a><a href="gone.json" download>g</a>')
    with chromium.served(tmp_path) as address:
        page.goto(f"{address}/page.html")
        assert checks.faults(page, "download") == ["download: 404 " + "/".join([address.split("/")[-1], "gone.json"])]
        assert len(checks.downloads(page, tmp_path, seconds=2)) == 1


def test_a_page_is_shown_in_a_theme_and_a_width(tab):
    page, _ = tab
    page.set_content(SOUND)
    chromium.show(page, "dark", 375)
    assert page.evaluate("[document.documentElement.dataset.theme, innerWidth]") == ["dark", 375]
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    chromium.settled(page)


def test_a_browser_that_is_not_there_is_said_in_one_line(monkeypatch):
    monkeypatch.setenv("HCL_CHROMIUM", "no-such-browser")
    with pytest.raises(chromium.BrowserError, match=r"^HCL_CHROMIUM=no-such-browser: .*\.$"):
        chromium.executable()
    monkeypatch.delenv("HCL_CHROMIUM")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(chromium.BrowserError, match="apt install chromium"):
        chromium.executable()
