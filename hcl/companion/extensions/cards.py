"""Puts a card that says where they come from under every figure and table, and writes the files it links to."""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from hcl.companion import cards, downloads
from hcl.companion.notes import MARK

_DRAWN = re.compile(r"<table|<svg|<img|class=\"[^\"]*\b(?:plotly|hcl-figure)\b")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_css_file("cards.css")
    app.add_js_file("downloads.js")
    app.connect("doctree-resolved", add_cards)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def told(path: Path) -> dict[str, Any] | None:
    """Return ``metadata.hcl`` of an executed notebook; None of any other file."""
    if path.suffix != ".ipynb":
        return None
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("hcl")
    return found


def add_cards(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Replace the note at the top of a page by its card, and put one after every output that shows something."""
    path = Path(app.env.doc2path(page))
    if app.builder.format != "html" or (facts := told(path)) is None:
        return
    links = downloads.links(facts, path.stem, "../" * page.count("/"))
    for output in [node for node in tree.findall(nodes.container) if "cell_output" in node["classes"]]:
        if any(MARK in node.astext() for node in output.findall(nodes.raw)):
            top = _raw(facts.get("stand_in", "") + cards.card(facts, links, head=True))
            output.parent.replace(output, top)  # replace_self would hand on the classes
        elif _shows(output) and not _verdicts(output):
            place = output.parent
            own = place.get("cell_metadata", {}).get("hcl")
            card = cards.card(own | {"executed": facts["executed"]}) if own else cards.card(facts, links)
            place.insert(place.index(output) + 1, _raw(card))


def _raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


def _shows(output: nodes.Element) -> bool:
    """Return whether an output is a figure or a table rather than words."""
    drawn = any(True for kind in (nodes.figure, nodes.image, nodes.table) for _ in output.findall(kind))
    return drawn or any(_DRAWN.search(node.astext()) for node in output.findall(nodes.raw))


def _verdicts(output: nodes.Element) -> bool:
    """Return whether an output is a table of verdicts: each claim in it says by which runs it was judged."""
    cell = output.parent
    return any("verdict" in block.astext() for block in cell.findall(nodes.literal_block))


def write_files(app: Sphinx, error: Exception | None) -> None:
    """Write what the cards link to, and beside every text that a page offers what hands it over."""
    if error is not None or app.builder.format != "html":
        return
    for page in app.env.found_docs:
        path = Path(app.env.doc2path(page))
        if (facts := told(path)) is not None:
            downloads.write(facts, path.stem, Path(app.srcdir), Path(app.outdir))
        elif (source := Path(app.outdir, "_sources", f"{page}.md")).exists():  # what the theme's button offers
            downloads.hand_over(source)
    for offered in [*Path(app.outdir, "_downloads").glob("*/*")]:
        if offered.suffix != ".js":
            downloads.hand_over(offered)
