"""Sphinx: pages without the theme's 1.5 MB script of icons, which its style sheet draws from a web font as well."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_SCRIPT = re.compile(r'\s*<script[^>]*\ssrc="[^"]*fontawesome\.js[^"]*"[^>]*></script>')


def lightened(html: str) -> str:
    """Return a page without the script."""
    return _SCRIPT.sub("", html)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Take the script out of every page that was built, and off the disk."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "fontawesome.js" in text:
            page.write_text(lightened(text), encoding="utf-8")
    for script in Path(app.outdir, "_static", "scripts").glob("fontawesome.js*"):
        script.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("build-finished", lighten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
