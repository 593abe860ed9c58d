"""What a page holds for its interactive charts: elements that `book/_static/charts.js` brings to life.

In JupyterLab, and without JavaScript, there is nothing to see of them: the figure above stands for itself.
"""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hcl.companion.explorer import piece_of
from hcl.companion.registry import row_of
from hcl.training.runs import Run

MARK = "data-hcl-chart"  # the attribute that says an element is one


@dataclass(frozen=True)
class Element:
    """A piece of HTML, with words where HTML is not shown.

    Attributes:
        code: HTML.
        words: plain text.
    """

    code: str
    words: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.code, "text/plain": self.words}


def chart(
    runs: Sequence[Run], metrics: Sequence[str], titles: Mapping[str, str] | None = None, figure: str = ""
) -> Element:
    """Return the element that lets a reader draw the figure before it again, with values on hover.

    Args:
        runs: that the figure shows; of those without a record there is no chart.
        metrics: columns of the history, or ``"spectrum"``, a row of panels each.
        titles: what to call the rows of Figures 4 and 6.
        figure: of the registry, for the link to the explorer.
    """
    of: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        if run.path is not None:
            of.setdefault(piece_of(run), {}).setdefault(row_of(run.spec), []).append(run.path.name)
    asked = {"metrics": list(metrics), "runs": of, "titles": dict(titles or {}), "figure": figure}
    return Element(f"<div {MARK}='{_attribute(asked)}' hidden></div>", "(Interactive in the book.)")


def page() -> Element:
    """Return the element that the explorer is put into."""
    return Element(
        f"<div {MARK}='explorer'><noscript><p>The explorer needs JavaScript. The picture below shows the headline "
        "runs, and every figure's page shows its own.</p></noscript></div>",
        "(The explorer works in the book.)",
    )


def _attribute(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return html.escape(text, quote=False).replace("'", "&#39;")
