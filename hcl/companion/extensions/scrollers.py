"""Sphinx: tables of prose scroll in regions of their own that the keyboard reaches, as those of notebooks do."""

import re
from html import unescape
from typing import Any

from sphinx.application import Sphinx

_CONTAINER = re.compile(r'<div class="pst-scrollable-table-container">(<table.*?</thead>)', re.DOTALL)


def labelled(body: str) -> str:
    """Return the HTML of a page, each table's scroller a region whose label are the words of its header.

    Args:
        body: as the theme writes it, without focus, role or name.
    """

    def region(match: re.Match[str]) -> str:
        heads = re.findall(r"<th\b[^>]*>(.*?)</th>", match[1], re.DOTALL)
        words = ", ".join(" ".join(unescape(re.sub(r"<[^>]+>", "", head)).split()) for head in heads)
        name = words.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        open_ = '<div class="pst-scrollable-table-container" role="region" tabindex="0"'
        return f'{open_} aria-label="Table: {name}">{match[1]}'

    return _CONTAINER.sub(region, body)


def _on_page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = labelled(context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page before it is written."""
    app.connect("html-page-context", _on_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
