"""Charts of the recorded runs: their scripts on the pages that have one, Plotly and the data beside them."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from hcl.companion import explorer
from hcl.companion.charts import MARK

PLOTLY = "plotly.min.js"
SCRIPTS, STYLE = ("charts.js", "explorer.js"), "explorer.css"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("html-page-context", add_files)
    app.connect("build-finished", write_data)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def add_files(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Add script and style to the pages that have a chart, and to no other."""
    if MARK in context.get("body", ""):
        app.add_css_file(STYLE)
        for name in SCRIPTS:
            app.add_js_file(name, loading_method="defer")


def write_data(app: Sphinx, exception: Exception | None) -> None:
    """Put Plotly, as its package has it, and the data of all records into the built book.

    Raises:
        ExtensionError: where Plotly is not installed.
    """
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    target = static / PLOTLY
    source = plotly_js()
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        static.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    explorer.write(static / explorer.FOLDER, Path(app.srcdir) / "runs")


def plotly_js() -> Path:
    """Return the path of the bundle that Plotly's package has.

    Raises:
        ExtensionError: where there is none.
    """
    spec = find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / PLOTLY if spec is not None and spec.origin else None
    if path is None or not path.exists():
        raise ExtensionError("Interactive charts need plotly: pip install 'plotly>=6'.")
    return path
