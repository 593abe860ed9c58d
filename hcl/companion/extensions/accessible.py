"""Sphinx: what the theme leaves out for keyboards and screen readers: names of scrollers, lists that are lists."""

import re
from html import escape, unescape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_TABLE = re.compile(r'<div class="pst-scrollable-table-container">(<table.*?</thead>)', re.DOTALL)
_TOGGLE = '<summary><span class="toctree-toggle"'
_SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)


def labelled(body: str) -> str:
    """Return the HTML of a page, each table's scroller a region whose label are the words of its header.

    Args:
        body: as the theme writes it, without focus, role or name.
    """

    def region(match: re.Match[str]) -> str:
        heads = re.findall(r"<th\b[^>]*>(.*?)</th>", match[1], re.DOTALL)
        words = ", ".join(" ".join(unescape(re.sub(r"<[^>]+>", "", head)).split()) for head in heads)
        start = '<div class="pst-scrollable-table-container" role="region" tabindex="0"'
        return f'{start} aria-label="Table: {escape(words, quote=True)}">{match[1]}'

    return _TABLE.sub(region, body)


def plain_signatures(body: str) -> str:
    """Return the HTML of a page, parameters of signatures as lines, not as a list of definitions without terms."""

    def lines(match: re.Match[str]) -> str:
        text = match[0].replace("<dl>", '<span class="sig-lines">').replace("</dl>", "</span>")
        return text.replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")

    return _SIGNATURE.sub(lines, body)


def listed_references(body: str) -> str:
    """Return the HTML of a page, its references items of the list that they stand in, as a list may have no others."""
    return body.replace('role="doc-biblioentry"', 'role="listitem"')


def named_toggles(html: str) -> str:
    """Return a page whose switches of chapters in the sidebar, an icon each, have a name."""
    return html.replace(_TOGGLE, _TOGGLE.replace("<summary>", '<summary aria-label="Pages of this chapter">'))


def _on_finish(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if _TOGGLE in text:  # the theme makes them after a page's context is known
            page.write_text(named_toggles(text), encoding="utf-8")


def _on_page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = listed_references(plain_signatures(labelled(context["body"])))


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page before it is written."""
    app.connect("html-page-context", _on_page)
    app.connect("build-finished", _on_finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
