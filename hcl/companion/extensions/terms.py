"""Links to the glossary: on every page the first use of a term in running text, unless the page links it itself.

Notebooks stay as they are read in JupyterLab, and a new page is linked without a thought. Headings, code, formulas and
what is a link already are left alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

# By the term of book/glossary.md, how it is written in running text: whole words, capitals as here or at the start.
WORDS: Mapping[str, str] = {
    "anchor": "anchors?",
    "positive": "positives",
    "negative": "negatives",
    "hard negative": "hard[- ]negatives?",
    "SCL": "SCL",
    "HSCL": "HSCL",
    "UCL": "UCL",
    "HUCL": "HUCL",
    "InfoNCE": "InfoNCE",
    "SimCLR": "SimCLR",
    "batch": "batch(?:es)?",
    "epoch": "epochs?",
    "seed": "seeds?",
    "embedding": "embeddings?|representations?",
    "similarity": "similarit(?:y|ies)",
    "unit ball": "unit[- ]ball",
    "unit sphere": "unit[- ]sphere",
    "class mean": "class means?",
    "mean classifier": "mean classifier",
    "linear probe": "linear probe",
    "Neural-Collapse": "Neural-Collapse",
    "Equiangular Tight Frame": "Equiangular Tight Frames?|ETFs?",
    "Dimensional-Collapse": "Dimensional-Collapse",
    "zero-sum": "zero-sum",
    "unit-norm": "unit-norm",
    "equal inner product": "equal inner[- ]product(?: metric)?",
    "within-class distance": "within-class distance",
    "spectrum": "spectrum|spectra",
    "rank": "rank",
    "effective rank": "effective ranks?",
    "clusters": "clusters?",
    "settled value": "settled values?",
}
# As other words are, too: linked where they are set in italics, as verdicts are where they are spoken of.
ITALIC = ("reproduced", "partly", "not reproduced", "undecided", "not judged", "waiting")
_LONGEST_FIRST = sorted(WORDS, key=len, reverse=True)
_WORD = re.compile(
    "|".join(rf"(?P<t{_LONGEST_FIRST.index(term)}>\b(?:{WORDS[term]})\b)" for term in _LONGEST_FIRST), re.IGNORECASE
)
_ELSEWHERE = (
    nodes.title, nodes.strong, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.reference,
    nodes.raw, nodes.caption, nodes.field_name, nodes.comment, addnodes.pending_xref, addnodes.desc, addnodes.glossary,
)  # fmt: skip


def found(words: str) -> Iterator[tuple[int, int, str]]:
    """Yield where terms of the glossary stand in running text: start, end and the term."""
    for match in _WORD.finditer(words):
        term = _LONGEST_FIRST[int(str(match.lastgroup)[1:])]
        if not term.isupper() or match[0].isupper():  # what is written in capitals only means it in capitals
            yield match.start(), match.end(), term


def link(document: nodes.document, docname: str) -> set[str]:
    """Link the first use of every term in a document; return the terms that it links, by itself or now.

    Args:
        document: read, its references not resolved yet.
        docname: its name.
    """
    done = {
        str(reference["reftarget"]).casefold()
        for reference in document.findall(addnodes.pending_xref)
        if reference.get("reftype") == "term"
    }
    for leaf in list(document.findall(nodes.Text)):
        if not _in_running_text(leaf):
            continue
        parts: list[nodes.Node] = []
        words, at = leaf.astext(), 0
        spoken = (
            [(0, len(words), words)] if words in ITALIC and isinstance(leaf.parent, nodes.emphasis) else found(words)
        )
        for start, end, term in spoken:
            if term.casefold() not in done:
                done.add(term.casefold())
                parts += [nodes.Text(words[at:start]), _reference(words[start:end], term, docname)]
                at = end
        if parts:
            leaf.parent.replace(leaf, [part for part in [*parts, nodes.Text(words[at:])] if part.astext()])
    return done


def _in_running_text(leaf: nodes.Node) -> bool:
    node, paragraph = leaf.parent, False
    while node is not None:
        if isinstance(node, _ELSEWHERE) or node.get("design_component") == "card":
            return False
        paragraph = paragraph or isinstance(node, nodes.paragraph)
        node = node.parent
    return paragraph


def _reference(words: str, term: str, docname: str) -> nodes.Node:
    inner = nodes.inline(words, words, classes=["xref", "std", "std-term"])
    return addnodes.pending_xref(
        "", inner, refdomain="std", reftype="term", reftarget=term, refdoc=docname, refexplicit=True, refwarn=True
    )


def _on_read(app: Sphinx, document: nodes.document) -> None:
    docname = app.env.docname
    if not any("".join(title.astext().split()) == "Glossary" for title in document.findall(nodes.title)):
        link(document, docname)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-read", _on_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
