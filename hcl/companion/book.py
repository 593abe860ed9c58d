"""The book: every notebook executed from the committed runs, checked, and built with warnings as errors."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import papermill
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from hcl.companion import built, kernels, launch, notebooks, points_page, reliability, status
from hcl.companion.registry import FIGURES
from hcl.errors import HclError
from hcl.training import checks, places

EXTRA = ("idea", "scoreboard", "explorer", "slips", "performance", "cluster")  # pages that are no figure of the paper
_LONGEST = ("scoreboard", "theory")  # begun first, so that nothing waits for them at the end


class BookError(HclError, RuntimeError):
    """The book cannot be built; the message says which page and why."""


def page_names() -> list[str]:
    """Return the notebooks of the registry, each once, and the others."""
    return [*dict.fromkeys(figure.notebook for figure in FIGURES.values()), *EXTRA]


def build(root: Path | None = None, names: Sequence[str] | None = None) -> Path:
    """Execute the notebooks from the records, refuse failed or hollow ones, and build the HTML from scratch.

    Nothing is trained (HCL_TRAIN=0): a run without a record fails the build.

    Args:
        root: of the project, None being the checkout: its ``notebooks/``, ``book/``, ``_config.yml`` and ``_toc.yml``.
        names: of the notebooks; None is `page_names`.

    Returns:
        The path of ``index.html``.

    Raises:
        BookError: naming every page that failed and why.
        hcl.training.runs.RecordError: naming every fault of a record.
    """
    root = root or places.project()
    names = page_names() if names is None else names
    checks.check_all(root / "runs")
    if drifted := [*notebooks.drifted(root / "notebooks"), *launch.drifted(root)]:
        raise BookError(f"Pairs out of step: {', '.join(drifted)}. Run 'hcl sync' (it writes .ipynb from .py).")
    shutil.rmtree(root / "book" / "pages", ignore_errors=True)
    ordered = sorted(names, key=lambda name: name not in _LONGEST)
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
        pages = dict(zip(ordered, pool.map(_execute, ordered, [root] * len(names)), strict=True))
    found = [f"{name}: {fault}" for name in names for fault in pages[name]]
    points_page.write(root / "book" / "pages", root / "runs")
    reliability.write(root)
    if found:
        raise BookError("Pages that cannot be published:\n" + "\n".join(found))
    status.write(root)

    shutil.rmtree(root / "_build", ignore_errors=True)
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [str(jupyter_book), "build", str(root), "-W", "-n", "--keep-going", "-q"]
    if subprocess.run(command, check=False).returncode != 0:
        raise BookError("jupyter-book failed: its warnings above are errors.")
    html = root / "_build" / "html"
    if missing := missing_images(html):
        raise BookError("Images that are not there:\n" + "\n".join(missing))
    built.stamp(root)
    return html / "index.html"


def missing_images(html: Path) -> list[str]:
    """Return "page: image" for every local image of a built book that does not exist, which Sphinx lets pass."""
    return [
        f"{page.relative_to(html)}: {source}"
        for page in sorted(html.rglob("*.html"))
        for source in re.findall(r'<img[^>]*\ssrc="([^":]+)"', page.read_text(encoding="utf-8"))
        if not (page.parent / source).exists()
    ]


def _execute(name: str, root: Path) -> list[str]:
    """Execute one page; return what keeps it from being published."""
    os.environ |= {"HCL_TRAIN": "0", "HCL_RUNS": str(root / "runs"), "OMP_NUM_THREADS": "1"}
    try:
        with kernels.forked():
            page = notebooks.execute(name, root / "book" / "pages" / f"{name}.ipynb", folder=root / "notebooks")
    except papermill.PapermillExecutionError as error:
        return [f"cell {error.exec_count}: {error.ename}: {error.evalue}"]
    return faults(nbformat.read(page, as_version=4))


def faults(notebook: NotebookNode) -> list[str]:
    """Return what keeps an executed notebook from being published.

    Errors and unexecuted cells; warnings, which name files of the machine that built the book; and hollow cells: those
    that end in an expression to be shown, with nothing shown.
    Jupyter Book publishes all of these without complaint.
    """
    found = []
    if notebook.metadata.get("papermill", {}).get("exception"):
        found.append("papermill recorded an exception")
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        if any(output.output_type == "error" for output in cell.outputs):
            found.append(f"code cell {number} holds an error")
        elif said := [one.text for one in cell.outputs if one.output_type == "stream" and one.name == "stderr"]:
            found.append(f"code cell {number} wrote a warning: {' '.join(said[0].split())[:100]!r}")
        elif cell.source.strip() and cell.execution_count is None:
            found.append(f"code cell {number} was not executed")
        elif _shows_something(cell.source) and not cell.outputs:
            found.append(f"code cell {number} shows nothing: {cell.source.strip().splitlines()[-1]!r}")
    return found


def _shows_something(source: str) -> bool:
    """Return whether a cell ends in an expression, whose value a reader expects to see.

    IPython's own commands (``%matplotlib inline``, ``!ls``, ``?x``) show something or not as they please, and a
    semicolon at the end says that nothing is to be shown.
    """
    try:
        body = ast.parse(TransformerManager().transform_cell(source)).body
    except SyntaxError:
        return False  # whose error is an output
    if not body or not isinstance(body[-1], ast.Expr) or source.rstrip().endswith(";"):
        return False
    return not ast.unparse(body[-1]).startswith("get_ipython().")
