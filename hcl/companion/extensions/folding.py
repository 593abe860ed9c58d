"""Sphinx: the code of every cell of a notebook folded away under a label that says what it does."""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator


class Fold(nodes.Element):  # type: ignore[misc]  # docutils has no types
    """What is folded, under the attribute ``label``."""


# What stands in a cell, and what the cell does; the first that fits.
_DOES = (
    (r"report\.show_|\.table\(|\.floor_table\(", "make the table"),
    (r"^glue\(", "keep numbers for other pages"),
    (r"verdict|board_html\.", "the verdicts"),
    (r"pages\.load\(|studies\.study\(|benchmarks_report\.load\(|= scoreboard\(", "load the records"),
    (r"^(?:Markdown\(|page\.)", "compute the text"),
)


def label(source: str, tags: tuple[str, ...] = (), *, figure: bool = False) -> str:
    """Return what stands on the fold of a cell, such as ``"Code: draw the figure"``.

    Args:
        source: of the cell.
        tags: of the cell.
        figure: whether it shows one.
    """
    if "parameters" in tags:
        return "Code: the parameters"
    if "injected-parameters" in tags:
        return "Code: the parameters of this run"
    if figure:
        return "Code: draw the figure"
    return next((f"Code: {does}" for sign, does in _DOES if re.search(sign, source, re.MULTILINE)), "Code: compute")


class FoldCode(SphinxPostTransform):
    """Puts the source of every code cell into a `Fold`."""

    default_priority = 198  # before myst-nb's own, which hides what is tagged so
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Fold the cells of the document; those that a tag of myst-nb hides already are let be."""
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code" or cell.get("hide_mode") or not cell.children:
                continue
            code = cell.children[0]
            if not isinstance(code, nodes.Element) or code.get("nb_element") != "cell_code_source":
                continue
            tags = tuple(name.removeprefix("tag_") for name in cell["classes"] if name.startswith("tag_"))
            figure = _shows_figure(cell)
            fold = Fold(label=label(code.astext(), tags, figure=figure))
            cell.replace(code, fold)
            fold += code


def _shows_figure(cell: nodes.Node) -> bool:
    drawn = any("<figure" in raw.astext() for raw in cell.findall(nodes.raw) if "html" in str(raw.get("format")))
    return drawn or any(True for _ in cell.findall(nodes.figure))


def visit_fold(self: HTML5Translator, node: Fold) -> None:
    """Open the fold."""
    self.body.append(f'<details class="code-fold"><summary>{escape(node["label"])}</summary>')


def depart_fold(self: HTML5Translator, node: Fold) -> None:
    """Close it."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the fold, and the script that opens all of them at once."""
    app.add_node(Fold, html=(visit_fold, depart_fold))
    app.add_post_transform(FoldCode)
    app.add_js_file("folding.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
