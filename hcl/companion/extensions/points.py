"""Every mention of a D-number or P-number in the text of the book is a link to its row of the page of points.

Prose, tables and what notebooks print as HTML are text; code, mathematics, headings and what is a link already are not.
"""

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from hcl.companion.points import POINTS

PAGE = "book/pages/points"
MENTION = re.compile(r"(?<![\w.\-#])[DP]\d{1,2}(?![\w\-])")
CSS_CLASS = "hcl-point"

_NOT_TEXT = (
    nodes.FixedTextElement, nodes.literal, nodes.math, nodes.math_block, nodes.reference, nodes.title, nodes.raw,
    nodes.comment, nodes.target, nodes.image, nodes.Invisible,
)  # fmt: skip
_SKIPPED = frozenset({"a", "button", "code", "h1", "h2", "h3", "h4", "h5", "h6", "option", "pre", "svg", "textarea"})
_TOKEN = re.compile(
    r"<(script|style)\b.*?</\1\s*>"  # whose text is no HTML
    r"|<!--.*?-->"
    r"|<(/?)([a-zA-Z][\w-]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(/?)>",  # a tag, with any > in its attributes
    re.DOTALL,
)
_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


def anchor(number: str) -> str:
    """Return the id of the row of a point, ``"d33"``."""
    return number.lower()


def hint(number: str) -> str:
    """Return what is shown on hover."""
    point = POINTS[number]
    kind = "paper and official code" if point.kind == "D" else "slip of the text"
    return f"{number}, {kind}: {point.topic}"


def mentions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text in order, each with the number that it is, or ``""`` where it is none."""
    end = 0
    for found in MENTION.finditer(text):
        if found[0] in POINTS:
            if found.start() > end:
                yield text[end : found.start()], ""
            yield found[0], found[0]
            end = found.end()
    if end < len(text):
        yield text[end:], ""


def link_html(html: str, page: str) -> str:
    """Return HTML with every mention in its text, outside links, code, headings and drawings, a link.

    Args:
        html: a fragment, as a notebook shows it.
        page: address of the page of points, relative to where the fragment is shown.
    """
    if MENTION.search(html) is None:
        return html
    parts, end, skipping = [], 0, 0
    for token in _TOKEN.finditer(html):
        between = html[end : token.start()]
        parts += [between if skipping else _linked(between, page), token[0]]
        end = token.end()
        name = (token[3] or "").lower()
        if name in _SKIPPED and not token[4] and name not in _VOID:
            skipping = max(skipping + (-1 if token[2] else 1), 0)
    rest = html[end:]
    return "".join([*parts, rest if skipping else _linked(rest, page)])


def _linked(text: str, page: str) -> str:
    return "".join(
        f'<a class="{CSS_CLASS}" href="{page}#{anchor(number)}" title="{escape(hint(number))}">{part}</a>'
        if number
        else part
        for part, number in mentions(text)
    )


def link_text(text: nodes.Text, page: str) -> list[nodes.Node]:
    """Return a text of the document tree as texts and links; see `link_html`."""
    found: list[nodes.Node] = []
    for part, number in mentions(text.astext()):
        if not number:
            found.append(nodes.Text(part))
            continue
        link = nodes.reference(
            "", "", nodes.Text(part), internal=True, refuri=f"{page}#{anchor(number)}", reftitle=hint(number)
        )
        link["classes"].append(CSS_CLASS)
        found.append(link)
    return found


def _is_text(node: nodes.Node) -> bool:
    while (node := node.parent) is not None:
        if isinstance(node, _NOT_TEXT):
            return False
    return True


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the mentions of a page before it is written; nothing where the book has no page of points."""
    if app.builder.format != "html" or PAGE not in app.env.found_docs:
        return
    page = app.builder.get_relative_uri(docname, PAGE)
    for text in list(doctree.findall(nodes.Text)):
        if MENTION.search(text.astext()) and _is_text(text):
            text.parent.replace(text, link_text(text, page))
    for raw in list(doctree.findall(nodes.raw)):
        if "html" in raw.get("format", "").split():
            linked = link_html(raw.astext(), page)
            raw.replace_self(nodes.raw(raw.rawsource, linked, **raw.attributes))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
