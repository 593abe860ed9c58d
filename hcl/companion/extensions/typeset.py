"""Sphinx: running text as print has it: signs for minus and "at least", powers of ten, what no line end parts.

What is computed, and docstrings, have them as a keyboard does; formulas and code are left alone.
"""

import re
from typing import Any

from sphinx.application import Sphinx

from hcl.companion.numbers import raised

_LEFT_ALONE = (
    r"<(?P<tag>pre|code|script|style|svg|kbd|textarea)\b.*?</(?P=tag)>"
    r'|<(?P<maths>span|div) class="math\b.*?</(?P=maths)>|<dt class="sig\b.*?</dt>|<[^>]*>'
)
_PARTS = re.compile(rf"(?P<alone>{_LEFT_ALONE})|(?P<text>[^<]+)", re.DOTALL)
_SIGNS = (
    (re.compile(r"&gt;="), "≥"),
    (re.compile(r"&lt;="), "≤"),
    (re.compile(r"(?<= )-&gt;(?= )"), "→"),
    (re.compile(r"(?<=[\w)|\]]) - (?=[A-Z0-9(|]|[a-z]\b)"), " − "),
    (re.compile(r"(?<![^\s(\[{=,;:/±])-(?=\.?\d)"), "−"),
    (re.compile(r"\b([βεταCkdB]) (=) (?=[−.\d])"), "\\1\u00a0\\2\u00a0"),
)


_FORMULA = re.compile(r'(\(?)(<span class="math\b[^>]*>[^<]*</span>)([.,;:!?)’”]*)')


def keep_punctuation(html: str) -> str:
    """Return HTML in which no line ends between a formula in running text and a comma after it, or a bracket before.

    Args:
        html: of a page, or a part of one.
    """

    def kept(match: re.Match[str]) -> str:
        return f'<span class="hcl-kept">{match[0]}</span>' if match[1] or match[3] else match[0]

    return _FORMULA.sub(kept, html)


def set_signs(html: str) -> str:
    """Return HTML whose running text has signs as print has them.

    Args:
        html: of a page, or a part of one.
    """

    def part(match: re.Match[str]) -> str:
        if match["text"] is None:
            return match[0]
        text = raised(match["text"])
        for found, sign in _SIGNS:
            text = found.sub(sign, text)
        return text

    return _PARTS.sub(part, html)


def _on_page(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = keep_punctuation(set_signs(context["body"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page before it is written."""
    app.connect("html-page-context", _on_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
