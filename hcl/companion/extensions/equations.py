"""Equations have the numbers of the paper: one labelled ``eq-30`` is (30), wherever it stands in the book."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_LABEL = re.compile(r"eq-(\d+)")


def number_of(label: str | None) -> int | None:
    """Return the paper's number of an equation by its label, or None for a label of another form."""
    found = _LABEL.fullmatch(label or "")
    return int(found[1]) if found else None


def renumber(app: Sphinx, doctree: nodes.document) -> None:
    """Give the labelled equations of a page the numbers of their labels, and what refers to them too."""
    equations = app.env.get_domain("math").data["objects"]
    for equation in doctree.findall(nodes.math_block):
        label = equation.get("label")
        if (number := number_of(label)) is not None:
            equation["number"] = number
            equations[label] = (app.env.docname, number)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-read", renumber)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
