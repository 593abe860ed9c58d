"""What commands make of the built book: pictures of its pages, one PDF, the list of links that lead out of it."""

import re
import zlib
from html import unescape

import pytest

from hcl.companion import built, chromium, external_links, pdf, snapshots
from hcl.companion.extensions import light_pages

SOUND = """<!DOCTYPE html><html lang="en"><head><title>{0}</title><link rel="stylesheet" href="../s.css"></head><body>
<nav class="bd-links"><a class="reference internal" href="#">A</a>
<a class="reference internal" href="b.html">B</a></nav>
<article class="bd-article"><section id="part"><h1>Page {0}<a class="headerlink" href="#part">#</a></h1>
<p>Text of {0}. <a href="#part">up</a> <a href="b.html#part">over</a> <a href="../data.csv" download>data</a>
<a href="https://example.org/{0}#x">out</a> <a href="https://example.org/">home</a></p>
<div class="cell_input">code of {0}</div><details><summary>more</summary>hidden of {0}</details>
<details class="hcl-card"><summary>from</summary><p>runs of {0}</p><p class="hcl-card-files">files</p></details>
<details class="hcl-card"><summary>from</summary><p>runs of {0}</p><p class="hcl-card-files">files</p></details>
<details class="hcl-card"><summary>from</summary><p>other runs</p></details>
<details class="hcl-details"><summary>numbers</summary>numbers of {0}</details>
<svg viewBox="0 0 9 9"><clipPath id="clip"><rect width="9" height="9"/></clipPath><g clip-path="url(#clip)"/></svg>
</section></article></body></html>"""


