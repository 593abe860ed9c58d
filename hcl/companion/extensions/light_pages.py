"""Sphinx: a light book, without what no page asks for.

That is the theme's 1.5 MB script of icons, which its style sheet draws from a web font as well, and those bundles of
MathJax, 18 MB, that other books start from.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_MATHS = re.compile(r"/mathjax/([\w-]+\.js)")
_SCRIPT = re.compile(r'\s*<script[^>]*\ssrc="[^"]*fontawesome\.js[^"]*"[^>]*></script>')


def lightened(html: str) -> str:
    """Return a page without the script."""
    return _SCRIPT.sub("", html)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Take the script out of every page that was built, and what is not used off the disk."""
    if exception or app.builder.format != "html":
        return
    used: set[str] = set()
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        used.update(_MATHS.findall(text))
        if "fontawesome.js" in text:
            page.write_text(lightened(text), encoding="utf-8")
    static = Path(app.outdir, "_static")
    for script in static.glob("scripts/fontawesome.js*"):
        script.unlink()
    for bundle in static.glob("mathjax/*.js"):
        if used and bundle.name not in used:
            bundle.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("build-finished", lighten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
