"""Each claim of the paper in the book's search, found by its words; and links between notebooks made those of pages.

The lists of verdicts are HTML that notebooks made (`hcl.companion.board_html`), whose words lead a search to a page. As
objects of a Sphinx domain the claims are found one by one, and lead to their lines.
"""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.domains import Domain, ObjType

from hcl.companion.claims import CLAIMS
from hcl.companion.registry import FIGURES

FOLDER = "book/pages"
_LINK = re.compile(r'(?<=href=")(\w+)\.ipynb(?=["#])')


class ClaimDomain(Domain):
    """The claims of the paper, each with the line that it has on the page of its figure."""

    name = "hcl"
    label = "the paper's"  # a search says of a result what it is: the paper's claim
    object_types = {"claim": ObjType("claim")}  # noqa: RUF012 - as Sphinx has it

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Yield name, statement, type, page, anchor and priority of each claim."""
        for claim in CLAIMS:
            page = f"{FOLDER}/{FIGURES[claim.figure].notebook}"
            yield claim.name, claim.statement.removesuffix("."), "claim", page, f"claim-{claim.name}", 1

    def merge_domaindata(self, docnames: Any, otherdata: Any) -> None:
        """Do nothing: what there is does not come from the documents."""


def link_pages(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make links to notebooks in their HTML, which work in JupyterLab, links to the pages of the book."""
    if app.builder.format != "html":
        return
    for node in doctree.findall(nodes.raw):
        text = node.astext()
        if 'class="hcl-' in text and _LINK.search(text):
            node.clear()
            node += nodes.Text(_LINK.sub(lambda link: _address(app, docname, link[1]), text))  # whose parent it is


def _address(app: Sphinx, docname: str, notebook: str) -> str:
    page = f"{FOLDER}/{notebook}"
    known = page in app.env.found_docs
    return app.builder.get_relative_uri(docname, page) if known else f"{notebook}.ipynb"


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the domain, and make the links."""
    app.add_domain(ClaimDomain)
    app.connect("doctree-resolved", link_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