@pytest.fixture
def made(tmp_path):
    """A built book of two pages and an index."""
    site = tmp_path / "site"
    (site / "book").mkdir(parents=True)
    (site / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=book/index.html" />')
    (site / "book" / "index.html").write_text(SOUND.format("A"))
    (site / "book" / "b.html").write_text(SOUND.format("B"))
    (site / "genindex.html").write_text(SOUND.format("Index"))
    (site / "s.css").write_text("h1 {color: #123}")
    return site


def pages_of(path):
    """The number of pages of a PDF, and the titles in its table of contents."""
    content = path.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    titles = []
    for plain, coded in re.findall(rb"/Title \((.*?)\)\n|/Title <(.*?)>", content):
        titles.append(bytes.fromhex(coded.decode()).decode("utf-16") if coded else plain.decode("latin1"))
    return len(re.findall(rb"/Type /Page\b", content)), titles


def drawn(path):
    """Bytes that draw something, which a PDF of empty pages has few of."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    found = 0
    for stream in streams:
        try:
            text = zlib.decompress(stream)
        except zlib.error:
            continue
        found += len(re.findall(rb"\bT[jJ]\b", text))
    return found


def test_pages_come_in_the_order_of_the_contents(made):
    assert built.pages(made) == ["book/index", "book/b", "genindex"]


def test_a_stamp_says_whether_the_book_is_that_of_the_sources(tmp_path):
    (tmp_path / "_build/html").mkdir(parents=True)
    (tmp_path / "_build/html/index.html").touch()
    (tmp_path / "book/pages").mkdir(parents=True)
    (tmp_path / "book/index.md").write_text("# A\n")
    assert not built.is_current(tmp_path)
    built.stamp(tmp_path)
    (tmp_path / "book/pages/made.ipynb").write_text("{}")  # made by the build itself
    assert built.is_current(tmp_path)
    (tmp_path / "book/index.md").write_text("# B\n")
    assert not built.is_current(tmp_path)
    with pytest.raises(built.NotBuiltError, match="make book"):
        built.html(tmp_path / "book")


def test_pages_are_joined_with_links_among_them(made):
    text = pdf.joined(made)
    assert text.count("<section class=") == 2 and text.count("<h1>") == 2 and "Text of Index" not in text
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert 'href="#book-b--part"' in text and "url(#book-index--clip)" in text
    assert "code of" not in text and "headerlink" not in text and "data.csv" not in text
    assert text.count("<details open") == 2 and text.count("s.css") == 1 and (made / "s.css").as_uri() in text


def test_what_is_folded_is_unfolded_but_not_again_and_again(made):
    assert _open_in(pdf.joined(made, ["book/b"])) == [True, True, False, True, True]
    (made / "book" / "b.html").rename(made / "book" / "scoreboard.html")
    text = pdf.joined(made, ["book/scoreboard"])
    assert _open_in(text) == [True, True, False, True, False] and "numbers of B" in text and "files" not in text


def _open_in(text):
    return ["open" in each for each in re.findall("<details[^>]*>", text)]


def test_the_book_is_printed_with_a_table_of_contents(made, browser, tmp_path):
    output = pdf.write(browser, made, tmp_path / "out" / "book.pdf")
    number, titles = pages_of(output)
    assert number == 2 and titles[-2:] == ["Page A", "Page B"] and drawn(output) > 4


def test_the_script_of_icons_is_left_out():
    page = '<head>\n  <script defer src="../_static/fontawesome.js?digest=5"></script>\n<script src="a.js"></script>'
    assert light_pages.lightened(page) == '<head>\n<script src="a.js"></script>'


def test_links_are_listed_with_their_pages(made):
    found = external_links.external(made)
    assert list(found) == [f"https://example.org/{name}" for name in ("", "A", "B", "Index")]
    assert found["https://example.org/"] == ["book/index", "book/b", "genindex"]


def test_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / "there.html").write_text("there")
    with chromium.served(tmp_path) as address:
        asked = [f"{address}/there.html", f"{address}/gone.html"]
        assert external_links.broken(asked) == {f"{address}/gone.html": "404"}
    assert external_links.broken(["a", "b"], {"a": "", "b": None}.get) == {"b": "no answer"}
    with pytest.raises(external_links.NoNetworkError, match=r"^No network: none of 2 links"):
        external_links.broken(["a", "b"], lambda _: None)


@pytest.mark.slow
def test_a_picture_is_taken_of_a_page_in_every_dress(site, browser, tmp_path):
    name = "book/index"
    *taken, sheet = snapshots.take(browser, site, tmp_path, [name])
    assert [path.name for path in taken] == [
        f"index-{theme}-{room}.png" for theme in chromium.THEMES for room in chromium.WIDTHS
    ]
    sizes = [
        (int.from_bytes(p.read_bytes()[16:20], "big"), int.from_bytes(p.read_bytes()[20:24], "big")) for p in taken
    ]
    assert [width for width, _ in sizes] == list(chromium.WIDTHS.values()) * 2
    assert all(height > 900 for _, height in sizes)
    assert len({path.read_bytes() for path in taken}) == 4
    assert all(path.name in sheet.read_text() for path in taken)


@pytest.mark.slow
def test_the_book_is_one_pdf(site, browser, tmp_path):
    output = pdf.write(browser, site, tmp_path / "hcl.pdf")
    number, titles = pages_of(output)
    names = [name for name in built.pages(site) if name not in built.OTHERS]
    assert number > 2 * len(names)
    first, last = (
        re.search(r"<title>(.*?) &#8212;", (site / f"{name}.html").read_text())[1] for name in (names[0], names[-1])
    )
    assert titles.index(first) < titles.index(last)
    firsts = [(site / f"{name}.html").read_text(encoding="utf-8").partition("<article")[2] for name in names]
    firsts = [each.partition("<h1>")[2] for each in firsts]
    chapters = [unescape(re.sub("<[^>]+>", "", each.partition('<a class="headerlink')[0])).strip() for each in firsts]
    words = {re.sub(r"\W+", " ", title).strip() for title in titles}  # joined by a break of a line they are not found
    assert [title for title in chapters if re.sub(r"\W+", " ", title).strip() not in words] == []
    assert drawn(output) > 1000 and output.stat().st_size < 40e6
